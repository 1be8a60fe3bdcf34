"""The highest rate that a system sustains, from runs that each say yes or no.

Pure: knows a function that measures a rate, and nothing of clocks or models.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from mnistbench.errors import InputError
from mnistbench.results import RateStep

PRECISION = 0.05
"""Relative distance between the rate found and the lowest that is too high."""

GROWTH = 2.0
NEAR = 1.5
"""From this ratio of too high to sustained on, each rate is measured several times."""

Measure = Callable[[float], RateStep]


@dataclass(frozen=True)
class RateSearch:
    """What a search found.

    Attributes:
        rate: The highest rate that most of its runs kept within the bound; ``None`` when not even
            the lowest rate did.
        steps: Every run, in order.
        settled: Whether the search ended by itself; otherwise its runs were used up.
    """

    rate: float | None
    steps: tuple[RateStep, ...]
    settled: bool


def search_rate(
    measure: Measure,
    start_rate: float,
    *,
    min_rate: float,
    precision: float = PRECISION,
    repeats: int = 3,
    max_runs: int = 40,
) -> RateSearch:
    """Double or halve the rate until the limit lies between two rates, then halve their distance in logarithms.

    A run is a sample: near the limit most of ``repeats`` runs decide, and neither
    end counts before it was decided so. An end that does not stand the repetition
    changes sides, and the search goes on from the next one known.

    Args:
        measure: Runs the system at a rate, with other arrivals each time.
        start_rate: Where to begin, in queries per second.
        min_rate: Below it nothing is tried.
        precision: Relative; the search ends when the two rates are as near as this.
        repeats: Runs at most that decide on a rate near the limit; odd.
        max_runs: Of all rates together.

    Raises:
        InputError: When a number is out of range.
        Exception: Whatever ``measure`` raises.
    """
    numbers = (start_rate, min_rate, precision)
    if not all(math.isfinite(number) and number > 0 for number in numbers) or repeats < 1 or repeats % 2 == 0:
        raise InputError(
            f"a search from {start_rate}, not below {min_rate}, to {precision} with {repeats} repeats; "
            "expected positive numbers and an odd number of repeats"
        )
    steps: list[RateStep] = []
    passed: list[float] = []
    failed: list[float] = []
    sure: set[float] = set()
    while len(steps) < max_runs:
        low, high = passed[-1] if passed else None, failed[-1] if failed else None
        rate = _next_rate(low, high, max(start_rate, min_rate), min_rate, precision)
        is_near = rate is None or (low is not None and high is not None and high <= low * NEAR)
        if rate is None:
            rate = next((end for end in (low, high) if end is not None and end not in sure), None)
            if rate is None:
                return RateSearch(low, tuple(steps), True)
        is_within = _vote(measure, rate, repeats if is_near else 1, steps)
        if is_near:
            sure.add(rate)
        if is_within:
            passed = [*(one for one in passed if one < rate), rate]
            failed = [one for one in failed if one > rate]
        else:
            failed = [*(one for one in failed if one > rate), rate]
            passed = [one for one in passed if one < rate]
    return RateSearch(passed[-1] if passed else None, tuple(steps), False)


def _next_rate(
    low: float | None, high: float | None, start_rate: float, min_rate: float, precision: float
) -> float | None:
    """The rate to measure next; None when the limit lies between two near rates, or below the lowest."""
    if low is None:
        if high is None:
            return start_rate
        return None if high <= min_rate else max(high / GROWTH, min_rate)
    if high is None:
        return low * GROWTH
    return None if high <= low * (1 + precision) else math.sqrt(low * high)


def _vote(measure: Measure, rate: float, most: int, steps: list[RateStep]) -> bool:
    """What most of up to ``most`` runs say; the last of them always says the same."""
    votes = [0, 0]
    while max(votes) * 2 <= most:
        steps.append(measure(rate))
        votes[steps[-1].within_bound] += 1
    return votes[1] > votes[0]
