from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from mnistbench.errors import InputError
from mnistbench.measure.undisturbed import calm, chances, rank, shortest, undisturbed


@pytest.mark.parametrize(
    ("seconds", "time"),
    [([3.0], 3.0), ([3.0, 1.0], 3.0), ([3.0, 1.0, 2.0], 2.0), ([2.0, 2.0, 9.0], 2.0), ([1.0, *[5.0] * 9], 5.0)],
)
def test_a_time_counts_that_a_second_process_confirms(seconds, time) -> None:
    assert undisturbed(seconds) == time
    assert undisturbed(seconds[::-1]) == time


def test_the_rank_is_that_of_the_second_or_of_the_only_one() -> None:
    assert [rank(count) for count in (1, 2, 3, 100)] == [1, 2, 2, 2]


def test_a_call_of_no_time_is_none() -> None:
    # The clock went back, or does not tick so fast.
    assert shortest([0.0, 3e-5, 2e-5]) == 2e-5
    assert shortest([0.0]) == shortest([]) == 0.0


def test_what_disturbs_most_calls_of_most_processes_does_not_show() -> None:
    generator = np.random.default_rng(0)
    quiet = [shortest(generator.normal(1.0, 0.01, 1000)) for _ in range(5)]
    busy = [shortest(generator.normal(1.0, 0.01, 1000) + 0.5 * (generator.random(1000) < 0.9)) for _ in range(2)]
    always = [shortest(generator.normal(1.6, 0.01, 1000)) for _ in range(3)]
    assert undisturbed([*busy, *always]) == pytest.approx(undisturbed(quiet), rel=0.02)


COUNTS = [(count, processes) for count in range(1, 8) for processes in range(1, count + 1)]


@pytest.mark.parametrize(("count", "processes"), COUNTS)
def test_of_fewer_processes_every_choice_counts_alike(count, processes) -> None:
    times = [1.0, 1.01, 1.02, 1.06, 1.07, 1.07, 1.15][:count]
    each = [math.log(undisturbed(chosen)) for chosen in itertools.combinations(times, processes)]
    for order in (times, times[::-1]):
        assert undisturbed(order, processes) == pytest.approx(math.exp(math.fsum(each) / len(each)))
    first, shares = chances(count, processes)
    assert (first, len(shares)) == (rank(processes) - 1, count - processes + 1)
    assert math.fsum(shares) == pytest.approx(1)


def test_of_as_many_processes_it_is_the_time_itself() -> None:
    times = [1.1, 1.3, 1.2, 1.7]
    assert undisturbed(times, 4) == undisturbed(times) == 1.2
    first, shares = chances(4, 4)
    assert (first, shares.tolist()) == (1, [pytest.approx(1)])


@pytest.mark.parametrize("processes", [3, 5, 9])
def test_rows_of_more_processes_are_no_faster_when_taken_as_of_fewer(processes) -> None:
    generator = np.random.default_rng(2)
    few = [math.log(undisturbed(generator.lognormal(0, 0.03, processes).tolist())) for _ in range(2000)]
    many = generator.lognormal(0, 0.03, (2000, 15)).tolist()
    plain, as_of_few = ([math.log(undisturbed(times, asked)) for times in many] for asked in (None, processes))
    assert np.mean(as_of_few) == pytest.approx(np.mean(few), abs=0.002)
    assert np.mean(plain) < np.mean(few) - 0.006


def test_more_processes_than_there_are_change_nothing_and_none_at_all_is_an_error() -> None:
    assert undisturbed([1.0, 1.01, 1.02], 4) == undisturbed([1.0, 1.01, 9.0], 3) == 1.01
    for processes in (0, -1):
        with pytest.raises(InputError, match=f"{processes} of 3 processes"):
            undisturbed([1.0, 1.01, 1.02], processes)
    with pytest.raises(InputError, match="4 of 3 processes"):
        chances(3, 4)


@pytest.mark.parametrize(
    ("seconds", "time"),
    [
        ([0.0] * 4, 0.0),
        ([0.0, 1.0, 1.0, 1.0], 1.0),  # one that the clock did not see is never the second
        ([1.7976931348623157e308] * 5, 1.7976931348623157e308),
        ([5e-324] * 5, 5e-324),
    ],
)
def test_times_at_the_ends_of_what_there_is(seconds, time) -> None:
    assert undisturbed(seconds, 3) == pytest.approx(time, rel=1e-9)


def test_a_hundred_thousand_processes_as_of_five() -> None:
    times = np.linspace(1.0, 1.1, 100_000).tolist()
    # The second smallest of five uniform numbers lies at a third.
    assert undisturbed(times, 5) - 1 == pytest.approx(0.1 / 3, rel=0.02)
    assert undisturbed(times, 99_999) == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize(
    ("seconds", "count"),
    [
        ([1.0], 1),
        ([1.0, 9.0], 2),
        ([1.0, 1.0, 1.1, 1.2, 1.3], 3),
        ([0.5, 1.0, 1.1, 1.2, 1.3], 3),  # luck is no disturbance
        ([1.0, 1.01, 1.02], 3),
        ([0.0, 0.0, 1.0], 2),
    ],
)
def test_processes_far_above_the_time_were_disturbed(seconds, count) -> None:
    assert calm(seconds) == calm(seconds[::-1]) == seconds[:count]
    assert len(calm([1e-5 * second for second in seconds])) == count
    assert undisturbed(seconds, count) == undisturbed(seconds)


def test_disturbed_processes_are_not_expected_in_a_choice_of_fewer() -> None:
    quiet = [1.0, 1.01, 1.02, 1.03]
    assert undisturbed([*quiet, 1.5, 1.6, 9.0], 3) == undisturbed(quiet, 3)
    assert undisturbed([*quiet, 1.5, 1.6, 9.0], 5) == undisturbed(quiet)
