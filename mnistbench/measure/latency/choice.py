"""Which of several settings is the best, by the medians of their fresh processes. Pure; knows no clock and no model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mnistbench.measure import verdict
from mnistbench.measure.stats import median
from mnistbench.results import Verdict

THRESHOLD = 0.05
"""Difference that matters in practice, as a fraction."""

CLEARLY_SLOWER = 0.10
"""Than the best so far: what one process alone can show of candidates that are really alike is less."""

Cost = tuple[int, int]
"""What settings take from other programs: number of threads, and 1 where idle ones wait busily."""


@dataclass(frozen=True)
class Choice:
    """The best candidate, and what it gains over the baseline."""

    best: int
    gain: float | None = None
    """The baseline's time over the best's; ``None`` without a baseline."""
    gain_low: float | None = None
    """Its 95% interval, which the processes' spread tells; ``None`` for fewer than three processes."""
    gain_high: float | None = None
    verdict: Verdict | None = None
    """On the best beside the baseline; ``None`` where they are the same one."""
    reason: str | None = None
    """Why it is not simply the one with the lowest median."""


def survivors(seconds: Sequence[Sequence[float]], running: Sequence[int], kept: int = 0) -> list[int]:
    """Those that are worth another process, after each has had the same number: successive halving.

    The better half goes on, and whatever is not slower than the best by more than
    :data:`CLEARLY_SLOWER`: a single process can be unlucky by a few percent.

    Args:
        seconds: Median of each process, by candidate.
        running: Candidates that are still measured, each with one process at least.
        kept: The baseline, which always goes on.

    Source: Jamieson and Talwalkar 2016 for successive halving.
    """
    ranked = sorted((number for number in running if number != kept), key=lambda number: median(seconds[number]))
    better = set(ranked[: math.ceil(len(ranked) / 2)])
    limit = min((median(seconds[number]) for number in running), default=0.0) * (1 + CLEARLY_SLOWER)
    return [number for number in running if number == kept or number in better or median(seconds[number]) <= limit]


def choose(
    seconds: Sequence[Sequence[float]], finalists: Sequence[int], costs: Sequence[Cost], baseline: int = 0
) -> Choice:
    """The best of the candidates that were measured to the end.

    1. The leader is the one with the lowest median of processes' medians among
       those that are FASTER than the baseline, which means by more than the noise
       and by more than :data:`THRESHOLD`. Where there is none, it is the baseline.
    2. A candidate that costs less than the leader takes its place when it is the
       SAME as the leader, or FASTER, and not UNCLEAR or SLOWER beside the baseline:
       a thread that gains nothing is missing elsewhere. Of several, the cheapest.

    So what is UNCLEAR never replaces the baseline. The gain is that of the processes
    that the choice was made by; among many candidates, luck has a share of a small one.

    Args:
        seconds: Median of each process, by candidate.
        finalists: At least one; without the baseline, which then failed, the lowest median leads.
        costs: By candidate.
        baseline: The candidate with the default settings.
    """
    typical = {number: median(seconds[number]) for number in finalists}
    fastest = min(finalists, key=lambda number: (typical[number], costs[number], number))
    has_baseline = baseline in typical

    def beside(number: int, other: int) -> Verdict:
        return _compare(seconds[other], seconds[number])[2]

    if has_baseline:
        faster = [number for number in finalists if number != baseline and beside(number, baseline) == "FASTER"]
        leader = min(faster, key=lambda number: (typical[number], costs[number], number), default=baseline)
    else:
        leader = fastest
    cheaper = [
        number
        for number in finalists
        if costs[number] < costs[leader]
        and beside(number, leader) in ("SAME", "FASTER")
        and (not has_baseline or beside(number, baseline) in ("SAME", "FASTER"))
    ]
    best = min(cheaper, key=lambda number: (costs[number], typical[number], number), default=leader)
    if not has_baseline:
        return Choice(best, reason="the default settings failed")
    if best == baseline:
        return Choice(best, 1.0, reason=_why_baseline(seconds, fastest, baseline, len(finalists)))
    difference, floor, outcome = _compare(seconds[baseline], seconds[best])
    assert floor is not None  # or the verdict would be UNCLEAR
    gain, low, high = (
        1 + verdict.as_change(value) for value in (-difference, -difference - floor, -difference + floor)
    )
    return Choice(best, gain, low, high, outcome, _why_not_fastest(best, fastest, best in cheaper))


def _why_not_fastest(best: int, fastest: int, is_cheaper: bool) -> str | None:
    if best == fastest:
        return None
    if is_cheaper:
        return f"nothing that takes more of the processor is faster by more than {THRESHOLD:.0%}"
    return "the noise is too great to say that another with a lower median is faster"


def _why_baseline(seconds: Sequence[Sequence[float]], fastest: int, baseline: int, count: int) -> str | None:
    if count == 1:
        return "nothing else was left to compare it with"
    if fastest == baseline:
        return None
    if min(len(seconds[baseline]), len(seconds[fastest])) < verdict.MIN_PROCESSES:
        return f"to tell a difference from noise takes {verdict.MIN_PROCESSES} processes or more"
    if _compare(seconds[baseline], seconds[fastest])[2] == "SAME":
        return f"nothing else is faster by more than {THRESHOLD:.0%}"
    return "the noise is too great to say that another is faster: tune on a quieter machine, or with more processes"


def _compare(seconds: Sequence[float], others: Sequence[float]) -> tuple[float, float | None, Verdict]:
    """The second beside the first: difference and noise floor in logarithms, and the verdict."""
    if min(*seconds, *others) <= 0:
        return 0.0, None, "UNCLEAR"
    difference = verdict.log_ratio(median(seconds), median(others))
    if min(len(seconds), len(others)) < verdict.MIN_PROCESSES:
        return difference, None, "UNCLEAR"
    floor = verdict.pair_floor(verdict.row_floor(seconds, "p50"), verdict.row_floor(others, "p50"))
    return difference, floor, verdict.decide(difference, floor, math.log1p(THRESHOLD))
