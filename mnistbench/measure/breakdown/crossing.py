"""The batch size from which on one device is faster than another. Pure: works on rows of any two devices."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence

from mnistbench.measure.judging import judge, row_time
from mnistbench.measure.run_comparison import DEFAULT_THRESHOLD
from mnistbench.measure.verdict import MIN_PROCESSES
from mnistbench.results import CrossingResult, LatencyResult, Verdict

NO_DIFFERENCE = "no clear difference at any batch size"


def crossing(
    slow: Sequence[LatencyResult],
    fast: Sequence[LatencyResult],
    *,
    name: str,
    device: str,
    faster_device: str,
    mode: str = "e2e",
) -> CrossingResult:
    """Where a device that is slower on small batches overtakes another.

    Which one is ahead at a batch size is judged by both medians and the noise between
    fresh processes, as ``mnistbench compare --by p50`` does; where it is not clear, neither
    is. Where a row has too few processes to know its noise, the medians alone decide.

    Between two measured batch sizes both medians are taken for powers of the batch
    size, which are straight lines on logarithmic axes.

    Args:
        slow: One model's rows on the device that may be overtaken, the CPU for instance.
        fast: Rows of the same model on the device that may overtake, the GPU for instance.
        name: The model.
        device: Of ``slow``, for the result.
        faster_device: Of ``fast``.
        mode: Of all rows.

    Returns:
        The answer; without ``overtaking`` when no batch size was measured on both, or nothing is clear.
    """
    ours, theirs = _measured(slow), _measured(fast)
    sizes = sorted(ours.keys() & theirs.keys())
    result = CrossingResult(name, device, faster_device, mode)
    if not sizes:
        return dataclasses.replace(result, reason=_reason(slow, fast))
    speedups = [ours[size][1] / theirs[size][1] for size in sizes]
    verdicts = [_verdict(ours[size][0], theirs[size][0]) for size in sizes]
    result = dataclasses.replace(
        result, batch_sizes=tuple(sizes), speedups=tuple(speedups), verdicts=tuple(verdicts), overtaking="not yet"
    )
    ahead = {
        position: speedup > 1 if outcome is None else outcome == "FASTER"
        for position, (speedup, outcome) in enumerate(zip(speedups, verdicts, strict=True))
        if outcome in (None, "FASTER", "SLOWER")
    }
    if not ahead:
        return dataclasses.replace(result, overtaking=None, reason=NO_DIFFERENCE)
    clear = list(ahead)
    behind = [position for position in clear if not ahead[position]]
    changes = sum(ahead[position] != ahead[before] for before, position in itertools.pairwise(clear))
    if not ahead[clear[-1]]:
        return dataclasses.replace(result, is_clean=not changes)
    if not behind:
        return dataclasses.replace(result, overtaking="from the start", batch_size=float(sizes[clear[0]]))
    # At last behind, and clearly ahead for the first time afterwards: in between nothing is clear.
    start, end = behind[-1], next(position for position in clear if position > behind[-1])
    batch_size = _same_time(sizes[start : end + 1], speedups[start : end + 1])
    return dataclasses.replace(result, overtaking="between", batch_size=batch_size, is_clean=changes == 1)


def _measured(rows: Sequence[LatencyResult]) -> dict[int, tuple[LatencyResult, float]]:
    """Row and median by batch size; what was not measured, or took no time, has none."""
    found = ((row, row_time(row, "p50")) for row in rows if row.p50_seconds)
    return {row.batch_size: (row, seconds) for row, seconds in found if seconds}


def _verdict(row: LatencyResult, other: LatencyResult) -> Verdict | None:
    """On the second row beside the first; ``None`` where their noise is not known."""
    if min(len(row.processes), len(other.processes)) < MIN_PROCESSES:
        return None
    return judge(row, other, "p50", DEFAULT_THRESHOLD)[0]


def _same_time(sizes: Sequence[int], speedups: Sequence[float]) -> float:
    """The last batch size at which both take the same time, of sizes of which the first is slower, the last faster."""
    last = max(position for position in range(1, len(sizes)) if speedups[position - 1] <= 1 < speedups[position])
    low, high = (math.log(speedup) for speedup in speedups[last - 1 : last + 1])
    start, end = (math.log(size) for size in sizes[last - 1 : last + 1])
    return math.exp(start + (end - start) * -low / (high - low))


def _reason(*devices: Sequence[LatencyResult]) -> str:
    """Why nothing was measured on both: the first error, if there is one."""
    errors = [row.error for rows in devices for row in rows if row.error is not None]
    return errors[0] if errors else "no batch size was measured on both"
