from __future__ import annotations

import contextlib

import pytest
from latency_models import IMAGES, PLAN, TickingClock, measured, write_model, write_other
from test_results import ENVIRONMENT

from mnistbench.errors import CombinationError, ModelError
from mnistbench.measure.latency.bench import Bench, run_bench
from mnistbench.measure.latency.floor import FLOOR
from mnistbench.report.latency_sheets import latency_sheets
from mnistbench.runtime.devices import CPU, resolve_device
from mnistbench.runtime.session import SessionSettings


def bench_of(**changes):
    values = {
        "devices": [CPU],
        "modes": ["e2e"],
        "batch_sizes": (1, 2),
        "plan": PLAN,
        "processes": 2,
        "settings": SessionSettings(1),
        "images": IMAGES,
    }
    return Bench(**(values | changes))


def run(bench, files, runner=lambda _request: measured(*[1.0] * 20), clock=None, **callbacks):
    kept = []

    def make_runner(_images):
        return contextlib.nullcontext(runner)

    clock = clock or TickingClock()
    try:
        found = run_bench(bench, files, ENVIRONMENT, clock, keep=kept.append, make_runner=make_runner, **callbacks)
    except KeyboardInterrupt:
        return None, kept
    return found, kept


def test_every_model_on_every_device_in_every_mode(tmp_path):
    files = [(write_model(tmp_path / f"{name}.onnx"), name) for name in "ab"]
    bench = bench_of(devices=[CPU, resolve_device("cuda:0")], modes=["e2e", "graph"], floor=True)
    notes = []
    found, kept = run(bench, files, on_note=notes.append)
    assert [note.partition(":")[0] for note in notes] == ["left out"]
    assert [(row.name, row.device, row.mode, row.batch_size) for row in found.results] == [
        (name, *place, size)
        for name in ("a", "b", FLOOR)
        for place in (("cpu", "e2e"), ("cuda:0", "e2e"), ("cuda:0", "graph"))
        for size in (1, 2)
    ]
    assert kept[-1] == found
    assert found.settings == bench.asked_for
    assert (found.settings["processes"], found.settings["most_processes"], found.settings["seed"]) == (2, 2, 20)
    assert found.settings["plan"]["max_samples"] == PLAN.max_samples
    assert found.environment == ENVIRONMENT


def test_no_device_has_the_mode():
    with pytest.raises(CombinationError, match="CUDA graph"):
        bench_of(modes=["graph"]).pairs()


@pytest.mark.parametrize(
    ("devices", "modes", "missing"),
    [
        (["cpu"], ["bound", "graph"], [("cpu", "graph")]),
        (["cpu", "cuda:0"], ["graph"], [("cpu", "graph")]),
        (["cpu", "cuda:0"], ["e2e", "graph"], []),
    ],
)
def test_a_mode_or_a_device_that_nothing_is_measured_of_is_a_row(tmp_path, devices, modes, missing):
    files = [(write_model(tmp_path / f"{name}.onnx"), name) for name in "ab"]
    bench = bench_of(devices=list(map(resolve_device, devices)), modes=modes, floor=True)
    found, _ = run(bench, files)
    failed = [row for row in found.results if row.error is not None]
    assert [(row.name, row.device, row.mode, row.batch_size) for row in failed] == [
        (name, *place, 0) for name in "ab" for place in missing
    ]
    assert all("which cpu does not have" in row.error and row.sha256 for row in failed)


def test_a_file_that_cannot_be_measured_is_a_row_unless_it_is_the_only_one(tmp_path):
    bad = tmp_path / "bad.onnx"
    bad.write_bytes(b"text")
    found, _ = run(bench_of(), [(bad, "bad"), (write_model(tmp_path / "m.onnx"), "m")])
    assert [(row.name, row.error is None) for row in found.results] == [("m", True), ("m", True), ("bad", False)]
    (sheet,) = latency_sheets(found.results)
    assert (sheet.title, [row[1] for row in sheet.rows]) == ("Latency on cpu, mode e2e", ["1", "2", "every"])
    assert "bad, cpu, mode e2e, every batch: " in sheet.note
    with pytest.raises(ModelError, match="not a usable ONNX file"):
        run(bench_of(), [(bad, "bad")])


def test_the_floor_is_for_models_that_read_digits(tmp_path):
    notes = []
    file = write_other(tmp_path / "m.onnx", shape=("n", 2))
    found, _ = run(bench_of(floor=True), [(file, "m")], on_note=notes.append)
    assert {row.name for row in found.results} == {"m"}
    told = "m does not read digits; timed on random inputs: x float32 [N, 2]"
    assert notes == [told, "no floor: it is that of models that read digits"]
    notes.clear()
    run(bench_of(shapes={"x": (3, 2)}), [(file, "m")], on_note=notes.append)
    assert notes == ["m takes batches of 3 only"]


def test_a_fixed_batch_of_digits_is_measured_once_beside_its_floor(tmp_path):
    notes = []
    files = [(write_model(tmp_path / "four.onnx", batch=4), "four"), (write_model(tmp_path / "m.onnx"), "m")]
    found, _ = run(bench_of(floor=True), files, on_note=notes.append)
    assert notes == ["four takes batches of 4 only"]
    assert [(row.name, row.batch_size, row.error) for row in found.results] == [
        ("four", 4, None),
        ("m", 1, None),
        ("m", 2, None),
        (FLOOR, 4, None),
        (FLOOR, 1, None),
        (FLOOR, 2, None),
    ]
    notes.clear()
    run(bench_of(batch_sizes=(4,)), files, on_note=notes.append)
    assert notes == []


def test_the_floor_is_really_measured(tmp_path):
    from mnistbench.measure.latency.single import measure_once

    bench = bench_of(floor=True, processes=1)
    found, _ = run(
        bench, [(write_model(tmp_path / "m.onnx"), "m")], lambda request: measure_once(request, IMAGES, TickingClock())
    )
    assert [row.error for row in found.results] == [None] * 4
    assert (found.results[-1].name, found.results[-1].file) == (FLOOR, "identity.onnx")


def test_an_interrupted_run_is_kept(tmp_path):
    calls = []

    def runner(request):
        calls.append(request)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return measured(*[1.0] * 20)

    found, kept = run(bench_of(), [(write_model(tmp_path / "m.onnx"), "m")], runner)
    assert found is None
    assert [row.error for row in kept[-1].results] == [None, None]


def test_it_is_kept_meanwhile(tmp_path):
    class Slow(TickingClock):
        def now_ns(self):
            self.now += 11_000_000_000
            return self.now

    _, kept = run(bench_of(processes=5), [(write_model(tmp_path / "m.onnx"), "m")], clock=Slow())
    assert len(kept) > 3
    counts = [kept[i].results[0].num_samples for i in range(len(kept))]
    assert counts == sorted(counts)
    assert counts[0] < counts[-1] == 100
