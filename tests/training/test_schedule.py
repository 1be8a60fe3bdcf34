from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistbench.training.schedule import START_FRACTION, WARMUP_FRACTION, learning_rate

PEAKS = st.floats(1e-6, 10.0)


@given(PEAKS, st.integers(1, 2000), st.data())
def test_a_constant_rate_is_constant(peak: float, num_steps: int, data: st.DataObject) -> None:
    step = data.draw(st.integers(0, num_steps - 1))
    assert learning_rate("constant", peak, step, num_steps) == peak


@given(PEAKS, st.integers(1, 2000))
def test_one_cycle_is_positive_and_never_above_its_peak(peak: float, num_steps: int) -> None:
    rates = [learning_rate("one_cycle", peak, step, num_steps) for step in range(num_steps)]
    assert all(0 < rate <= peak for rate in rates)


@given(PEAKS, st.integers(2, 2000))
def test_one_cycle_rises_then_falls(peak: float, num_steps: int) -> None:
    rates = [learning_rate("one_cycle", peak, step, num_steps) for step in range(num_steps)]
    top = rates.index(max(rates))
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert abs((top + 0.5) / num_steps - WARMUP_FRACTION) <= 1 / num_steps


@given(PEAKS, st.integers(100, 20_000))
def test_one_cycle_starts_low_reaches_its_peak_and_ends_near_nothing(peak: float, num_steps: int) -> None:
    first, last = (learning_rate("one_cycle", peak, step, num_steps) for step in (0, num_steps - 1))
    around = range(int(num_steps * WARMUP_FRACTION) - 1, int(num_steps * WARMUP_FRACTION) + 2)
    top = max(learning_rate("one_cycle", peak, step, num_steps) for step in around)
    assert START_FRACTION * peak < first < 0.08 * peak
    assert top > 0.97 * peak
    assert last < 1e-4 * peak


def test_one_cycle_by_hand() -> None:
    # Ten steps of equal width, taken at their middles: 0.05 and 0.15 rise to the peak at 0.2.
    assert learning_rate("one_cycle", 1.0, 0, 10) == pytest.approx(0.04 + 0.96 * 0.25)
    assert learning_rate("one_cycle", 1.0, 1, 10) == pytest.approx(0.04 + 0.96 * 0.75)
    # Half a cosine from 0.2 to 1: its middle, half the peak, lies between steps 5 and 6.
    assert learning_rate("one_cycle", 1.0, 5, 10) + learning_rate("one_cycle", 1.0, 6, 10) == pytest.approx(1.0)


def test_the_mean_of_one_cycle_is_about_half_its_peak() -> None:
    mean = sum(learning_rate("one_cycle", 1.0, step, 1000) for step in range(1000)) / 1000
    assert mean == pytest.approx(0.2 * 0.52 + 0.8 * 0.5, abs=1e-3)
