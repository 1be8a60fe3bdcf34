"""``mnistbench bench`` and ``breakdown`` on models and providers of somebody else; no figure is judged."""

from __future__ import annotations

import numpy as np
import pytest
from latency_models import write_chosen, write_lookup, write_model

from mnistbench.runtime.machine import Machine

MODEL = "64-64-10"
SHORT = ("--quick", "--processes", 1, "--threads", 1)
NOWHERE = {"CUDA_VISIBLE_DEVICES": "-1"}


@pytest.mark.parametrize("fixed", [1, 8])
def test_a_fixed_batch_of_digits_is_timed_once_at_that_batch(cli, tmp_path, fixed):
    file = write_model(tmp_path / "fixed.onnx", batch=fixed)
    outcome = cli("bench", file, "--input-range", "0..255", *SHORT, "--json").succeeds()
    assert [(row["batch_size"], row["error"]) for row in outcome.json] == [(fixed, None)]
    assert outcome.err.count(f"fixed takes batches of {fixed} only") == 1


def test_a_fixed_batch_of_digits_is_taken_apart_at_that_batch(cli, tmp_path):
    file = write_model(tmp_path / "fixed.onnx", batch=2)
    outcome = cli("breakdown", file, "--input-range", "0..255", *SHORT, "--json", **NOWHERE).succeeds()
    (row,) = outcome.json["breakdowns"]
    assert (row["batch_size"], row["error"], row["problems"]) == (2, None, [])
    assert "fixed takes batches of 2 only" in outcome.err


@pytest.mark.parametrize("untrusted", [(), ("--untrusted",)], ids=["trusted", "untrusted"])
def test_a_model_that_takes_truth_values_is_timed(cli, tmp_path, untrusted):
    outcome = cli("bench", write_chosen(tmp_path / "m.onnx"), *SHORT, *untrusted, "--batch", 2, "--json").succeeds()
    assert [row["error"] for row in outcome.json] == [None]
    assert "timed on random inputs: mask bool [N, 3], x float32 [N, 3]" in outcome.err


def test_a_model_that_fails_on_what_is_drawn_is_to_be_given_a_file(cli, tmp_path):
    file = write_lookup(tmp_path / "m.onnx")
    bench = cli("bench", file, *SHORT, "--batch", 2, "--json")
    bench.fails_with("drawn at random", "--input-file", out=bench.out)
    load = cli("load", file, "--scenario", "single-stream", "--duration", "0.05", "--json")
    load.fails_with("drawn at random", "--input-file", out=load.out)
    np.save(tmp_path / "ids.npy", np.ones((2, 8), np.int64))
    cli("bench", file, *SHORT, "--input-file", tmp_path / "ids.npy", "--json").succeeds()


@pytest.mark.parametrize(
    ("options", "texts"),
    [
        (("--provider", "acme"), ("nothing tells on which device the provider acme runs", "--device: cpu or gpu")),
        (("--provider", "acme", "--device", "all"), ("name it with --device",)),
        (("--provider", "dml", "--device", "cpu"), ("the provider dml does not run on cpu", "the device gpu")),
        (("--provider", "acme", "--device", "gpu:1"), ("cannot be told which gpu", "gpu:0")),
    ],
)
@pytest.mark.parametrize("command", ["bench", "breakdown", "load"])
def test_a_provider_is_never_called_by_a_device_that_nobody_knows(cli, monkeypatch, command, options, texts):
    built = ["AcmeExecutionProvider", "DmlExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(Machine, "available_providers", lambda _self: built)
    cli(command, MODEL, *options).fails_with(*texts, code=2)


def test_a_known_provider_that_is_not_built_in_is_a_row_under_its_own_hardware(cli):
    outcome = cli("bench", MODEL, *SHORT, "--batch", 1, "--provider", "dml", "--json", **NOWHERE)
    outcome.fails_with("built without DmlExecutionProvider", out=outcome.out)
    (row,) = outcome.json
    assert (row["device"], row["provider"], row["p50_seconds"]) == ("gpu:0", None, None)
