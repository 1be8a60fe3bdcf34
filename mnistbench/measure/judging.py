"""The time of a row that a comparison is about, and what is said of it. Pure; reads no files."""

from __future__ import annotations

import math

from mnistbench.measure import verdict
from mnistbench.results import Judged, LatencyResult, Verdict


def row_time(row: LatencyResult, by: Judged, processes: int | None = None) -> float | None:
    """What a row is compared by, in seconds; ``None`` when it failed, or its file does not say.

    Args:
        row: The row.
        by: Which time of it.
        processes: As if no more than so many calm ones measured it, see :func:`fewest_processes`; all when ``None``.
    """
    if row.error is not None:
        return None
    if not row.processes:
        return row.p50_seconds if by == "p50" else row.undisturbed_seconds or row.p50_seconds
    times = process_times(row, by)
    return verdict.row_seconds(times, by, processes) if len(times) == len(row.processes) else None


def process_times(row: LatencyResult, by: Judged) -> list[float]:
    """The shortest call or the median of each process; those of which the file does not say it are left out."""
    times = (process.p50_seconds if by == "p50" else process.min_seconds for process in row.processes)
    return [seconds for seconds in times if seconds is not None]


def fewest_processes(by: Judged, *rows: LatencyResult) -> int | None:
    """Of how many calm processes rows are compared; ``None`` where that does not matter, or none of them has any."""
    return None if by == "p50" else verdict.fewest(times for row in rows if (times := process_times(row, by)))


def judge(
    row: LatencyResult, other: LatencyResult, by: Judged, threshold: float, least_floor: float = 0.0
) -> tuple[Verdict, float | None, str | None]:
    """The second row beside the first, both with a time above 0.

    Args:
        row: A.
        other: B.
        by: What of them is compared.
        threshold: Change that matters in practice, as a fraction.
        least_floor: Noise that is known to be there, as the logarithm of a ratio.

    Returns:
        Verdict, noise floor as the logarithm of a ratio, and why it is UNCLEAR.
    """
    counts = [len(one.processes) for one in (row, other)]
    if min(counts) < verdict.MIN_PROCESSES:
        few = f"{counts[0]} and {counts[1]} fresh processes"
        return "UNCLEAR", None, f"{few}; the noise between them needs {verdict.MIN_PROCESSES} or more on each side"
    sides = [process_times(one, by) for one in (row, other)]
    if not all(map(all, sides)):
        return "UNCLEAR", None, "a process has a time of 0 s"
    fewest = fewest_processes(by, row, other)
    floor = max(verdict.pair_floor(*(verdict.row_floor(side, by, fewest) for side in sides)), least_floor)
    difference = verdict.log_ratio(*(verdict.row_seconds(side, by, fewest) for side in sides))
    outcome = verdict.decide(difference, floor, math.log1p(threshold))
    noisy = "the noise is too great: measure again on a quieter machine, or with more processes"
    return outcome, floor, noisy if outcome == "UNCLEAR" else None


def change(row: LatencyResult, other: LatencyResult, by: Judged) -> float | None:
    """Of the second row beside the first, as a fraction; ``None`` where one has no time above 0."""
    fewest = fewest_processes(by, row, other)
    seconds, other_seconds = (row_time(one, by, fewest) for one in (row, other))
    return verdict.as_change(verdict.log_ratio(seconds, other_seconds)) if seconds and other_seconds else None
