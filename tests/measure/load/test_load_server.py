from __future__ import annotations

import threading

import numpy as np
import pytest
from fake_time import MS, FakeTime

from mnistbench.errors import InputError
from mnistbench.measure.load.server import most_waiting, poisson_arrivals, run_server

PATIENCE = 60.0


def every(milliseconds: float, count: int) -> list[int]:
    """Arrivals at even distances, the first at once."""
    return [round(number * milliseconds * MS) for number in range(count)]


def run(service, arrivals, max_waiting=10_000):
    time = FakeTime()
    return run_server(time.service(service), arrivals, time.timer(), max_waiting=max_waiting), time


@pytest.mark.parametrize("rate", [0.5, 100.0, 25_000.0])
def test_arrivals_are_a_poisson_process_of_the_rate(rate: float) -> None:
    gaps = np.diff([0, *poisson_arrivals(rate, 50_000, seed=3)]) / 1e9 * rate
    # Exponential: mean and deviation 1, and a share of exp(-x) beyond x; five standard errors of room.
    assert gaps.mean() == pytest.approx(1, abs=5 / np.sqrt(50_000))
    assert gaps.std() == pytest.approx(1, abs=0.05)
    for beyond in (0.1, 1.0, 3.0):
        assert (gaps > beyond).mean() == pytest.approx(np.exp(-beyond), abs=0.012)
    # Neighbours know nothing of each other.
    assert np.corrcoef(gaps[:-1], gaps[1:])[0, 1] == pytest.approx(0, abs=5 / np.sqrt(50_000))


def test_a_seed_gives_the_same_arrivals_and_another_one_others() -> None:
    one = poisson_arrivals(100, 1000, seed=(7, 0))
    assert one == poisson_arrivals(100, 1000, seed=(7, 0))
    assert one != poisson_arrivals(100, 1000, seed=(7, 1))
    assert one == sorted(one)
    assert np.allclose(one, 2 * np.array(poisson_arrivals(200, 1000, seed=(7, 0))), atol=2)


@pytest.mark.parametrize(("rate", "count"), [(0, 10), (-1, 10), (float("nan"), 10), (float("inf"), 10), (10, 0)])
def test_a_schedule_that_makes_no_sense(rate: float, count: int) -> None:
    with pytest.raises(InputError, match="at least one and a positive rate"):
        poisson_arrivals(rate, count, 1)


def test_an_idle_system_answers_at_once() -> None:
    traffic, time = run(2 * MS, every(10, 100))
    assert traffic.latency_seconds == (0.002,) * 100
    # A worker was there for every one of them, in time.
    assert traffic.lateness_seconds == (0.0,) * 100
    assert traffic.duration_seconds == pytest.approx(99 * 0.010 + 0.002)
    assert traffic.stop_reason == "duration"
    assert sum(time.slept) == pytest.approx(99 * 0.008 + 0.002)


def test_one_slow_call_shows_in_all_queries_scheduled_meanwhile() -> None:
    # Ten milliseconds apart, one a millisecond; the sixth takes a second.
    traffic, _ = run(lambda index: 1000 * MS if index == 5 else MS, every(10, 200))
    latency = traffic.latency_seconds
    assert latency[:5] == (0.001,) * 5
    assert latency[5] == 1.0
    # The next was scheduled 10 ms later and waits 990 ms before its own one; each gains 9 ms from then on.
    assert latency[6:116] == pytest.approx([0.991 - 0.009 * number for number in range(110)])
    assert latency[120:] == (0.001,) * 80
    # A generator that waits for answers would see one slow call in 200.
    assert sum(seconds > 0.1 for seconds in latency) == 100
    # Those that waited in the queue, and the one that was due just when it became empty, say nothing of the generator.
    assert len(traffic.lateness_seconds) == 200 - 111


def test_the_generators_own_lateness_is_counted_and_told() -> None:
    time = FakeTime()
    late = time.timer()
    object.__setattr__(late, "sleep", lambda seconds: time.sleep(seconds + 0.003))
    traffic = run_server(time.service(MS), every(10, 50), late, max_waiting=100)
    assert traffic.lateness_seconds == pytest.approx([0.003] * 50)
    assert traffic.latency_seconds == pytest.approx([0.004] * 50)


def test_an_overloaded_system_is_stopped_early() -> None:
    # Twice as many as it can answer: one more waits every 2 ms.
    traffic, _ = run(2 * MS, every(1, 10_000), max_waiting=200)
    assert traffic.stop_reason == "overload"
    # When 200 wait beside the one in work, as many were answered.
    assert len(traffic.latency_seconds) == pytest.approx(200, abs=2)
    assert traffic.duration_seconds == pytest.approx(0.4, abs=0.01)


def test_a_full_system_that_keeps_up_is_not_overloaded() -> None:
    traffic, _ = run(MS, every(1, 1000), max_waiting=1)
    assert traffic.stop_reason == "duration"
    assert traffic.latency_seconds == (0.001,) * 1000


@pytest.mark.parametrize(
    ("rate", "count", "bound", "most"),
    [(10, 662, 0.01, 100), (100_000, 662, 0.01, 4000), (100, 50_000, 0.01, 5000), (1, 1, 1e-6, 100)],
)
def test_how_many_may_wait(rate: float, count: int, bound: float, most: int) -> None:
    assert most_waiting(rate, count, bound) == most


def test_several_workers_answer_at_the_same_time() -> None:
    time = FakeTime()
    barrier = threading.Barrier(3)

    def call(index: int) -> int:
        if index < 3:
            barrier.wait(PATIENCE)
        return index

    # All of them are due at once, so that nobody sleeps on a clock that the others share.
    traffic = run_server(call, [-10 * MS] * 60, time.timer(), workers=3, max_waiting=100)
    assert traffic.answers == tuple((index, index) for index in range(60))


@pytest.mark.parametrize("workers", [1, 3])
def test_a_failing_call_ends_every_worker(workers: int) -> None:
    before = set(threading.enumerate())

    def call(index: int) -> None:
        if index == 7:
            raise RuntimeError("kernel exploded")

    time = FakeTime()
    with pytest.raises(RuntimeError, match="kernel exploded"):
        run_server(call, [-10 * MS] * 60, time.timer(), workers=workers, max_waiting=100)
    assert set(threading.enumerate()) <= before


@pytest.mark.parametrize(("arrivals", "workers", "waiting"), [([], 1, 1), ([0], 0, 1), ([0], 1, 0)])
def test_a_run_without_queries_workers_or_room(arrivals, workers, waiting) -> None:
    with pytest.raises(InputError, match="at least one of each"):
        run_server(lambda index: None, arrivals, FakeTime().timer(), workers=workers, max_waiting=waiting)
