from __future__ import annotations

import itertools
import threading

import pytest
from fake_time import MS, FakeTime

from mnistbench.errors import InputError
from mnistbench.measure.load.closed_loop import run_closed_loop
from mnistbench.measure.load.scenarios import Limits
from mnistbench.measure.load.timer import Timer

PATIENCE = 60.0


def limits(**changes: float) -> Limits:
    return Limits(**({"min_seconds": 1.0, "min_queries": 10, "max_seconds": 5.0, "max_queries": 10_000} | changes))


@pytest.mark.parametrize(
    ("service", "changes", "queries", "reason"),
    [
        (MS, {}, 1000, "duration"),
        (200 * MS, {}, 10, "duration"),
        (1000 * MS, {}, 5, "time"),
        (60_000 * MS, {}, 1, "time"),
        (MS, {"max_queries": 300}, 300, "count"),
        (0, {"max_queries": 300}, 300, "count"),
    ],
)
def test_the_next_query_begins_when_the_last_is_answered(service, changes, queries, reason) -> None:
    time = FakeTime()
    traffic = run_closed_loop(time.service(service), limits(**changes), time.timer())
    assert traffic.latency_seconds == (service / 1e9,) * queries
    assert traffic.duration_seconds == pytest.approx(service * queries / 1e9)
    assert traffic.stop_reason == reason
    assert traffic.lateness_seconds == ()
    assert time.slept == []
    assert traffic.answers[:2] == ((0, "answer 0"), (1, "answer 1"))[: len(traffic.answers)]


def test_a_gap_lies_between_an_answer_and_the_next_call() -> None:
    time = FakeTime()
    begun = []
    service = time.service(lambda index: (index + 1) * MS)

    def call(index: int) -> str:
        begun.append(time.time)
        return service(index)

    traffic = run_closed_loop(call, limits(min_seconds=0.1, min_queries=4), time.timer(), gap_seconds=0.05)
    assert [b - a for a, b in itertools.pairwise(begun)] == [51 * MS, 52 * MS, 53 * MS]
    assert traffic.latency_seconds == (0.001, 0.002, 0.003, 0.004)
    # None before the first call.
    assert time.slept == [0.05] * 3
    assert traffic.lateness_seconds == (0.0,) * 3


def test_a_gap_that_became_longer_is_told() -> None:
    time = FakeTime()
    late = Timer(time, lambda seconds: time.sleep(seconds + 0.002), 0.0)
    traffic = run_closed_loop(time.service(MS), limits(min_seconds=0.1, min_queries=4), late, gap_seconds=0.05)
    assert traffic.lateness_seconds == pytest.approx([0.002] * (len(traffic.latency_seconds) - 1))
    assert traffic.latency_seconds == (0.001,) * len(traffic.latency_seconds)


def test_several_workers_call_at_the_same_time() -> None:
    time = FakeTime()
    barrier = threading.Barrier(3)

    def call(index: int) -> int:
        if index < 3:
            barrier.wait(PATIENCE)
        return index

    traffic = run_closed_loop(call, limits(max_queries=50), time.timer(), workers=3)
    assert [index for index, _ in traffic.answers] == list(range(50))
    assert all(index == answer for index, answer in traffic.answers)
    assert traffic.stop_reason == "count"


@pytest.mark.parametrize("workers", [1, 4])
def test_a_failing_call_ends_every_worker(workers: int) -> None:
    before = set(threading.enumerate())

    def call(index: int) -> None:
        if index == 20:
            raise RuntimeError("kernel exploded")

    with pytest.raises(RuntimeError, match="kernel exploded"):
        run_closed_loop(call, limits(), FakeTime().timer(), workers=workers)
    assert set(threading.enumerate()) <= before


def test_without_a_worker_nothing_is_sent() -> None:
    with pytest.raises(InputError, match="0 workers"):
        run_closed_loop(lambda index: None, limits(), FakeTime().timer(), workers=0)
