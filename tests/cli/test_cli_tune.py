"""``mnistbench bench --tune``: a short real run, and simulated ones; no figure is judged."""

from __future__ import annotations

import json

import numpy as np
import pytest

import mnistbench
from mnistbench.measure.latency.processes import FreshProcesses
from mnistbench.measure.latency.request import Measured
from mnistbench.measure.tuned import read_tuning
from mnistbench.results import ProcessResult, TuningResult

MODEL = "64-64-10"
HIDDEN = {"CUDA_VISIBLE_DEVICES": "-1"}


@pytest.fixture
def simulated(monkeypatch):
    """No process is started, and there are four processors: a call takes as many units of time as it has threads."""
    asked = []

    def measure(_self, request):
        asked.append(request)
        seconds = 0.0001 * request.settings.intra_op_num_threads * (1 + 0.001 * (len(asked) % 3))
        figures = ProcessResult(0.01, 0.001, 10, True, 1, "noise", seconds, seconds, seconds)
        return Measured(figures, (seconds,), "CPUExecutionProvider", {}, 16, {})

    monkeypatch.setattr(FreshProcesses, "__call__", measure)
    monkeypatch.setattr("mnistbench.runtime.threads.usable_cpus", lambda: 4)
    return asked


def test_a_real_run_finds_settings_that_a_model_can_be_loaded_with(cli, digits_folder):
    outcome = cli("bench", MODEL, "--tune", "--quick", "--processes", 2, "--batch", 1, "--json").succeeds()
    (document,) = outcome.json
    result = TuningResult.from_dict(document)
    assert (result.name, result.device, result.provider, result.batch_size) == (MODEL, "cpu", "cpu", 1)
    assert all(len(one.process_seconds) in (1, 2) for one in result.candidates)
    # Two processes cannot tell a difference from noise.
    assert result.best == result.baseline == 0
    file = cli.work / "tuned" / f"{MODEL}-cpu-cpu-b1.json"
    assert read_tuning(file) == result
    images = np.fromfile(digits_folder / "t10k-images-idx3-ubyte", np.uint8)[16:].reshape(-1, 28, 28)
    expected = mnistbench.load(MODEL).predict(images).tolist()
    assert mnistbench.load(MODEL, tuned=file).predict(images).tolist() == expected


def test_the_table_the_gain_and_code_that_runs(cli, simulated):
    outcome = cli("bench", MODEL, "--tune", "--batch", 1).succeeds()
    table, _, code = outcome.out.partition("import onnxruntime\n")
    assert max(map(len, table.splitlines())) <= 80
    assert "\x1b" not in outcome.out
    assert "Best: 1 thread; 4.0" in table
    assert "FASTER" in table
    assert "default" in table
    names: dict = {"mnistbench": mnistbench, "onnxruntime": __import__("onnxruntime")}
    own, _, ours = code.partition("# or, with mnistbench:\n")
    exec(own, names)
    images = np.random.default_rng(1).integers(0, 256, (20, 1, 28, 28), dtype=np.uint8)
    (labels,) = names["session"].run(["label"], {"image": images})
    assert labels.tolist() == mnistbench.load(MODEL).predict(images).tolist()
    assert names["session"].get_session_options().intra_op_num_threads == 1
    exec(ours, names)
    assert names["model"].predict(images).tolist() == labels.tolist()


def test_each_batch_and_provider_is_a_file_of_its_own(cli, simulated):
    command = ("bench", MODEL, "--tune", "--batch", "1,32", "--device", "cpu", "--provider", "cpu,openvino", "--json")
    results = cli(*command).succeeds().json
    assert [(one["provider"], one["batch_size"]) for one in results] == [
        (provider, size) for provider in ("cpu", "openvino") for size in (1, 32)
    ]
    assert {file.name for file in (cli.work / "tuned").iterdir()} == {
        f"{MODEL}-cpu-{provider}-b{size}.json" for provider in ("cpu", "openvino") for size in (1, 32)
    }


def test_another_mode_is_said_in_the_name_and_cannot_be_loaded(cli, simulated):
    outcome = cli("bench", MODEL, "--tune", "--batch", 1, "--mode", "bound").succeeds()
    assert "mnistbench.load" not in outcome.out
    file = cli.work / "tuned" / f"{MODEL}-cpu-cpu-bound-b1.json"
    with pytest.raises(mnistbench.MnistbenchError, match="mode bound"):
        mnistbench.load(MODEL, tuned=file)


def test_the_result_goes_where_it_is_asked_for(cli, simulated, tmp_path):
    file = tmp_path / "new" / "t.json"
    outcome = cli("bench", MODEL, "--tune", "--batch", 8, "--output", file, "--json").succeeds()
    assert [json.loads(file.read_text(encoding="utf-8"))] == outcome.json
    assert not cli.work.exists()
    several = cli("bench", MODEL, "--tune", "--batch", "1,8", "--output", file)
    several.fails_with("--output is one file", code=2)


def test_one_that_cannot_be_tuned_does_not_stop_the_others(cli, simulated, tmp_path):
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"nothing")
    for options in ((), ("--json",)):
        outcome = cli("bench", broken, MODEL, "--tune", "--batch", 1, *options)
        assert outcome.code == 3
        assert "broken" in outcome.err + outcome.out
    assert [one["name"] for one in outcome.json if one["error"] is None] == [MODEL]
    assert [file.name for file in (cli.work / "tuned").iterdir()] == [f"{MODEL}-cpu-cpu-b1.json"]
    cli("bench", broken, "--tune").fails_with("broken.onnx")


def test_on_a_gpu_that_is_not_there_nothing_is_tuned(cli):
    command = ("bench", MODEL, "--tune", "--quick", "--processes", 1, "--batch", 1, "--device", "cuda")
    cli.process(*command, env=HIDDEN).fails_with("cuda:0", "NVIDIA")
    assert not (cli.work / "tuned").exists()


def test_an_interrupted_run_keeps_what_it_found(cli, simulated, monkeypatch):
    measure = FreshProcesses.__call__

    def interrupted(self, request):
        if request.batch_size == 32:
            raise KeyboardInterrupt
        return measure(self, request)

    monkeypatch.setattr(FreshProcesses, "__call__", interrupted)
    outcome = cli("bench", MODEL, "--tune", "--batch", "1,32")
    assert outcome.code == 130
    assert "interrupted: kept" in outcome.err
    assert "Traceback" not in outcome.err
    assert [file.name for file in (cli.work / "tuned").iterdir()] == [f"{MODEL}-cpu-cpu-b1.json"]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--threads", "1"), "leave --threads out"),
        (("--no-spin",), "leave --spin/--no-spin out"),
        (("--spin",), "leave --spin/--no-spin out"),
        (("--floor",), "leave --floor out"),
        (("--mode", "e2e,bound"), "name a single --mode"),
        (("--mode", "fast"), "'fast'"),
        (("--device", "tpu"), "'tpu'"),
    ],
    ids=" ".join,
)
def test_options_that_make_no_sense_with_it(cli, options, text):
    cli("bench", MODEL, "--tune", *options).fails_with(text, code=2)
