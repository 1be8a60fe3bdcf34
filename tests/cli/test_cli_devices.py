"""The device asked for is the device used; where it cannot be, that is said and no figure carries its name."""

from __future__ import annotations

import contextlib
import shutil
import signal
import time
from pathlib import Path

import pytest

from mnistbench.bench_files import read_bench_run
from mnistbench.errors import ProviderError
from mnistbench.measure.latency.processes import FreshProcesses

# Hides a GPU from CUDA where the machine has one, so that these tests mean the same everywhere.
HIDDEN = {"CUDA_VISIBLE_DEVICES": "-1"}


@pytest.mark.parametrize("device", ["cuda", "cuda:0", "cuda:7"])
def test_bench_on_a_gpu_that_is_not_there(trained, device):
    outcome = trained.process("bench", "16-10", "--batch", "1,8", "--device", device, "--json", env=HIDDEN)
    outcome.fails_with("cuda:", "cannot be used", "NVIDIA", out=outcome.out)
    assert [row["batch_size"] for row in outcome.json] == [1, 8]
    for row in outcome.json:
        assert row["device"].startswith("cuda:")
        assert "NVIDIA" in row["error"]
        assert row["provider"] is None
        figures = ("p50_seconds", "p90_seconds", "p99_seconds", "mean_seconds", "min_seconds", "throughput")
        assert {row[figure] for figure in figures} == {None}


def test_the_table_of_a_gpu_that_is_not_there_is_the_reason_alone(trained):
    outcome = trained.process("bench", "16-10", "--batch", "1", "--device", "cuda", env=HIDDEN)
    outcome.fails_with("NVIDIA", out=outcome.out)
    assert outcome.out == ""


@pytest.mark.parametrize("command", ["bench", "precisions"])
def test_what_there_is_to_say_of_gpus_is_said_once_and_first(trained, monkeypatch, command):
    def refuse(_self, request):
        raise ProviderError(f"{request.name} is not measured here")

    monkeypatch.setattr(
        "mnistbench.measure.gpu_notes.gpu_notes", lambda devices: [f"told of {one.text}" for one in devices]
    )
    monkeypatch.setattr(FreshProcesses, "__call__", refuse)
    outcome = trained(command, "16-10", "--device", "cpu", "--batch", 1, "--quick")
    outcome.fails_with("16-10 is not measured here")
    assert outcome.err.count("told of cpu") == 1
    assert outcome.err.index("told of cpu") < outcome.err.index("timing 16-10")


def test_evaluate_on_a_gpu_that_is_not_there(trained):
    trained.process("evaluate", "16-10", "--device", "cuda", "--json", env=HIDDEN).fails_with("cuda:0", "NVIDIA")


def test_train_on_a_gpu_that_is_not_there(trained, tmp_path):
    command = ("train", "16-10", "--device", "cuda", "--json", "--work-dir", tmp_path / "work")
    trained.process(*command, env=HIDDEN).fails_with("cuda", "--device cpu")
    assert not (tmp_path / "work").exists()


def test_all_means_the_cpu_where_there_is_no_gpu(trained):
    command = ("bench", "16-10", "--quick", "--batch", "1", "--device", "all", "--json")
    (row,) = trained.process(*command, env=HIDDEN).succeeds().json
    assert (row["device"], row["provider"]) == ("cpu", "CPUExecutionProvider")


def test_a_batch_that_no_memory_holds_is_a_row_with_an_error(trained):
    outcome = trained("bench", "16-10", "--quick", "--batch", "1,99999999999", "--json")
    assert outcome.code == 3
    first, second = outcome.json
    assert first["error"] is None
    assert "99,999,999,999" in second["error"]


def measuring(pid):
    """The child of a process that measures, if it has one; others only look at the machine."""
    with contextlib.suppress(FileNotFoundError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            if b"mnistbench.measure.latency.child" in Path(f"/proc/{child}/cmdline").read_bytes():
                return int(child)
    return None


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks at children in /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_asked_to_end_ends_its_process_and_keeps_what_it_has(trained, number, tmp_path):
    file = tmp_path / "run.json"
    process = trained.start("bench", "16-10", "--batch", "1", "--processes", "100", "--output", file)
    while process.poll() is None and not (child := measuring(process.pid)):
        time.sleep(0.05)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "what was measured is kept in" in said
    assert read_bench_run(file).results
    for _ in range(200):  # whoever inherits a process that was killed has to take note of it
        if not Path(f"/proc/{child}").exists():
            break
        time.sleep(0.05)
    assert not Path(f"/proc/{child}").exists()


def test_two_files_of_one_name_are_both_measured(trained, tmp_path):
    for folder in "ab":
        (tmp_path / folder).mkdir()
        shutil.copy(trained.work / "zoo" / "16-10.onnx", tmp_path / folder / "model.onnx")
    files = [tmp_path / folder / "model.onnx" for folder in "ab"]
    rows = trained("bench", *files, "--quick", "--processes", 1, "--batch", 1, "--json").succeeds().json
    assert [row["name"] for row in rows] == [str(file) for file in files]


@pytest.mark.parametrize("command", ["bench", "load"])
def test_a_place_that_cannot_be_written_is_found_before_anything_is_measured(trained, tmp_path, command):
    (tmp_path / "file").write_text("")
    trained(command, "16-10", "--quick", "--output", tmp_path / "file" / "x.json").fails_with(str(tmp_path / "file"))


@pytest.mark.parametrize(
    ("options", "texts"),
    [
        (("--mode", "graph"), ("CUDA graph, which cpu does not have",)),
        (("--mode", "graph", "--tune"), ("CUDA graph, which cpu does not have",)),
        (("--device", "cpu", "--provider", "cuda"), ("the provider cuda does not run on cpu",)),
        (("--device", "cuda", "--provider", "tensorrt", "--mode", "graph"), ("which cuda:0 tensorrt does not have",)),
        (("--untrusted", "--device", "cuda"), ("an untrusted model runs on the CPU only",)),
    ],
)
def test_what_no_machine_could_do_is_wrong_usage(trained, options, texts):
    trained("bench", "16-10", "--quick", "--batch", 1, *options).fails_with(*texts, code=2)


def test_a_mode_that_was_asked_for_in_vain_is_a_row(trained):
    command = ("bench", "16-10", "--quick", "--processes", 1, "--batch", 1, "--mode", "bound,graph")
    outcome = trained(*command, "--json")
    assert outcome.code == 3
    told = [(row["mode"], row["batch_size"], row["p50_seconds"] is not None) for row in outcome.json]
    assert told == [("bound", 1, True), ("graph", 0, False)]
    assert "CUDA graph, which cpu does not have" in outcome.json[1]["error"]
    shown = trained(*command)
    assert shown.code == 3
    assert "Latency on cpu, mode graph" in shown.out
    assert "16-10, cpu, mode graph, every batch: the mode graph replays a CUDA graph" in shown.out
