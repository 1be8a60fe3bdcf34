"""Which engine the options of ``train`` mean, and training with each of them by the command line."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import click
import pytest
import torch

from mnistbench.cli.executors import open_engine
from mnistbench.errors import ProviderError
from mnistbench.training import hardware
from mnistbench.training.local import LocalExecutor
from mnistbench.training.parallel import PoolExecutor

CPU, GPU = torch.device("cpu"), torch.device("cuda", 1)
TRAIN = ("train", "8-10", "--epochs", 1, "--seeds", "0..2", "--json")


@pytest.fixture
def three_gpus(monkeypatch):
    """What torch says where there are three GPUs."""
    monkeypatch.setattr(torch.version, "cuda", "12.8")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)


@pytest.mark.parametrize(
    ("name", "device", "at_once", "expected"),
    [
        ("auto", "cpu", 1, LocalExecutor(CPU, 1)),
        ("auto", "cpu", 9, PoolExecutor((), 9)),
        ("auto", "cuda:1", 1, LocalExecutor(GPU, 1)),
        ("auto", "cuda:1", 9, LocalExecutor(GPU, 9)),
        ("local", "cpu", 1, LocalExecutor(CPU, 1)),
        ("local", "cuda:1", 2, LocalExecutor(GPU, 2)),
        ("pool", "cpu", 1, PoolExecutor((), 1)),
        ("pool", "cpu", 2, PoolExecutor((), 2)),
        ("pool", "cuda:1", 2, PoolExecutor((1,), 2)),
        ("pool", "cuda", 2, PoolExecutor((0, 1, 2), 2)),
        ("pool", "auto", 1, PoolExecutor((0, 1, 2), 1)),
    ],
)
def test_the_engine_that_the_options_mean(three_gpus, name, device, at_once, expected):
    engine = open_engine(name, device, at_once=at_once, num_jobs=3, address=None)
    assert engine.executor == expected
    assert engine.device.type == device.partition(":")[0].replace("auto", "cuda")
    assert engine.in_process == isinstance(expected, LocalExecutor)


def test_one_job_needs_no_other_process():
    assert open_engine("auto", "cpu", at_once=9, num_jobs=1, address=None).executor == LocalExecutor(CPU, 9)


@pytest.mark.parametrize(
    ("options", "texts"),
    [
        (("--executor", "local", "--device", "cpu", "-j", 2), ("2 runs at once", "--executor pool")),
        (("--address", "auto"), ("'auto'", "--executor ray")),
        (("--executor", "pool", "--address", "10.0.0.1:6379"), ("'10.0.0.1:6379'", "--executor ray")),
        (("--executor", "ray", "--device", "cuda:1"), ("'cuda:1'", "auto, cpu or cuda")),
        (("--executor", "slurm"), ("'slurm'", "'ray'")),
    ],
)
def test_options_that_do_not_fit_each_other(cli, options, texts):
    cli(*TRAIN, *options).fails_with(*texts, code=2)
    assert not cli.work.exists()


def test_without_ray_the_error_says_how_to_install_it(cli, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setenv("RAY_AUTH_MODE", "token")  # put back what the command sets
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    cli(*TRAIN, "--executor", "ray").fails_with("'ray'", "pip install 'mnistbench[ray]'")
    assert not cli.work.exists()


def test_the_address_of_a_client_is_refused(cli):
    cli(*TRAIN, "--executor", "ray", "--address", "ray://10.0.0.1:10001").fails_with("'ray://10.0.0.1:10001'", "auto")


@pytest.mark.slow
def test_the_pool_trains_what_one_process_would(cli, tmp_path):
    expected = {row["seed"]: row["weights_sha256"] for row in cli(*TRAIN, "--work-dir", tmp_path / "one").json}
    rows = cli(*TRAIN, "--executor", "pool", "--device", "cpu", "-j", 2).succeeds().json
    assert {row["seed"]: row["weights_sha256"] for row in rows} == expected


def test_a_cluster_trains_what_one_process_would(cli, tmp_path, ray_address):
    expected = {row["seed"]: row["weights_sha256"] for row in cli(*TRAIN, "--work-dir", tmp_path / "one").json}
    outcome = cli(*TRAIN, "--executor", "ray", "--device", "cpu", "--address", ray_address).succeeds()
    assert {row["seed"]: row["weights_sha256"] for row in outcome.json} == expected
    assert {row["device"] for row in outcome.json} == {"cpu"}
    again = cli(*TRAIN, "--executor", "ray", "--device", "cpu", "--address", ray_address).succeeds()
    assert again.json == outcome.json


def test_a_cluster_whose_gpus_are_none_says_so(cli, ray_address):
    outcome = cli(*TRAIN, "--executor", "ray", "--address", ray_address)
    assert outcome.code == 1
    assert "nothing can be trained on the cluster" in outcome.err
    assert "Traceback" not in outcome.err


def test_a_gpu_that_torch_cannot_use_is_refused_for_the_pool(monkeypatch):
    monkeypatch.setattr(hardware, "torch", SimpleNamespace(version=SimpleNamespace(cuda=None), __version__="2"))
    with pytest.raises(ProviderError, match="built without CUDA"):
        open_engine("pool", "cuda", at_once=1, num_jobs=1, address=None)


def test_a_bad_combination_is_a_usage_error():
    with pytest.raises(click.BadParameter):
        open_engine("local", "cpu", at_once=2, num_jobs=2, address=None)


def test_runs_in_a_store_count_as_done_for_another_work_folder(cli, tmp_path):
    store = ("--results-to", tmp_path / "store")
    first = cli(*TRAIN, *store, "--work-dir", tmp_path / "one").succeeds()
    second = cli(*TRAIN, *store, "--work-dir", tmp_path / "two").succeeds()
    assert second.json == first.json
    assert "kept: was finished before" in second.err


def test_a_store_that_cannot_be_used_is_one_line(cli):
    cli(*TRAIN, "--results-to", "nothing://x").fails_with("cannot use nothing://x", "--results-to")
    assert not cli.work.exists()


@pytest.mark.parametrize(
    "options", [("--results-to", "memory://bob:hunter2@x/y"), ("--results-to=ftp://bob:hunter2@x",)]
)
def test_the_command_to_go_on_with_has_no_password(cli, monkeypatch, options):
    def interrupt(*_given):
        raise KeyboardInterrupt

    monkeypatch.setattr("mnistbench.training.storing.prepare_store", interrupt)
    outcome = cli(*TRAIN, *options)
    assert outcome.code == 130
    assert "go on with: mnistbench train 8-10" in outcome.err
    assert "://x" in outcome.err
    assert "bob" not in outcome.err
    assert "hunter2" not in outcome.err


def test_an_error_of_a_store_has_no_password_even_with_its_traceback(cli):
    outcome = cli.process(*TRAIN, "--debug", "--results-to", "nothing://bob:hunter2@x")
    assert "Traceback" in outcome.err
    assert "cannot use nothing://x" in outcome.err
    assert "hunter2" not in outcome.err
