from __future__ import annotations

import math
import random

import pytest
from fake_time import MS, FakeTime

from mnistbench.errors import InputError
from mnistbench.measure.load.search import PRECISION, search_rate
from mnistbench.measure.load.server import most_waiting, poisson_arrivals, run_server
from mnistbench.measure.stats import percentile_bounds
from mnistbench.results import RateStep


def sharp(limit: float):
    """A system that sustains every rate up to the limit, and none beyond."""
    return lambda rate: RateStep(rate, rate <= limit)


@pytest.mark.parametrize("limit", [0.5, 1.0, 9.99, 10.0, 137.0, 25_000.0])
@pytest.mark.parametrize("start", [0.01, 10.0, 3e5])
def test_a_sharp_limit_is_found_within_the_precision(limit: float, start: float) -> None:
    found = search_rate(sharp(limit), start, min_rate=0.01, max_runs=100)
    assert found.settled
    assert limit / (1 + PRECISION) <= found.rate <= limit
    # Doubling up or halving down to it, five halvings of a factor of two, most with two votes.
    assert len(found.steps) <= abs(math.log2(limit / start)) + 18


def test_both_ends_of_the_last_interval_were_measured_several_times() -> None:
    found = search_rate(sharp(10.0), 8.0, min_rate=1)
    lowest_failed = min(step.rate for step in found.steps if not step.within_bound)
    for end in (found.rate, lowest_failed):
        assert sum(step.rate == end for step in found.steps) >= 2


def test_not_even_the_lowest_rate() -> None:
    found = search_rate(sharp(0.1), 100, min_rate=5)
    assert (found.rate, found.settled) == (None, True)
    assert [step.rate for step in found.steps] == [100, 50, 25, 12.5, 6.25, 5, 5, 5]


def test_nothing_below_the_lowest_rate_is_tried() -> None:
    found = search_rate(sharp(6), 0.001, min_rate=5)
    assert min(step.rate for step in found.steps) == 5
    assert found.rate == pytest.approx(6, rel=PRECISION)


def test_a_system_without_a_limit_uses_up_the_runs() -> None:
    found = search_rate(lambda rate: RateStep(rate, True), 1, min_rate=1, max_runs=12)
    assert (found.rate, found.settled, len(found.steps)) == (2.0**11, False, 12)


@pytest.mark.parametrize("wrong", range(12))
def test_one_run_that_lies_does_not_decide(wrong: int) -> None:
    """A stall of the machine fails one run, or luck lets one pass; the result stays the same."""
    count = iter(range(1000))

    def measure(rate: float) -> RateStep:
        return RateStep(rate, (rate <= 100.0) != (next(count) == wrong))

    found = search_rate(measure, 30, min_rate=1)
    assert found.settled
    assert 100 / (1 + PRECISION) ** 2 <= found.rate <= 100


@pytest.mark.parametrize("seed", range(5))
def test_a_limit_that_is_a_slope_is_found_about_its_middle(seed: int) -> None:
    generator = random.Random(seed)

    def measure(rate: float) -> RateStep:
        return RateStep(rate, generator.random() < 1 / (1 + (rate / 100) ** 40))

    found = search_rate(measure, 10, min_rate=1, max_runs=200)
    assert 80 < found.rate < 120


def test_the_same_measurements_give_the_same_search() -> None:
    assert search_rate(sharp(77), 3, min_rate=1) == search_rate(sharp(77), 3, min_rate=1)


@pytest.mark.parametrize(
    "changes",
    [
        {"start_rate": 0.0},
        {"start_rate": math.nan},
        {"start_rate": math.inf},
        {"min_rate": 0.0},
        {"precision": 0.0},
        {"precision": math.nan},
        {"repeats": 2},
        {"repeats": 0},
    ],
)
def test_numbers_that_make_no_sense(changes) -> None:
    with pytest.raises(InputError, match="odd number of repeats"):
        search_rate(sharp(1), **({"start_rate": 1.0, "min_rate": 1.0} | changes))


def waits_at_most(load: float, services: float) -> float:
    """Share of the queries in an M/D/1 queue that wait at most so many service times.

    With the load a: (1 - a) times the sum over k up to t of (a(k - t))^k / k! exp(-a(k - t)).

    Source: Erlang 1909; Tijms, *A First Course in Stochastic Models*, section 9.6.2.
    """
    terms = (
        (load * (k - services)) ** k / math.factorial(k) * math.exp(-load * (k - services))
        for k in range(math.floor(services) + 1)
    )
    return (1 - load) * sum(terms)


def highest_load(services: float, share: float = 0.99) -> float:
    """The load at which that share waits at most so many service times."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if waits_at_most(middle, services) >= share else (low, middle)
    return low


def test_erlangs_formula_by_hand() -> None:
    # Who finds nobody does not wait: 1 - a. Up to one service: (1 - a)e^a.
    assert waits_at_most(0.3, 0.0) == pytest.approx(0.7)
    assert waits_at_most(0.3, 0.999999) == pytest.approx(0.7 * math.exp(0.3), rel=1e-5)
    assert highest_load(4.0) == pytest.approx(0.6, abs=0.1)


@pytest.mark.parametrize("services", [3.0, 6.0])
def test_the_highest_rate_of_a_queue_is_what_theory_says(services: float) -> None:
    """Poisson arrivals, one millisecond each, one worker; a latency is the wait and the service."""
    bound = (services + 1) / 1000
    runs = iter(range(1000))

    def measure(rate: float) -> RateStep:
        time, count = FakeTime(), 20_000
        arrivals = poisson_arrivals(rate, count, (1, next(runs)))
        waiting = most_waiting(rate, count, bound)
        traffic = run_server(time.service(MS), arrivals, time.timer(), max_waiting=waiting)
        high = percentile_bounds(traffic.latency_seconds, 99)[1]
        return RateStep(rate, traffic.stop_reason != "overload" and high <= bound)

    found = search_rate(measure, 100, min_rate=1, precision=0.02)
    assert found.settled
    # The upper bound of p99 keeps it below the limit, by little with this many queries.
    assert 0.93 <= found.rate / (1000 * highest_load(services)) <= 1.01
