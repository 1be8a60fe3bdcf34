from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistbench.errors import InputError
from mnistbench.measure.difference import compare, compare_paired

ERRORS = st.lists(st.integers(0, 10_000).map(lambda count: count / 10_000), min_size=3, max_size=8)


def noise(seeds: int, mean: float, generator: random.Random) -> list[float]:
    return [generator.gauss(mean, 0.001) for _ in range(seeds)]


def outcome_shares(seeds: int, distance: float, trials: int = 300) -> dict[str, float]:
    """How often each outcome comes up where the second is so many standard deviations of 0.001 better."""
    generator = random.Random(seeds)
    found = [
        compare("a", noise(seeds, 0.02 + 0.001 * distance, generator), "b", noise(seeds, 0.02, generator)).outcome
        for _ in range(trials)
    ]
    return {outcome: found.count(outcome) / trials for outcome in ("lower", "higher", "no clear difference")}


@pytest.mark.parametrize(
    ("one", "other", "outcome"),
    [
        ([0.010, 0.011, 0.012], [0.014, 0.014, 0.015], "lower"),
        ([0.014, 0.014, 0.015], [0.010, 0.011, 0.012], "higher"),
        ([0.010, 0.011, 0.012], [0.012, 0.012, 0.012], "no clear difference"),
        ([0.010, 0.010, 0.010], [0.010, 0.010, 0.010], "no clear difference"),
        ([0.010, 0.010, 0.010], [0.011, 0.011, 0.011], "lower"),
        ([0.010, 0.010], [0.02, 0.02, 0.02], "too little data"),
        ([], [0.02, 0.02, 0.02], "too little data"),
    ],
)
def test_a_difference_is_clear_when_its_interval_leaves_out_0(one, other, outcome):
    assert compare("a", one, "b", other).outcome == outcome


def test_welchs_interval_by_hand():
    # Variances of the means 1/3 and 5/3, 4.08 degrees of freedom, so 4: t is 2.776445.
    found = compare("a", [0.001, 0.002, 0.003], "b", [0.002, 0.004, 0.006, 0.008])
    assert (found.error, found.other_error, found.difference) == (0.002, 0.005, -0.003)
    assert found.difference_low == pytest.approx(-0.003 - 0.002776445 * 2**0.5, abs=2e-9)
    assert found.difference_high == pytest.approx(-0.003 + 0.002776445 * 2**0.5, abs=2e-9)


def test_a_side_that_does_not_vary_leaves_the_degrees_of_the_other():
    # 2 degrees, and not 1 by rounding down 1.9999: t is 4.302653, the standard error 0.001 / sqrt(3).
    found = compare("a", [0.011, 0.012, 0.013], "b", [0.010] * 3)
    assert found.difference_low == pytest.approx(0.002 - 0.004302653 / 3**0.5, abs=2e-9)


def test_errors_without_any_spread_have_an_interval_without_width():
    found = compare("a", [0.011] * 3, "b", [0.010] * 4)
    assert found.difference == found.difference_low == found.difference_high == 0.001


def test_medians_are_shown_and_means_compared():
    found = compare("a", [0.010, 0.011, 0.018], "b", [0.02, 0.02, 0.023])
    assert (found.error, found.other_error, found.difference) == (0.011, 0.02, -0.008)


def test_two_seeds_have_a_difference_but_no_interval():
    found = compare("a", [0.010, 0.012], "b", [0.02, 0.02])
    assert (found.difference, found.difference_low, found.difference_high) == (-0.009, None, None)


def test_more_seeds_see_more():
    powers = [outcome_shares(seeds, 3)["higher"] for seeds in (3, 5, 10, 20)]
    assert powers == sorted(powers)
    assert powers[-1] > 0.99


@pytest.mark.parametrize("seeds", [3, 5, 20])
def test_equal_networks_are_rarely_told_apart(seeds):
    assert outcome_shares(seeds, 0)["no clear difference"] >= 0.92


@given(ERRORS, ERRORS)
def test_the_interval_surrounds_the_difference_and_turns_with_the_sides(one, other):
    found, turned = compare("a", one, "b", other), compare("b", other, "a", one)
    assert found.difference_low <= found.difference <= found.difference_high
    assert (found.difference_low, found.difference) == pytest.approx((-turned.difference_high, -turned.difference))
    assert {"lower": "higher", "higher": "lower"}.get(found.outcome, found.outcome) == turned.outcome


def test_pairs_see_what_the_seeds_hide():
    before, after = [0.010, 0.020, 0.030], [0.011, 0.0212, 0.0311]
    assert compare("a", before, "b", after).outcome == "no clear difference"
    found = compare_paired("a", before, "b", after)
    # Differences -10, -12, -11 of 10,000: t with 2 degrees is 4.302653, the standard error 1 / sqrt(3).
    assert (found.difference, found.outcome) == (-0.0011, "lower")
    assert found.difference_high == pytest.approx(-0.0011 + 0.0001 * 4.302653 / 3**0.5, abs=2e-9)


def test_too_few_pairs_say_nothing_and_odd_ones_are_refused():
    assert compare_paired("a", [0.01, 0.01], "b", [0.02, 0.02]).outcome == "too little data"
    assert compare_paired("a", [], "b", []).difference is None
    with pytest.raises(InputError, match="2 and 1 errors"):
        compare_paired("a", [0.01, 0.01], "b", [0.02])
