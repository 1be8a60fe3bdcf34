"""Bounds of a percentile as tables show them: those that say what further processes would show, and no others."""

from __future__ import annotations

from mnistbench.measure.latency.combine import FEWEST_PROCESSES
from mnistbench.results import LatencyResult

UNBOUNDED = "†"
"""Behind a percentile without bounds."""

UNBOUNDED_NOTE = f"{UNBOUNDED}: without bounds, which need {FEWEST_PROCESSES} fresh processes with enough calls each."


def bounds(result: LatencyResult, percentile: str) -> tuple[float, float] | None:
    """Its 95% bounds by the spread between processes.

    Those of one process by its own calls, which a result has too, are no such
    bounds: they say only what that process did.

    Args:
        result: Of any number of processes.
        percentile: As the result names it, ``p99``.

    Returns:
        In seconds; ``None`` where the processes are too few, or one of them made too few calls.
    """
    return result.percentile_bounds.get(percentile) if len(result.processes) >= FEWEST_PROCESSES else None
