from __future__ import annotations

import random

import pytest

from mnistbench.measure.latency.choice import choose, survivors

ALL_SPIN, ONE, ALL = (8, 1), (1, 1), (8, 0)


def around(seconds, spread=0.01, count=5):
    """Process medians that lie evenly around a time."""
    return [seconds * (1 + spread * (index - (count - 1) / 2) / count) for index in range(count)]


def pick(*candidates, costs=None, baseline=0, finalists=None):
    costs = costs or [ALL_SPIN] * len(candidates)
    return choose(candidates, finalists or range(len(candidates)), costs, baseline)


def test_the_fastest_is_chosen_and_its_gain_told():
    choice = pick(around(1.0), around(0.8), around(0.5))
    assert (choice.best, choice.verdict, choice.reason) == (2, "FASTER", None)
    assert choice.gain == pytest.approx(2)
    assert 1.9 < choice.gain_low < choice.gain < choice.gain_high < 2.1


def test_the_baseline_stays_when_it_is_the_fastest():
    choice = pick(around(0.5), around(0.8), around(1.0))
    assert (choice.best, choice.gain, choice.verdict, choice.reason) == (0, 1.0, None, None)
    assert choice.gain_low is choice.gain_high is None


def test_the_baseline_stays_unless_the_gain_matters():
    choice = pick(around(1.0), around(0.97))
    assert choice.best == 0
    assert "faster by more than 5%" in choice.reason


def test_the_baseline_stays_when_the_noise_hides_the_gain():
    choice = pick(around(1.0, 0.9), around(0.85, 0.9))
    assert choice.best == 0
    assert "noise is too great" in choice.reason


@pytest.mark.parametrize("count", [1, 2])
def test_too_few_processes_choose_nothing(count):
    choice = pick(around(1.0, count=count), around(0.1, count=count), costs=[ALL_SPIN, ONE])
    assert choice.best == 0
    assert "3 processes or more" in choice.reason


@pytest.mark.parametrize("baseline", [1.0, 0.99, 1.03])
def test_fewer_threads_win_when_they_are_the_same_as_the_default(baseline):
    choice = pick(around(baseline), around(1.0), around(1.01), costs=[ALL_SPIN, ALL, ONE])
    assert (choice.best, choice.verdict) == (2, "SAME")
    assert choice.gain == pytest.approx(baseline / 1.01)


def test_fewer_threads_win_when_they_are_the_same_as_the_fastest():
    choice = pick(around(1.0), around(0.5), around(0.51), costs=[ALL_SPIN, (4, 1), (2, 1)])
    assert (choice.best, choice.verdict) == (2, "FASTER")
    assert "takes more of the processor" in choice.reason


def test_what_costs_less_but_is_slower_does_not_win():
    assert pick(around(1.0), around(1.2), costs=[ALL_SPIN, ONE]).best == 0
    assert pick(around(1.0), around(0.5), around(0.7), costs=[ALL_SPIN, (4, 1), ONE]).best == 1


def test_what_costs_less_but_is_unclear_does_not_win():
    noisy = around(1.0, 2.0)
    assert pick(around(1.0), noisy, costs=[ALL_SPIN, ONE]).best == 0


def test_a_fast_one_that_is_unclear_gives_way_to_a_sure_one():
    noisy = [0.1, 1.3, 0.6, 1.4, 0.2]
    choice = pick(around(1.0), noisy, around(0.7))
    assert choice.best == 2
    assert "with a lower median" in choice.reason


def test_without_a_baseline_the_lowest_median_leads():
    choice = choose([[], around(0.9), around(0.5)], [1, 2], [ALL_SPIN, ONE, ALL])
    assert (choice.best, choice.gain, choice.verdict) == (2, None, None)
    assert "default settings failed" in choice.reason
    # Also among those that are alike the cheaper one wins.
    assert choose([[], around(1.0), around(1.01)], [1, 2], [ALL_SPIN, ALL, ONE]).best == 2


def test_a_single_candidate():
    choice = pick(around(1.0))
    assert (choice.best, choice.gain) == (0, 1.0)
    assert "nothing else" in choice.reason


def test_a_median_of_zero_proves_nothing():
    assert pick([0.0] * 5, around(1.0)).best == 0
    assert pick(around(1.0), [0.0] * 5).best == 0


def test_who_was_dropped_is_not_chosen():
    assert pick(around(1.0), [0.1], around(0.5), finalists=[0, 2]).best == 2


def test_the_order_of_candidates_does_not_matter():
    timed = {(8, 1): around(1.0), (4, 1): around(0.6), (4, 0): around(0.9), (2, 1): around(0.61), (1, 1): around(2.0)}
    generator = random.Random(3)
    for _ in range(20):
        costs = list(timed)
        generator.shuffle(costs)
        choice = choose([timed[cost] for cost in costs], range(len(costs)), costs, costs.index((8, 1)))
        assert costs[choice.best] == (2, 1)


@pytest.mark.parametrize(
    ("seconds", "left"),
    [
        ([[1.0]], [0]),
        ([[1.0], [5.0]], [0, 1]),  # the last rival stays
        ([[9.0], [1.0], [2.0], [3.0], [4.0]], [0, 1, 2]),
        ([[1.0], [1.01], [1.02], [1.09], [1.11]], [0, 1, 2, 3]),  # within 10% of the best
        ([[1.0, 1.0], [4.0, 1.0], [1.0, 1.0], [3.0, 3.0]], [0, 1, 2]),
        ([[0.0], [0.0], [0.0], [1.0]], [0, 1, 2]),
    ],
)
def test_who_goes_on(seconds, left):
    assert survivors(seconds, range(len(seconds))) == left


def test_those_that_were_dropped_stay_out():
    seconds = [[9.0, 9.0], [0.1], [1.0, 1.0], [1.2, 1.2], [1.4, 1.4]]
    assert survivors(seconds, [0, 2, 3, 4]) == [0, 2, 3]
    assert survivors(seconds, []) == []


def test_halving_ends_with_the_best_and_the_baseline():
    seconds = [[9.0], *([float(number)] for number in range(1, 33))]
    running = list(range(len(seconds)))
    sizes = []
    for _ in range(6):
        running = survivors(seconds, running)
        sizes.append(len(running))
    assert sizes == [17, 9, 5, 3, 2, 2]
    assert running == [0, 1]
