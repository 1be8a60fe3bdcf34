from __future__ import annotations

import dataclasses
import json
import threading
from typing import Any

import numpy as np
import pytest
from fake_time import MS, FakeTime
from latency_models import write_other

from mnistbench.artifacts import bundled_zoo
from mnistbench.errors import InputError
from mnistbench.measure.latency.subject import inspect_model
from mnistbench.measure.load import loaded as module
from mnistbench.measure.load.loaded import load_model
from mnistbench.measure.load.measure import measure_load
from mnistbench.measure.load.scenarios import MultiStream, Offline, Paced, Server, SingleStream
from mnistbench.measure.load.search import RateSearch
from mnistbench.measure.steady import Plan
from mnistbench.results import LoadResult
from mnistbench.runtime.devices import CPU, resolve_device
from mnistbench.runtime.gpu_identity import GpuIdentity
from mnistbench.runtime.session import SessionSettings

IMAGES = np.random.default_rng(3).integers(0, 256, (40, 28, 28), dtype=np.uint8)
SETTINGS = SessionSettings(1)
BRIEF = Plan(min_warmup_calls=3, min_warmup_seconds=0.003, min_samples=3, min_seconds=0.003, max_seconds=0.01)
ALL = (SingleStream(), MultiStream(), Offline(32), Server(rate=200.0), Paced(0.0), Paced(0.02))


@pytest.fixture(scope="module")
def loaded():
    return load_model(inspect_model(bundled_zoo() / "64-64-10.onnx", name="m"), CPU, SETTINGS)


class Session:
    """The model's session, with a clock that a call moves on by a millisecond for each image, or as told."""

    def __init__(
        self,
        session: Any,
        time: FakeTime,
        *,
        fails_at: int = 0,
        failure: Any = None,
        wrong: bool = False,
        image_ns: int = MS,
    ) -> None:
        self._session, self._time, self._fails_at, self._failure = session, time, fails_at, failure
        self._wrong, self._image_ns = wrong, image_ns
        self.batches: list[int] = []

    def get_providers(self) -> list[str]:
        return self._session.get_providers()

    def run(self, outputs: list[str], feed: dict[str, Any]) -> Any:
        size = len(next(iter(feed.values())))
        self.batches.append(size)
        self._time.time += size * self._image_ns
        answer = self._session.run(outputs, feed)
        if len(self.batches) == self._fails_at:
            if isinstance(self._failure, Exception):
                raise self._failure
            return [(answer[0] + 1) % 10]
        return [(answer[0] + 1) % 10, *answer[1:]] if self._wrong else answer


def run(loaded, scenarios, seconds=0.5, **failure):
    time = FakeTime()
    timed = dataclasses.replace(loaded, session=Session(loaded.session, time, **failure))
    rows = measure_load(
        timed,
        scenarios,
        images=IMAGES,
        seconds=seconds,
        timer=time.timer(),
        warm_up=BRIEF,
    )
    return rows, time, timed.session


def test_every_scenario_gets_its_row(loaded) -> None:
    rows, _, session = run(loaded, ALL, seconds=0.6)
    assert [row.scenario for row in rows] == [
        "single-stream",
        "multi-stream",
        "offline",
        "server",
        "paced",
        "paced",
    ]
    assert [row.samples_per_query for row in rows] == [1, 8, 32, 1, 1, 1]
    for row in rows:
        assert (row.name, row.device, row.provider, row.error) == ("m", "cpu", "CPUExecutionProvider", None)
        assert (row.valid, row.notation, row.seed) == (True, "64-64-10", 20)
        assert row.options["intra_op_num_threads"] == 1
        assert (row.options["min_seconds"], row.options["max_seconds"]) == (0.6, 6.0)
        assert LoadResult.from_dict(json.loads(json.dumps(row.as_dict()))) == row
    single, multi, offline, server, back_to_back, paced = rows
    assert (single.p50_seconds, single.throughput) == (0.001, pytest.approx(1000))
    # So many queries of 8 ms last longer than was asked: p99 needs them.
    assert (multi.p99_seconds, multi.num_queries, multi.throughput) == (0.008, 662, pytest.approx(1000))
    assert (offline.throughput, offline.rate, offline.latency_bound_seconds) == (pytest.approx(1000), None, None)
    assert (server.rate, server.rate_searched, server.within_bound, server.steps) == (200.0, False, True, ())
    assert server.num_queries == 662
    assert server.p50_seconds >= 0.001
    assert (back_to_back.gap_seconds, back_to_back.p50_seconds) == (0.0, 0.001)
    assert (paced.gap_seconds, paced.p50_seconds, paced.lateness_max_seconds) == (0.02, 0.001, 0.0)
    assert paced.achieved_rate == pytest.approx(1000 / 21, rel=0.05)
    assert set(session.batches) == {1, 8, 32}


def test_the_highest_rate_is_searched_and_shown_with_every_run(loaded) -> None:
    ((row,), _, _) = run(loaded, [Server(bound_seconds=0.005)], seconds=5.0)
    assert (row.rate_searched, row.within_bound, row.valid) == (True, True, True)
    # One call takes 1 ms: theory says 561 (M/D/1), and p99's upper bound from few queries lies above p99.
    assert 400 < row.rate < 570
    assert row.percentile_bounds["p99"][1] <= 0.005
    passed = [step.rate for step in row.steps if step.within_bound]
    assert row.rate in passed
    assert row.steps[0].rate == pytest.approx(500)
    shown = [step for step in row.steps if step.rate == row.rate][-1]
    assert (shown.p99_seconds, shown.num_queries) == (row.p99_seconds, row.num_queries)
    assert LoadResult.from_dict(json.loads(json.dumps(row.as_dict()))) == row


def test_the_same_arrivals_for_the_same_seed(loaded) -> None:
    first, again = (run(loaded, [Server(rate=700.0)])[0][0] for _ in range(2))
    assert first == again


def test_a_call_slower_than_the_bound_needs_no_search(loaded) -> None:
    ((row,), _, _) = run(loaded, [Server(bound_seconds=0.0005)])
    assert (row.rate, row.within_bound, row.valid, row.error) == (None, False, False, None)
    assert row.invalid_reasons == ("a call alone takes 1 ms, longer than the bound of 0.5 ms",)


def test_rates_too_low_for_the_time_are_left_undecided(loaded) -> None:
    # Alone a query just keeps it, but one in a hundred meets another even at the lowest rate.
    ((row,), _, _) = run(loaded, [Server(bound_seconds=0.001)])
    assert (row.rate, row.within_bound, row.num_queries, row.valid) == (None, None, 0, False)
    reason = "no rate of 132/s or more kept p99 within 1 ms; lower ones need a longer --duration than 0.5"
    assert row.invalid_reasons == (reason,)
    assert min(step.rate for step in row.steps) == pytest.approx(662 / 5)


@pytest.mark.parametrize("seconds", [0.49, 0.5, 0.97, 1.94])
def test_the_lowest_rate_of_a_search_has_queries_enough(loaded, seconds) -> None:
    # 662 / 4.9 queries a second in 4.9 seconds are 662, though the product is rounded down.
    ((row,), _, _) = run(loaded, [Server(bound_seconds=0.001)], seconds=seconds)
    lowest = [step for step in row.steps if step.rate == row.steps[-1].rate]
    assert lowest
    for step in lowest:
        assert step.overloaded or (step.num_queries, step.p99_high_seconds is None) == (662, False)


@pytest.mark.parametrize(
    ("bound", "seconds", "text"),
    [
        (0.000059, 0.01, "no rate of 6,620/s or more kept p99 within 0.059 ms"),
        (0.0125, 0.05, "no rate of 1,324/s or more kept p99 within 12.5 ms"),
        (2.5, 10.0, "no rate of 6.62/s or more kept p99 within 2,500 ms"),
    ],
)
def test_a_search_without_an_answer_in_figures(loaded, monkeypatch, bound, seconds, text) -> None:
    monkeypatch.setattr(
        "mnistbench.measure.load.measure.search_rate", lambda *_arguments, **_limits: RateSearch(None, (), True)
    )
    ((row,), _, _) = run(loaded, [Server(bound_seconds=bound)], seconds=seconds, image_ns=1000)
    assert row.invalid_reasons[0].startswith(text)


def test_an_overloaded_server_is_a_row_that_says_so(loaded) -> None:
    ((row,), _, _) = run(loaded, [Server(rate=5000.0)], seconds=10.0)
    assert (row.stop_reason, row.within_bound, row.valid, row.p99_seconds) == ("overload", False, False, None)
    assert row.num_queries < 2000


@pytest.mark.parametrize(
    ("failure", "message"),
    [
        (RuntimeError("Failed to allocate memory"), "cpu has not enough memory for m at batch 1"),
        (RuntimeError("kernel exploded"), "m fails on a batch of 1: kernel exploded"),
        (None, "its answers to the same inputs changed while it was timed"),
    ],
)
@pytest.mark.parametrize("scenario", [SingleStream(), Server(rate=100.0), Paced(0.01)])
def test_one_failure_is_one_row(loaded, scenario, failure, message) -> None:
    # 16 calls learn the answers, fewer than 15 warm up; this one is timed and its answer kept.
    rows, _, _ = run(loaded, [scenario, Offline(4)], fails_at=60, failure=failure)
    assert message in rows[0].error
    assert (rows[0].samples_seconds, rows[0].valid, rows[0].scenario) == ((), False, scenario.name)
    assert rows[1].error is None


def test_a_fixed_batch_is_the_size_of_every_query(loaded) -> None:
    plan = dataclasses.replace(loaded.model.inputs.plan, batch_size=8)
    model = dataclasses.replace(loaded.model, inputs=dataclasses.replace(loaded.model.inputs, plan=plan))
    rows, _, session = run(dataclasses.replace(loaded, model=model), ALL)
    assert [(row.error, row.samples_per_query) for row in rows] == [(None, 8)] * len(ALL)
    assert set(session.batches) == {8}
    for row in rows:
        assert row.throughput == pytest.approx(8 * row.achieved_rate)
    # A call takes 8 ms now: 200 queries a second are too many for it, and were not for one image.
    assert [row.stop_reason for row in rows if row.scenario == "server"] == ["overload"]


def test_a_model_that_reads_no_digits_is_given_tensors(tmp_path) -> None:
    path = write_other(tmp_path / "x.onnx", shape=("n", 3))
    time, other = FakeTime(), load_model(inspect_model(path), CPU, SETTINGS)
    other = dataclasses.replace(other, session=Session(other.session, time))
    rows = measure_load(
        other, [SingleStream(), MultiStream(4)], images=None, seconds=0.01, timer=time.timer(), warm_up=BRIEF
    )
    assert [(row.error, row.samples_per_query) for row in rows] == [(None, 1), (None, 4)]
    assert rows[0].options["input"]["shapes"] == {"x": [None, 3]}
    fixed = load_model(inspect_model(path, shapes={"x": (2, 3)}), CPU, SETTINGS)
    time = FakeTime()
    fixed = dataclasses.replace(fixed, session=Session(fixed.session, time))
    (row,) = measure_load(fixed, [Offline(32)], images=None, seconds=0.01, timer=time.timer(), warm_up=BRIEF)
    assert (row.error, row.samples_per_query) == (None, 2)


def test_answers_that_are_others_than_the_cpus_void_the_row(loaded) -> None:
    wrong = Session(loaded.session, FakeTime(), wrong=True)
    elsewhere = dataclasses.replace(loaded, session=wrong, device=resolve_device("cuda:0"))
    (row,) = measure_load(elsewhere, [SingleStream()], images=IMAGES, seconds=0.01, timer=FakeTime().timer())
    assert "answers on cuda:0 are others than on the CPU" in row.error


def test_several_workers_share_the_session_and_leave_no_thread(loaded) -> None:
    before = set(threading.enumerate())
    rows, _, _ = run(loaded, [Offline(16, workers=3)])
    assert (rows[0].workers, rows[0].error) == (3, None)
    assert rows[0].num_queries >= 11
    assert set(threading.enumerate()) <= before


def test_each_row_is_handed_on_as_soon_as_it_exists(loaded) -> None:
    time, seen = FakeTime(), []
    timed = dataclasses.replace(loaded, session=Session(loaded.session, time))

    def stop(row: LoadResult) -> None:
        seen.append(row.scenario)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure_load(
            timed,
            ALL,
            images=IMAGES,
            seconds=0.1,
            timer=time.timer(),
            warm_up=BRIEF,
            on_result=stop,
        )
    assert seen == ["single-stream"]


@pytest.mark.parametrize(
    ("scenario", "seconds", "images", "message"),
    [
        (SingleStream(), 1.0, IMAGES[:0], "at least one"),
        (SingleStream(), 0.0, IMAGES, "positive numbers"),
        (SingleStream(), float("nan"), IMAGES, "positive numbers"),
        (Server(rate=0.05), 1.0, IMAGES, "a rate of 0.05 queries a second is less than one in 10 s"),
    ],
)
def test_requests_that_make_no_sense(loaded, scenario, seconds, images, message) -> None:
    with pytest.raises(InputError, match=message):
        measure_load(loaded, [scenario], images=images, seconds=seconds, timer=FakeTime().timer())


def test_the_gpu_of_the_session_is_named(loaded, monkeypatch) -> None:
    monkeypatch.setattr(module, "identify_gpu", lambda device: GpuIdentity("GPU-1", f"that of {device.text}"))
    row = dataclasses.replace(loaded, device=resolve_device("cuda:0")).blank(seed=1)
    assert (row.gpu_uuid, row.gpu_name) == ("GPU-1", "that of cuda:0")
    monkeypatch.undo()
    assert (loaded.blank(seed=1).gpu_uuid, loaded.blank(seed=1).gpu_name) == (None, None)
