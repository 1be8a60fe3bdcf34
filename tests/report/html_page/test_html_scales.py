from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistbench.report.html.scales import MOST_TICKS, log_axis, nines, nines_axis, thinned


@given(st.lists(st.floats(min_value=5e-324, max_value=1.7e308), min_size=1, max_size=9))
def test_every_value_and_tick_lies_on_the_axis(values):
    axis = log_axis(values)
    assert all(0 <= axis.place(value) <= 1 for value in values)
    assert len(axis.ticks) <= MOST_TICKS
    assert list(axis.ticks) == sorted(set(axis.ticks))
    assert all(-1e-6 <= axis.place(tick) <= 1 + 1e-6 for tick in axis.ticks)


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ((1e-6, 1e-3), (1e-6, 1e-5, 1e-4, 1e-3)),
        ((0.004, 0.06), (0.005, 0.01, 0.02, 0.05)),
        ((0.8, 9.0), (1, 2, 5)),
        ((20.0, 30.0), (20, 25, 30)),
    ],
)
def test_ticks_are_round(values, ticks):
    assert log_axis(values).ticks == pytest.approx(ticks)


def test_one_value_stands_in_the_middle():
    assert log_axis([3.0]).place(3.0) == pytest.approx(0.5)


def test_given_ticks_are_thinned_only_where_they_are_too_many():
    assert log_axis([1, 32, 256], [1, 32, 256]).ticks == (1, 32, 256)
    assert len(thinned(range(1, 100))) <= MOST_TICKS
    assert thinned([]) == ()


def test_each_nine_is_as_wide_as_the_last():
    assert [nines(share) for share in (0, 0.9, 0.99, 0.999)] == pytest.approx([0, 1, 2, 3])
    axis = nines_axis(0.999)
    assert axis.ticks == (0.5, 0.9, 0.99, 0.999)
    assert axis.place(0) == 0
    assert axis.place(0.99) - axis.place(0.9) == pytest.approx(axis.place(0.999) - axis.place(0.99))


def test_an_axis_of_percentiles_shows_at_least_one_nine():
    assert nines_axis(0.5).ticks == (0.5, 0.9)
    assert math.isclose(nines_axis(0.1).high, 1.02)
