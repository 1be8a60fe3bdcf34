"""One GPU of each kind is measured; the measuring itself is played."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import sys

import pytest
from latencies import failed, row, run

from mnistbench.bench_files import read_gpus_run, write_gpus_run
from mnistbench.cluster import connected
from mnistbench.errors import ArtifactError, BusyGpuError, ProcessError, ProviderError
from mnistbench.measure.gpus import runs_of
from mnistbench.measure.latency import every_gpu as every_gpu_module
from mnistbench.measure.latency.every_gpu import (
    UNFINISHED,
    bench_every_gpu,
    gpus_of_cluster,
    measure_here,
    with_outcome,
)
from mnistbench.results import GpuFacts, GpuRun, GpusRun

FAST = GpuFacts("10.0.0.1", "GPU-1", "Fast", "", 700.0, "590", "13.0", "1.31")
SLOW = dataclasses.replace(FAST, uuid="GPU-2", name="Slow")
TAKEN = dataclasses.replace(FAST, uuid="GPU-3", name="Taken", processes=1)
ALIKE = dataclasses.replace(FAST, uuid="GPU-4", node="10.0.0.2")


def every_gpu(found, measure, **given):
    kept, notes = [], []
    result = bench_every_gpu(
        found, lambda gpu: gpu, measure, **({"allow_busy": False} | given), keep=kept.append, on_note=notes.append
    )
    return result, kept, notes


def backwards(gpus, _on_part):
    """Measures the last first, as machines may end in any order."""
    for number in reversed(range(len(gpus))):
        yield number, run(row(gpus[number].name)), None


def test_one_of_each_kind_is_measured_and_kept_as_soon_as_it_is():
    result, kept, notes = every_gpu([SLOW, ALIKE, FAST], backwards)
    assert [(label, one.results[0].name) for label, one in runs_of(result.kinds)] == [
        ("Fast, 700 W, 10.0.0.1", "Fast"),
        ("Slow, 700 W, 10.0.0.1", "Slow"),
    ]
    assert [gpu.uuid for gpu in result.kinds[0].gpus] == ["GPU-1", "GPU-4"]
    assert [[kind.run is not None for kind in one.kinds] for one in kept] == [
        [False, False],
        [False, True],
        [True, True],
    ]
    assert notes[0] == "Fast, 700 W, 10.0.0.1: one of 2 is measured"


def test_a_busy_kind_is_refused_and_the_others_are_measured():
    result, _, notes = every_gpu([TAKEN, FAST], backwards)
    fast, taken = result.kinds
    assert (fast.error, taken.run) == (None, None)
    assert "1 other process" in taken.error
    assert any("busy" in note for note in notes)
    result, _, _ = every_gpu([TAKEN, FAST], backwards, allow_busy=True)
    assert result.kinds[1].run is not None
    assert "busy" in result.kinds[1].caution


def busy_by_now(*uuids):
    """Measures GPUs, some of which somebody else has begun to use; and which it was asked to measure."""
    asked = []

    def measure(gpus, _on_part):
        asked.append([gpu.uuid for gpu in gpus])
        for number, gpu in enumerate(gpus):
            if gpu.uuid in uuids:
                yield number, None, BusyGpuError(f"busy: {gpu.uuid}")
            else:
                yield number, run(row(gpu.uuid)), None

    return measure, asked


THIRD = dataclasses.replace(FAST, uuid="GPU-5", node="10.0.0.3")
USED = dataclasses.replace(FAST, uuid="GPU-6", node="10.0.0.4", processes=1)


def test_a_gpu_that_has_become_busy_gives_way_to_the_next_of_its_kind():
    measure, asked = busy_by_now("GPU-1", "GPU-4")
    result, _, notes = every_gpu([FAST, ALIKE, THIRD, USED, SLOW], measure)
    fast, slow = result.kinds
    assert asked == [["GPU-1", "GPU-2"], ["GPU-4"], ["GPU-5"]]
    assert (fast.error, [one.name for one in fast.run.results]) == (None, ["GPU-5"])
    # The first is the one that was measured.
    assert [gpu.uuid for gpu in fast.gpus] == ["GPU-5", "GPU-4", "GPU-1", "GPU-6"]
    assert (slow.error, [one.name for one in slow.run.results]) == (None, ["GPU-2"])
    assert "Fast, 700 W, 10.0.0.1: in use by now; the next one of its kind is measured" in notes


def test_a_kind_is_refused_when_all_of_it_has_become_busy():
    measure, asked = busy_by_now("GPU-1", "GPU-4")
    result, _, _ = every_gpu([FAST, ALIKE, USED], measure)
    assert asked == [["GPU-1"], ["GPU-4"]]
    assert (result.kinds[0].run, result.kinds[0].error) == (None, "busy: GPU-4")


def test_another_error_is_not_tried_on_the_next_gpu():
    asked = []

    def measure(gpus, _on_part):
        asked.append([gpu.uuid for gpu in gpus])
        yield 0, None, ProcessError("it died")

    result, _, _ = every_gpu([FAST, ALIKE], measure)
    assert (asked, result.kinds[0].error) == ([["GPU-1"]], "it died")


def test_an_error_on_one_gpu_is_its_own():
    def measure(_gpus, _on_part):
        yield 0, None, ProviderError("no CUDA libraries")
        yield 1, run(row()), None

    result, _, _ = every_gpu([FAST, SLOW], measure)
    assert [kind.error for kind in result.kinds] == ["no CUDA libraries", None]


def test_what_is_measured_is_kept_meanwhile_and_beside_a_later_error():
    def measure(_gpus, on_part):
        on_part(1, run(failed()))  # nothing yet
        on_part(1, run(row("first"), failed("second")))
        yield 1, None, ProcessError("it died")
        on_part(0, run(row("first"), failed("second")))
        yield 0, run(row("first"), row("second")), None

    result, kept, notes = every_gpu([FAST, SLOW], measure)
    fast, slow = result.kinds
    assert ([one.name for one in fast.run.results], fast.error) == (["first", "second"], None)
    assert ([one.error is None for one in slow.run.results], slow.error) == ([True, False], "it died")
    assert [[(kind.run is not None, kind.error) for kind in one.kinds] for one in kept] == [
        [(False, None), (False, None)],
        [(False, None), (True, UNFINISHED)],
        [(False, None), (True, "it died")],
        [(True, UNFINISHED), (True, "it died")],
        [(True, None), (True, "it died")],
    ]
    assert "Slow, 700 W, 10.0.0.1: it died" in notes


def dies_after_a_row(gpu, tell):
    tell(run(row(gpu.name), failed("later")))
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_process_that_is_killed_leaves_its_first_row_in_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(every_gpu_module, "measure_gpu", dies_after_a_row)
    file = tmp_path / "every.json"
    bench_every_gpu(
        [FAST],
        lambda gpu: gpu,
        measure_here,
        allow_busy=False,
        keep=lambda result: write_gpus_run(file, result),
        on_note=print,
    )
    (kind,) = read_gpus_run(file).kinds
    assert [(one.name, one.error is None) for one in kind.run.results] == [("Fast", True), ("later", False)]
    assert "ended with status -9" in kind.error


def test_without_gpus_that_is_the_error():
    with pytest.raises(ProviderError, match="no NVIDIA GPU"):
        every_gpu([], backwards)


@pytest.mark.parametrize(
    ("rows", "error"),
    [((row(), failed()), None), ((failed(), failed()), "no CUDA libraries"), ((), "nothing was measured")],
)
def test_a_run_without_figures_is_an_error(rows, error):
    assert with_outcome(GpuRun((FAST,)), run(*rows), None).error == error


def test_the_merged_file_comes_back(tmp_path):
    result, _, _ = every_gpu([TAKEN, FAST], backwards)
    for name in ("every.json", "every.json.gz"):
        write_gpus_run(tmp_path / name, result)
        assert read_gpus_run(tmp_path / name) == result


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"kind": "bench"}', b"\xff"])
def test_a_file_of_another_kind_is_none_of_ours(tmp_path, content):
    (tmp_path / "x.json").write_bytes(content)
    assert read_gpus_run(tmp_path / "x.json") is None


@pytest.mark.parametrize(
    "kinds",
    [
        "null",
        "[1]",
        "[{}]",
        '[{"gpus": 1}]',
        '[{"gpus": []}]',
        '[{"gpus": [{}]}]',
        json.dumps([GpuRun((FAST,)).as_dict() | {"error": 3}]),
        json.dumps([GpuRun((FAST,)).as_dict() | {"caution": [1]}]),
        json.dumps([{"gpus": [FAST.as_dict() | {"power_limit_watts": "much"}]}]),
        json.dumps([{"gpus": [FAST.as_dict() | {"power_limit_watts": -1.0}]}]),
    ],
)
def test_a_damaged_file_is_a_typed_error(tmp_path, kinds):
    text = f'{{"schema_version": 1, "kind": "{GpusRun.kind}", "started": "", "kinds": {kinds}}}'
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(ArtifactError, match="not a run of the benchmark"):
        read_gpus_run(tmp_path / "x.json")


def test_the_gpus_of_a_cluster_are_asked_for_on_each_machine(ray_address):
    with connected(ray_address) as ray:
        found, _measure = gpus_of_cluster(ray, lambda _text: None)
    assert isinstance(found, tuple)
