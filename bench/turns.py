"""Two functions that take turns, so that whatever else the machine does meets both."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from statistics import median

Seconds = tuple[list[float], list[float]]


def alternate(one: Callable[[], object], other: Callable[[], object], *, rounds: int, calls: int) -> Seconds:
    """Seconds of a call of each, in every round; the order within a round changes.

    Args:
        one: Called ``calls`` times in a row.
        other: Likewise.
        rounds: How often the two take turns.
        calls: In a turn; their mean is the round's figure.
    """
    seconds: Seconds = ([], [])
    gc.collect()
    gc.disable()
    try:
        for number in range(rounds):
            for which in (0, 1) if number % 2 == 0 else (1, 0):
                function = (one, other)[which]
                start = time.perf_counter_ns()
                for _ in range(calls):
                    function()
                seconds[which].append((time.perf_counter_ns() - start) / calls / 1e9)
    finally:
        gc.enable()
    return seconds


def median_difference(seconds: Seconds) -> float:
    """Median over the rounds of how much longer the second takes."""
    return median(other - one for one, other in zip(*seconds, strict=True))
