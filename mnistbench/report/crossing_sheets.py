"""From which batch size on a device is faster than another, as a sheet."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mnistbench.measure.run_comparison import DEFAULT_THRESHOLD
from mnistbench.measure.verdict import MIN_PROCESSES
from mnistbench.report import units
from mnistbench.report.sheet import Column, Sheet, one_line
from mnistbench.results import CrossingResult


def crossing_sheet(results: Sequence[CrossingResult]) -> Sheet:
    """One row a model and pair of devices."""
    columns = (
        Column("network", right=False, foldable=True),
        Column("device", right=False),
        Column("overtaken by", right=False),
        Column("at batch", right=False),
        Column("speedup at the smallest"),
        Column("at the largest"),
    )
    rows = tuple(
        (one_line(result.name), result.device, result.faster_device, _where(result), *_ends(result))
        for result in results
    )
    sizes = sorted({size for result in results for size in result.batch_sizes})
    notes = []
    if sizes:
        listed = ", ".join(f"{size:,}" for size in sizes)
        notes.append(f"Medians of e2e calls at batches {listed}; in between, straight lines on logarithmic axes.")
    verdicts = [verdict for result in results for verdict in result.verdicts]
    if any(verdicts):
        notes.append(f"Faster: by more than {DEFAULT_THRESHOLD:.0%} and more than the noise between fresh processes.")
    if None in verdicts:
        notes.append(f"Below {MIN_PROCESSES} fresh processes their noise is not known: there the medians alone decide.")
    for result in results:
        what = f"{one_line(result.name)}, {result.faster_device} beside {result.device}"
        if result.reason is not None:
            notes.append(f"{what}: {one_line(result.reason)}")
        elif result.unclear:
            notes.append(f"{what}: no clear difference at batch {', '.join(map(str, result.unclear))}.")
        if not result.is_clean:
            notes.append(f"{what}: the lead changes more than once; the last time counts.")
    return Sheet("Batch size from which on another device is faster", columns, rows, "\n".join(notes))


def _where(result: CrossingResult) -> str:
    if result.overtaking == "from the start":
        at = f"{math.ceil(result.batch_size or result.batch_sizes[0]):,}"
        return f"{at} already" if at == f"{result.batch_sizes[0]:,}" else f"{at} or less"
    if result.overtaking == "between" and result.batch_size is not None:
        return f"about {math.ceil(result.batch_size):,}"
    if result.overtaking == "not yet":
        return f"not up to {result.batch_sizes[-1]:,}"
    return "unclear" if result.batch_sizes else units.MISSING


def _ends(result: CrossingResult) -> tuple[str, str]:
    if not result.speedups:
        return units.MISSING, units.MISSING
    first, last = (f"{units.rough_count(result.speedups[end])}×" for end in (0, -1))
    return first, last
