from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistbench.errors import InputError
from mnistbench.measure.verdict import (
    as_change,
    between_runs,
    decide,
    fewest,
    log_ratio,
    pair_floor,
    row_floor,
    row_seconds,
)
from mnistbench.results import JUDGED_BY, VERDICTS

SMALL, LARGE, HUGE = 0.02, 0.08, 0.2
NAN, INFINITY = math.nan, math.inf


@pytest.mark.parametrize(
    ("difference", "floor", "verdict"),
    [
        # Every order of difference, floor and a threshold of 5%, with equal ones; the sign only turns the verdict.
        (0.0, 0.0, "SAME"),
        (SMALL, 0.0, "SAME"),
        (0.0, SMALL, "SAME"),
        (0.03, SMALL, "SAME"),
        (SMALL, 0.03, "SAME"),
        (SMALL, 0.05, "SAME"),
        (0.05, 0.05, "SAME"),
        (0.05, 0.0, "SAME"),
        (LARGE, 0.0, "SLOWER"),
        (LARGE, SMALL, "SLOWER"),
        (LARGE, 0.05, "SLOWER"),
        (HUGE, LARGE, "SLOWER"),
        (LARGE, LARGE, "UNCLEAR"),
        (LARGE, HUGE, "UNCLEAR"),
        (0.05, LARGE, "UNCLEAR"),
        (SMALL, LARGE, "UNCLEAR"),
        (0.0, LARGE, "UNCLEAR"),
    ],
)
def test_the_verdict_by_difference_floor_and_threshold(difference, floor, verdict) -> None:
    assert decide(difference, floor, 0.05) == verdict
    assert decide(-difference, floor, 0.05) == {"SLOWER": "FASTER"}.get(verdict, verdict)


def test_rounding_errors_do_not_decide() -> None:
    threshold = math.log1p(0.1)
    assert decide(log_ratio(1.0, 1.1), 0.0, threshold) == decide(log_ratio(1.1, 1.0), 0.0, threshold) == "SAME"
    assert decide(log_ratio(1.0, 1.1001), 0.0, threshold) == "SLOWER"


@given(st.floats(-700, 700), st.floats(0, 700), st.floats(0, 700))
def test_swapping_the_sides_turns_the_verdict(difference, floor, threshold) -> None:
    verdict = decide(difference, floor, threshold)
    assert verdict in VERDICTS
    assert decide(-difference, floor, threshold) == {"SLOWER": "FASTER", "FASTER": "SLOWER"}.get(verdict, verdict)


@pytest.mark.parametrize(
    "values", [(NAN, 0, 0), (0, NAN, 0), (0, 0, NAN), (INFINITY, 0, 0), (0, INFINITY, 0), (0, -1, 0), (0, 0, -1)]
)
def test_what_is_no_number_has_no_verdict(values) -> None:
    with pytest.raises(InputError, match="expected finite numbers"):
        decide(*values)


JUDGED = pytest.mark.parametrize("by", JUDGED_BY)


def simulated(
    trials: int, factor: float, *, spread: float = 0.015, processes: int = 5, disturbed: bool = False, by="p50"
):
    """How often each verdict is given on pairs of runs of which the second takes ``factor`` times as long."""
    generator = np.random.default_rng(7)
    counts = dict.fromkeys(VERDICTS, 0)
    for _ in range(trials):
        logs = generator.normal(0, spread, (2, processes))
        if disturbed:
            logs[1, 0] += 0.3
        one, other = np.exp(logs[0]), factor * np.exp(logs[1])
        floor = pair_floor(row_floor(one, by), row_floor(other, by))
        counts[decide(log_ratio(row_seconds(one, by), row_seconds(other, by)), floor, math.log1p(0.05))] += 1
    return counts


@pytest.mark.parametrize(("by", "spread"), [("p50", 0.015), ("undisturbed", 0.01)])
def test_two_runs_of_the_same_are_the_same_19_times_of_20(by, spread) -> None:
    counts = simulated(200, 1.0, spread=spread, by=by)
    assert counts["SAME"] >= 190
    assert counts["SLOWER"] == counts["FASTER"] == 0


@JUDGED
def test_a_tenth_more_time_is_slower_and_a_tenth_less_faster(by) -> None:
    assert simulated(100, 1.1, by=by)["SLOWER"] >= 99
    assert simulated(100, 1 / 1.1, by=by)["FASTER"] >= 99


@JUDGED
def test_one_disturbed_process_of_five_hides_nothing(by) -> None:
    assert simulated(100, 1.0, spread=0.01, disturbed=True, by=by)["SAME"] >= 95
    assert simulated(100, 1.1, spread=0.01, disturbed=True, by=by)["SLOWER"] >= 95


@JUDGED
@pytest.mark.parametrize("processes", [3, 5, 10])
@pytest.mark.parametrize("spread", [0.03, 0.2])
def test_noise_is_seldom_called_a_change(by, processes, spread) -> None:
    counts = simulated(100, 1.0, spread=spread, processes=processes, by=by)
    assert counts["SLOWER"] + counts["FASTER"] <= 8
    assert spread < 0.1 or counts["SAME"] <= 1


@JUDGED
def test_the_floor_grows_with_the_spread_and_knows_no_unit(by) -> None:
    spread = np.array([0.99, 1.0, 1.01, 0.995, 1.005])
    floor = row_floor(spread, by)
    assert 0.005 < floor < 0.03
    assert row_floor(1e-6 * spread, by) == pytest.approx(floor)
    assert row_floor(spread**4, by) == pytest.approx(4 * floor)
    assert row_floor(spread[::-1], by) == floor


@JUDGED
def test_processes_that_agree_have_no_noise(by) -> None:
    assert row_floor([2e-5] * 5, by) == 0.0
    assert pair_floor(0.0, 0.0) == 0.0


@pytest.mark.parametrize(
    ("by", "judged"), [("p50", np.median), ("undisturbed", lambda x, axis: np.sort(x, axis)[..., 1])]
)
def test_the_draws_are_those_with_replacement(by, judged) -> None:
    # The rule by hand: draw the values themselves, many times.
    for values in (np.array([1.0, 1.02, 1.05, 0.97, 0.99]), np.array([1.0, 1.02, 1.05, 0.97, 0.99, 1.01])):
        drawn = judged(np.random.default_rng(1).choice(np.log(values), (2, 40_000, len(values))), axis=2)
        inner = np.quantile(np.abs(drawn[0] - drawn[1]), 0.8)
        expected = inner * 1.959964 / 1.281552 * math.sqrt(len(values) / (len(values) - 1))
        assert row_floor(values, by) == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("processes", [1, 2, 3, 5])
def test_as_of_fewer_processes_the_draws_are_of_what_is_then_expected(processes) -> None:
    values = np.array([1.0, 1.02, 1.05, 0.97, 0.99, 1.01])
    choices = list(itertools.combinations(range(len(values)), processes))
    drawn = np.random.default_rng(1).choice(np.log(values), (2, 20_000, len(values)))
    told = np.sort(drawn[:, :, choices], axis=3)[..., min(2, processes) - 1].mean(axis=2)
    expected = np.quantile(np.abs(told[0] - told[1]), 0.8) * 1.959964 / 1.281552 * math.sqrt(6 / 5)
    assert row_floor(values, "undisturbed", processes) == pytest.approx(expected, rel=0.05)


@JUDGED
def test_as_of_all_processes_nothing_is_another(by) -> None:
    values = [1.0, 1.02, 1.05, 0.97, 0.99]
    assert row_floor(values, by, 5) == row_floor(values, by)
    assert row_seconds(values, by, 5) == row_seconds(values, by)
    assert row_floor([2e-5] * 9, by, 5) == pytest.approx(0.0, abs=1e-12)


def test_medians_are_the_same_however_many_processes_the_other_has() -> None:
    values = [1.0, 1.02, 1.05, 0.97, 0.99]
    assert row_floor(values, "p50", 3) == row_floor(values, "p50")
    assert row_seconds(values, "p50", 3) == row_seconds(values, "p50")


@pytest.mark.parametrize(("count", "processes"), [(301, 300), (100_000, 5), (100_000, 99_999)])
def test_very_many_processes_as_of_fewer(count, processes) -> None:
    values = np.linspace(0.95, 1.05, count)
    floor = row_floor(values, "undisturbed", processes)
    assert 0 <= floor < 0.1
    assert row_floor(values, "undisturbed", processes) == floor


def test_rows_are_judged_by_as_many_calm_processes_as_the_one_with_the_fewest() -> None:
    quiet, disturbed = [1.0, 1.01, 1.02, 1.03, 1.04], [1.0, 1.01, 1.02, 1.3, 1.4, 1.5, 1.6]
    assert fewest([quiet, disturbed]) == fewest([disturbed, quiet]) == 3
    assert fewest([]) is None
    # How many are disturbed next time is chance, whatever the other row has.
    assert row_floor(disturbed, "undisturbed", 2) == row_floor(disturbed, "undisturbed")
    assert row_floor(quiet, "undisturbed", 3) < row_floor(quiet, "undisturbed")


def test_a_run_of_which_half_is_disturbed_is_as_fast_as_a_quiet_one() -> None:
    generator = np.random.default_rng(6)
    counts = dict.fromkeys(VERDICTS, 0)
    for _ in range(100):
        logs = generator.normal(0, 0.01, 15) + 0.3 * (generator.random(15) < 0.5)
        sides = np.exp(generator.normal(0, 0.01, 5)).tolist(), np.exp(logs).tolist()
        as_of = fewest(sides)
        floor = pair_floor(*(row_floor(side, "undisturbed", as_of) for side in sides))
        difference = log_ratio(*(row_seconds(side, "undisturbed", as_of) for side in sides))
        counts[decide(difference, floor, math.log1p(0.05))] += 1
    assert counts["SAME"] >= 95


@pytest.mark.parametrize("spread", [0.01, 0.03])
def test_five_processes_beside_fifteen_are_no_slower(spread) -> None:
    generator = np.random.default_rng(3)
    wrong, plain, level = 0, [], []
    for _ in range(200):
        few, many = (np.exp(generator.normal(0, spread, count)).tolist() for count in (5, 15))
        floor = pair_floor(*(row_floor(side, "undisturbed", 5) for side in (few, many)))
        level.append(log_ratio(row_seconds(many, "undisturbed", 5), row_seconds(few, "undisturbed", 5)))
        plain.append(log_ratio(row_seconds(many, "undisturbed"), row_seconds(few, "undisturbed")))
        wrong += decide(level[-1], floor, math.log1p(0.05)) in ("SLOWER", "FASTER")
    assert abs(np.mean(level)) < 0.15 * spread
    assert np.mean(plain) > 0.5 * spread
    assert wrong <= 10


@JUDGED
@pytest.mark.parametrize("count", [2, 3, 4, 100_000])
def test_two_processes_and_a_hundred_thousand(by, count) -> None:
    floor = row_floor(np.linspace(0.9, 1.1, count), by)
    assert 0 <= floor < 0.6
    assert row_floor(np.linspace(0.9, 1.1, count), by) == floor


@JUDGED
@pytest.mark.parametrize(
    "values", [[], [1.0], [1.0, 0.0, 1.0], [1.0, NAN, 1.0], [1.0, INFINITY], [1.0, -1.0], [[1, 2]]]
)
def test_medians_without_a_logarithm_have_no_floor(by, values) -> None:
    with pytest.raises(InputError, match="expected two or more finite times above 0"):
        row_floor(values, by)


def test_the_floor_of_a_pair_lies_between_both() -> None:
    assert pair_floor(0.03, 0.03) == pytest.approx(0.03)
    assert pair_floor(0.0, 0.04) == pytest.approx(0.04 / math.sqrt(2))


def test_runs_lie_apart_by_their_extremes() -> None:
    assert between_runs([1.0, 1.1, 1.04]) == pytest.approx(math.log(1.1))
    assert between_runs([1.0, 1.0]) == 0.0
    for runs in ([], [1.0], [1.0, 0.0], [1.0, NAN]):
        with pytest.raises(InputError, match="two or more"):
            between_runs(runs)


def test_a_change_is_a_fraction_and_always_finite() -> None:
    assert as_change(log_ratio(1e-4, 1.1e-4)) == pytest.approx(0.1)
    assert as_change(log_ratio(1e-4, 1e-4)) == 0.0
    assert math.isfinite(as_change(log_ratio(5e-324, 1e308)))
    assert as_change(log_ratio(1e308, 5e-324)) == pytest.approx(-1)
