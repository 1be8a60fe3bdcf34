"""The batch size from which on one device is faster than another. Pure: works on rows of any two devices."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from mnistbench.results import CrossingResult, LatencyResult


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
        The answer; without ``overtaking`` when no batch size was measured on both.
    """
    ours, theirs = _medians(slow), _medians(fast)
    sizes = sorted(ours.keys() & theirs.keys())
    result = CrossingResult(name, device, faster_device, mode)
    if not sizes:
        return dataclasses.replace(result, reason=_reason(slow, fast))
    speedups = [ours[size] / theirs[size] for size in sizes]
    ahead = [speedup > 1 for speedup in speedups]
    changes = [position for position in range(1, len(sizes)) if ahead[position] != ahead[position - 1]]
    result = dataclasses.replace(result, batch_sizes=tuple(sizes), speedups=tuple(speedups), overtaking="not yet")
    if not ahead[-1]:
        return dataclasses.replace(result, is_clean=not changes)
    if not changes:
        return dataclasses.replace(result, overtaking="from the start", batch_size=float(sizes[0]))
    last = changes[-1]
    low, high = (math.log(speedup) for speedup in speedups[last - 1 : last + 1])
    start, end = (math.log(size) for size in sizes[last - 1 : last + 1])
    batch_size = math.exp(start + (end - start) * -low / (high - low))
    return dataclasses.replace(result, overtaking="between", batch_size=batch_size, is_clean=len(changes) == 1)


def _medians(rows: Sequence[LatencyResult]) -> dict[int, float]:
    """Median by batch size; what was not measured, or took no time, has none."""
    return {row.batch_size: row.p50_seconds for row in rows if row.error is None and row.p50_seconds}


def _reason(*devices: Sequence[LatencyResult]) -> str:
    """Why nothing was measured on both: the first error, if there is one."""
    errors = [row.error for rows in devices for row in rows if row.error is not None]
    return errors[0] if errors else "no batch size was measured on both"
