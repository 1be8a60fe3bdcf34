from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from latencies import failed, row

from mnistbench.measure.judging import change, fewest_processes, judge, row_time
from mnistbench.measure.undisturbed import undisturbed
from mnistbench.results import JUDGED_BY

FEW = (1.0, 1.01, 1.02, 1.03, 1.04)
MANY = (*FEW, 1.005, 1.015, 1.025, 1.035, 1.045, 0.995, 0.99, 0.985, 0.98, 0.975)


def test_a_row_of_more_processes_is_taken_as_of_fewer() -> None:
    few, many = row(spread=FEW), row(spread=MANY)
    assert fewest_processes("undisturbed", few, many) == 5
    times = [part.min_seconds for part in many.processes]
    assert row_time(many, "undisturbed", 5) == undisturbed(times, 5) > row_time(many, "undisturbed")
    told = change(few, many, "undisturbed")
    assert told == pytest.approx(row_time(many, "undisturbed", 5) / row_time(few, "undisturbed") - 1)
    assert change(few, many, "p50") == pytest.approx(row_time(many, "p50") / row_time(few, "p50") - 1)


def test_without_processes_a_row_is_what_its_file_says() -> None:
    old = row(spread=(), undisturbed_seconds=0.9e-4)
    found = [fewest_processes("undisturbed", *rows) for rows in ((old,), (old, row()), ())]
    assert found == [None, 5, None]
    assert fewest_processes("p50", row(), row()) is None
    assert row_time(old, "undisturbed", 5) == 0.9e-4
    assert row_time(failed(), "undisturbed", 5) is None
    assert change(old, row(), "undisturbed") == pytest.approx(0.999 / 0.9 - 1)


SPREADS = st.lists(st.floats(0.5, 2.0), min_size=3, max_size=9).map(tuple)


@given(SPREADS, SPREADS, st.sampled_from(JUDGED_BY))
def test_the_reverse_of_a_pair_says_the_reverse(one, other, by) -> None:
    a, b = row(spread=one), row(spread=other)
    verdict, floor, _ = judge(a, b, by, 0.05)
    turned, same, _ = judge(b, a, by, 0.05)
    assert turned == {"SLOWER": "FASTER", "FASTER": "SLOWER"}.get(verdict, verdict)
    assert same == floor
    assert math.log1p(change(a, b, by)) == pytest.approx(-math.log1p(change(b, a, by)), abs=1e-9)
    assert verdict != "SLOWER" or change(a, b, by) > 0
    assert verdict != "FASTER" or change(a, b, by) < 0


@pytest.mark.parametrize("zeros", [1, 2])
def test_a_process_without_time_decides_nothing(zeros) -> None:
    broken = row(spread=(*FEW, *[0.0] * zeros))
    assert judge(row(spread=FEW), broken, "undisturbed", 0.05)[::2] == ("UNCLEAR", "a process has a time of 0 s")
    assert (change(row(spread=FEW), broken, "undisturbed") is None) is (zeros == 2)


def test_a_file_from_before_shortest_calls_has_no_undisturbed_time() -> None:
    old = row()
    parts = tuple(dataclasses.replace(part, min_seconds=None) for part in old.processes)
    old = dataclasses.replace(old, processes=parts)
    assert row_time(old, "undisturbed", 3) is None
    assert change(old, row(), "undisturbed") is None
