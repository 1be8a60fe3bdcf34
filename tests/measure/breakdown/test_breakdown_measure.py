from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path

import numpy as np
import pytest
from latency_models import write_model

from mnistbench.artifacts import bundled_zoo
from mnistbench.errors import InputError, ModelError, ProviderError
from mnistbench.files import path_in_results
from mnistbench.measure.breakdown import Breakdown, measure_breakdown
from mnistbench.measure.breakdown.profile import NodeTime, Profile
from mnistbench.measure.latency.bench import Bench
from mnistbench.measure.latency.floor import FLOOR
from mnistbench.measure.latency.request import Measured, Request
from mnistbench.measure.steady import Plan
from mnistbench.results import BreakdownResult, CrossingResult, ProcessResult
from mnistbench.runtime.devices import CPU, resolve_device
from mnistbench.runtime.identity import identity_model
from mnistbench.runtime.session import SessionSettings

SMALL = (bundled_zoo() / "64-64-10.onnx", "64-64-10")
LENET = (bundled_zoo() / "6-P-16-P-120-84-10.onnx", "lenet5")
IMAGES = np.zeros((4, 28, 28), np.uint8)
GPU = resolve_device("cuda:0")
PROFILE = Profile((NodeTime("fc", "Gemm", "CPUExecutionProvider", 1e-4, 1),), 1e-3, 200)


class Fake:
    """Answers requests: a call takes a time that depends on what it is, and remembers what it was asked."""

    def __init__(self, *, fails: str | None = None) -> None:
        self.timed: list[tuple[str, str, str, int]] = []
        self.profiled: list[tuple[str, str, str, int]] = []
        self._fails = fails

    def time(self, request: Request) -> Measured:
        asked = (request.name, request.device, request.mode, request.batch_size)
        self.timed.append(asked)
        if self._fails in asked:
            raise ProviderError(f"{self._fails} fails")
        seconds = 1e-4 if request.name == FLOOR else 0.004 if request.device == "cuda:0" else 1e-3 * request.batch_size
        seconds += 1e-6 * request.batch_size + (1e-4 if request.mode == "bound" else 0)
        figures = ProcessResult(0.5, 0.25, 10, True, 20, "noise", seconds, seconds, seconds)
        return Measured(figures, (seconds,) * 20, "CPUExecutionProvider", {}, 16, {})

    def profile(self, request: Request) -> Profile:
        self.profiled.append((request.name, request.device, request.mode, request.batch_size))
        if self._fails == "profile":
            raise ModelError("the profile is damaged")
        return PROFILE

    @contextlib.contextmanager
    def make(self, images):
        assert images is IMAGES
        yield self.time, self.profile


def bench_of(**changes) -> Bench:
    values = {
        "devices": [CPU],
        "modes": ["e2e"],
        "batch_sizes": (8,),
        "plan": Plan.quick(),
        "processes": 2,
        "settings": SessionSettings(1),
        "images": IMAGES,
    }
    return Bench(**(values | changes))


def measure(bench, files, fake=None, told=None, on_note=None, **changes):
    found: list[BreakdownResult | CrossingResult] = []
    fake = fake or Fake()
    progress = (lambda task, done, total: told.append((done, total))) if told is not None else None
    wanted = Breakdown(bench, **changes)
    measure_breakdown(wanted, files, keep=found.append, on_note=on_note, on_progress=progress, make_runners=fake.make)
    parts = [one for one in found if isinstance(one, BreakdownResult)]
    return parts, found[len(parts) :], fake


def test_everything_is_timed_in_rounds_and_then_profiled():
    told = []
    parts, crossings, fake = measure(bench_of(), [SMALL, LENET], told=told)
    names = [name for _, name in (SMALL, LENET)]
    assert sorted(fake.timed) == sorted(
        2
        * [
            *((name, "cpu", mode, 8) for name in names for mode in ("e2e", "bound")),
            (FLOOR, "cpu", "e2e", 1),
            (FLOOR, "cpu", "e2e", 8),
        ]
    )
    assert fake.profiled == [(name, "cpu", "e2e", 8) for name in names]
    assert told == [(done, 14) for done in range(14)]
    assert crossings == []
    small = parts[0]
    assert (small.name, small.batch_size, small.error, small.problems) == ("64-64-10", 8, None, ())
    assert small.p50_seconds == pytest.approx(8.008e-3)
    assert small.copies_seconds == pytest.approx(-1e-4)
    assert small.floor_seconds == pytest.approx(1.08e-4)
    assert small.floor_copy_seconds == pytest.approx(7e-6)
    assert small.operators == parts[1].operators
    assert small.notation == "64-64-10"


def test_no_time_is_taken_twice():
    _, crossings, fake = measure(bench_of(processes=1, batch_sizes=(1, 8)), [SMALL], rivals=[(CPU, GPU)])
    assert len(fake.timed) == len(set(fake.timed))
    (found,) = crossings
    assert (found.name, found.device, found.faster_device) == ("64-64-10", "cpu", "cuda:0")
    # A millisecond an image on the CPU, four for any batch on the GPU.
    assert found.batch_sizes == (1, 4, 8, 16, 64, 256, 1024)
    assert (found.overtaking, found.is_clean) == ("between", True)
    assert 1 < found.batch_size <= 8


def test_a_rival_is_timed_and_not_taken_apart():
    parts, _, fake = measure(bench_of(), [SMALL], rivals=[(CPU, GPU)], crossing_batches=(2,))
    assert [part.device for part in parts] == ["cpu"]
    assert {asked for asked in fake.timed if asked[1] == "cuda:0"} == {
        ("64-64-10", "cuda:0", "e2e", 2),
        ("64-64-10", "cuda:0", "e2e", 8),
    }


def test_two_devices_are_both_taken_apart():
    parts, crossings, _ = measure(bench_of(devices=[CPU, GPU]), [SMALL, LENET], rivals=[(CPU, GPU)])
    assert [(part.name, part.device) for part in parts] == [
        ("64-64-10", "cpu"),
        ("lenet5", "cpu"),
        ("64-64-10", "cuda:0"),
        ("lenet5", "cuda:0"),
    ]
    assert [part.kernel_clock for part in parts] == ["host", "host", "launch", "launch"]
    assert [crossing.name for crossing in crossings] == ["64-64-10", "lenet5"]


def test_a_device_that_cannot_be_used_is_a_row_and_the_other_goes_on():
    bench = bench_of(devices=[CPU, GPU])
    parts, crossings, fake = measure(bench, [SMALL], Fake(fails="cuda:0"), rivals=[(CPU, GPU)])
    assert [part.error for part in parts] == [None, "cuda:0 fails"]
    assert crossings[0].reason == "cuda:0 fails"
    assert fake.profiled == [("64-64-10", "cpu", "e2e", 8)]


@pytest.mark.parametrize(
    ("fails", "problems"),
    [
        ("bound", ("bound: bound fails",)),
        (FLOOR, (f"floor: {FLOOR} fails", f"floor at batch 1: {FLOOR} fails")),
        ("profile", ("operators: the profile is damaged",)),
    ],
)
def test_a_part_that_fails_is_a_problem_of_its_row(fails, problems):
    ((part,), _, _) = measure(bench_of(), [SMALL], Fake(fails=fails))
    assert (part.error, part.problems) == (None, problems)
    assert part.p50_seconds is not None


def test_a_file_that_cannot_be_read_is_a_row_unless_it_is_the_only_one(tmp_path):
    bad = tmp_path / "bad.onnx"
    bad.write_bytes(b"text")
    parts, _, _ = measure(bench_of(), [(bad, "bad"), SMALL])
    assert [(part.name, part.error is None) for part in parts] == [("bad", False), ("64-64-10", True)]
    parts, _, fake = measure(bench_of(), [(bad, "bad"), (bad, "worse")])
    assert ([part.name for part in parts], fake.timed) == (["bad", "worse"], [])
    with pytest.raises(ModelError, match="not a usable ONNX file"):
        measure(bench_of(), [(bad, "bad")])


def test_a_model_that_reads_no_digits_has_the_floor_of_a_call(tmp_path):
    file = tmp_path / "same.onnx"
    file.write_bytes(identity_model())
    ((part,), _, fake) = measure(bench_of(processes=1), [(file, "same")])
    assert sorted(fake.timed) == [(FLOOR, "cpu", "e2e", 1), ("same", "cpu", "bound", 8), ("same", "cpu", "e2e", 8)]
    assert part.floor_seconds == pytest.approx(1.01e-4)
    assert (part.floor_copy_seconds, part.operators[0].macs) == (None, None)


def test_a_fixed_batch_is_taken_apart_once_beside_its_own_floor(tmp_path):
    file, notes = (write_model(tmp_path / "four.onnx", batch=4), "four"), []
    bench = bench_of(processes=1, batch_sizes=(1, 256))
    ((part,), (crossing,), fake) = measure(bench, [file], rivals=[(CPU, GPU)], on_note=notes.append)
    assert sorted(fake.timed) == [
        ("four", "cpu", "bound", 4),
        ("four", "cpu", "e2e", 4),
        ("four", "cuda:0", "e2e", 4),
        (FLOOR, "cpu", "e2e", 1),
        (FLOOR, "cpu", "e2e", 4),
    ]
    assert (part.batch_size, part.error, part.problems) == (4, None, ())
    assert part.floor_seconds == pytest.approx(1.04e-4)
    assert crossing.batch_sizes == (4,)
    assert notes == ["four takes batches of 4 only"]


def test_files_of_one_name_are_kept_apart():
    parts, _, fake = measure(bench_of(processes=1), [SMALL, (LENET[0], "64-64-10")])
    assert [part.file for part in parts] == [path_in_results(SMALL[0]), path_in_results(LENET[0])]
    assert fake.timed.count(("64-64-10", "cpu", "e2e", 8)) == 2


def test_no_batch_is_an_error():
    with pytest.raises(InputError, match="batch size"):
        measure(dataclasses.replace(bench_of(), batch_sizes=()), [SMALL])


def test_a_broken_file_is_named_from_the_current_folder_on(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bad = tmp_path / "zoo" / "bad.onnx"
    parts, _, _ = measure(bench_of(processes=1), [(bad, "bad"), (bad, "worse")])
    assert [part.file for part in parts] == [str(Path("zoo") / "bad.onnx")] * 2
