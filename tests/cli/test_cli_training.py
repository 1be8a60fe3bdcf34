"""Training that is interrupted, diverges, or finds its files damaged or its folder closed."""

from __future__ import annotations

import itertools
import json
import signal
import sys
from dataclasses import replace

import pytest

from mnistbench.cli.progress import JobProgress
from mnistbench.training.run import EpochDone

TRAIN = ("train", "8-10", "--epochs", 3, "--json")


@pytest.fixture
def interrupted(cli, monkeypatch):
    """A run that Ctrl-C stopped after its first epoch."""
    plain = JobProgress.__call__

    def interrupt(self, event):
        plain(self, event)
        if isinstance(event, EpochDone):
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(JobProgress, "__call__", interrupt)
        outcome = cli(*TRAIN)
    (state,) = cli.work.glob("training/8-10/*/state.json")
    return outcome, state.parent


def weights_of(outcome):
    return [row["weights_sha256"] for row in outcome.succeeds().json]


def test_an_interrupted_run_says_what_is_kept_and_how_to_go_on(interrupted):
    outcome, _ = interrupted
    assert outcome.code == 130
    assert outcome.out == ""
    line = outcome.err.splitlines()[-1]
    assert line.startswith("interrupted: 8-10: epochs up to 1 of 3 are kept")
    assert "mnistbench train 8-10" in line


def test_resuming_ends_with_the_weights_of_an_uninterrupted_run(cli, interrupted, tmp_path):
    resumed = cli(*TRAIN)
    assert "goes on after epoch 1" in resumed.err
    whole = replace(cli, work=tmp_path / "whole")(*TRAIN)
    assert weights_of(resumed) == weights_of(whole)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for another process")
def test_ctrl_c_in_a_real_process(cli, tmp_path):
    # Epochs enough that the signal arrives before the last one.
    command = ("train", "4-P-8-P-10", "--epochs", 12, "--batch-size", 32, "--json")
    process = cli.start(*command)
    seen = list(itertools.takewhile(lambda line: "epoch 2/12" not in line, process.stderr))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert out == ""
    assert not [line for line in seen if "Traceback" in line]
    assert "Traceback" not in err
    line = err.rstrip("\n").splitlines()[-1]
    assert line.startswith("interrupted: 4-P-8-P-10: epochs up to ")
    assert not list(cli.work.rglob("*.tmp"))

    # In processes of their own as well: the number of threads is part of the result.
    resumed = cli.process(*command, "--resume")
    assert "goes on after epoch" in resumed.err
    whole = replace(cli, work=tmp_path / "whole").process(*command)
    assert weights_of(resumed) == weights_of(whole)


def test_ctrl_c_elsewhere_is_one_word_and_130(cli, monkeypatch):
    def interrupt(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("mnistbench.cli.sources.open_dataset", interrupt)
    outcome = cli("train", "8-10")
    assert outcome.code == 130
    assert outcome.err.split() == ["interrupted"]


@pytest.mark.parametrize("damage", ["cut", "empty", "nonsense", "other"])
def test_a_damaged_checkpoint_is_refused_until_told_to_start_over(cli, interrupted, damage):
    _, folder = interrupted
    state = folder / "state.json"
    content = state.read_bytes()
    changed = {"cut": content[:100], "empty": b"", "nonsense": b"\xff\x00[", "other": b'{"schema_version": 99}'}
    state.write_bytes(changed[damage])
    cli(*TRAIN).fails_with("state.json", "--no-resume")
    assert state.read_bytes() == changed[damage]
    cli(*TRAIN, "--no-resume").succeeds()


@pytest.mark.parametrize("damage", ["flip", "cut", "missing"])
def test_damaged_tensors_of_a_checkpoint_are_refused(cli, interrupted, damage):
    _, folder = interrupted
    (tensors,) = folder.glob("epoch-*.safetensors")
    content = bytearray(tensors.read_bytes())
    content[-1] ^= 1
    if damage == "missing":
        tensors.unlink()
    else:
        tensors.write_bytes(content if damage == "flip" else content[:200])
    cli(*TRAIN).fails_with("damaged", "--no-resume")
    assert not list(folder.glob("result.json"))


def test_a_damaged_result_is_refused(cli):
    cli(*TRAIN).succeeds()
    (result,) = cli.work.glob("training/8-10/*/result.json")
    result.write_text("{", encoding="utf-8")
    for command in (TRAIN, ("export", "8-10")):
        cli(*command).fails_with("result.json", "damaged")


def test_damaged_weights_are_not_exported(cli):
    cli(*TRAIN).succeeds()
    (weights,) = cli.work.glob("training/8-10/*/weights.safetensors")
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    cli("export", "8-10").fails_with("weights.safetensors", "hash")
    assert not (cli.work / "zoo").exists()


def test_every_network_diverged(cli):
    outcome = cli("train", "8-10", "16-10", "--epochs", 1, "--learning-rate", 1e30, "--json")
    assert outcome.code == 1
    assert [row["name"] for row in outcome.json] == ["8-10", "16-10"]
    assert all("diverged" in row["error"] for row in outcome.json)
    cli("export", "8-10").fails_with("no finished run of 8-10")


def test_one_network_diverged_alone(cli):
    outcome = cli("train", "8-10", "--epochs", 1, "--learning-rate", 1e30)
    assert outcome.code == 1
    assert outcome.out == ""
    lines = outcome.err.splitlines()
    assert [line for line in lines if "diverged" in line] == [lines[-1]]
    assert lines[-1].startswith("error: 8-10 diverged in epoch 1")
    assert "--learning-rate" in lines[-1]


def test_the_others_go_on_when_one_network_diverged(cli, monkeypatch):
    from mnistbench.training import loop

    plain = loop.Trainer.epoch_steps

    def poisoned(self, *args):
        if self.job.network.name == "16-10":
            raise loop.DivergedError("the loss is nan")
        return plain(self, *args)

    monkeypatch.setattr(loop.Trainer, "epoch_steps", poisoned)
    names = ("8-10", "16-10", "12-10")
    outcome = cli("train", *names, "--epochs", 1, "--json")
    assert outcome.code == 3
    assert {row["name"]: "error" in row for row in outcome.json} == {"8-10": False, "16-10": True, "12-10": False}
    failed = [line for line in outcome.err.splitlines() if line.startswith("failed: ")]
    assert len(failed) == 1
    assert "--learning-rate" in failed[0]

    outcome = cli("reproduce", *names, "--epochs", 1, "--json")
    assert outcome.code == 3
    assert [row["error"] is None for row in outcome.json["rows"]] == [True, False, True]


@pytest.mark.parametrize("broken", [(1,), (1, 4)], ids=["one", "all"])
def test_reproduce_says_that_some_timings_failed(cli, monkeypatch, broken):
    from mnistbench import reproduce as module

    plain = module.measure_latency

    def measure(*args, batch_sizes, **options):
        rows = plain(*args, batch_sizes=batch_sizes, **options)
        return [replace(row, error="no room", p50_seconds=None) if row.batch_size in broken else row for row in rows]

    monkeypatch.setattr(module, "measure_latency", measure)
    command = ("reproduce", "8-10", "--epochs", 1, "--batch", "1,4")
    outcome = cli(*command, "--json")
    assert outcome.code == 3
    (row,) = outcome.json["rows"]
    assert row["error"] is None
    assert row["evaluation"]["num_images"] == 200
    assert [bool(result["error"]) for result in row["latency"]] == [size in broken for size in (1, 4)]
    table = cli(*command)
    assert table.code == 3
    assert "8-10: no room" in table.out
    assert "µs" not in table.out  # batch 4 is no answer to what the column is of


@pytest.mark.parametrize("command", [("train", "8-10", "--epochs", 1), ("reproduce", "8-10", "--epochs", 1)])
def test_a_work_folder_that_is_a_file(cli, tmp_path, command):
    file = tmp_path / "file"
    file.write_text("precious", encoding="utf-8")
    cli(*command, "--work-dir", file).fails_with(str(file))
    assert file.read_text(encoding="utf-8") == "precious"


def test_a_work_folder_without_write_permission(cli, monkeypatch):
    def closed(path, *_args, **_options):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("mnistbench.files.open", closed, raising=False)
    cli("train", "8-10", "--epochs", 1).fails_with("Permission denied", str(cli.work))
    assert not [path for path in cli.work.rglob("*") if path.is_file()]


def test_an_export_folder_without_write_permission(trained, tmp_path, monkeypatch):
    def closed(path, *_args, **_options):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("mnistbench.files.open", closed, raising=False)
    trained("export", "16-10", "--output", tmp_path / "zoo").fails_with("Permission denied", str(tmp_path))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_full_disk_leaves_no_half_file(cli, monkeypatch):
    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mnistbench.files.os.fsync", full)
    cli("train", "8-10", "--epochs", 1).fails_with("No space left on device")
    assert not [path for path in cli.work.rglob("*") if path.is_file()]


def test_a_work_folder_with_spaces_and_unicode(cli, tmp_path):
    odd = replace(cli, work=tmp_path / "mein Ordner – ÿ 数字 [0]")
    odd(*TRAIN).succeeds()
    odd("export", "8-10").succeeds()
    assert odd("evaluate", "8-10", "--json").succeeds().json[0]["num_images"] == 200
    odd("bench", "8-10", "--quick", "--batch", 1).succeeds()


def test_the_result_on_disk_is_the_one_printed(cli):
    (row,) = cli(*TRAIN).succeeds().json
    (result,) = cli.work.glob("training/8-10/*/result.json")
    assert json.loads(result.read_text(encoding="utf-8")) == row
