"""From what went through a system to the figures of a result, and whether they may be believed.

Pure: knows no clock and no model.
"""

from __future__ import annotations

import dataclasses

from mnistbench.measure.load.scenarios import Limits, Scenario
from mnistbench.measure.load.traffic import Traffic
from mnistbench.measure.stats import MIN_SAMPLES, percentile, percentile_bounds, supported
from mnistbench.results import LoadResult, RateStep

_KEYS = {50: "p50", 90: "p90", 95: "p95", 99: "p99", 99.9: "p999"}

_LATE_SHARE = 0.5
"""Of p99; when the generator itself is late by more, the tail is rather its own than the model's."""


def with_figures(row: LoadResult, traffic: Traffic, scenario: Scenario, limits: Limits) -> LoadResult:
    """Add the statistics of a run to its row.

    Percentiles that the number of queries does not support stay ``None``. So do all
    of them after an overload: the queries that would have waited longest are missing.

    Args:
        row: With the scenario's settings.
        traffic: What went through.
        scenario: Names the percentile that has to be supported, and the latency bound.
        limits: What the run was to reach.
    """
    seconds, late = traffic.latency_seconds, traffic.lateness_seconds
    count, duration = len(seconds), traffic.duration_seconds
    shown = [] if traffic.stop_reason == "overload" else [q for q in MIN_SAMPLES if supported(q, count)]
    figures = {f"{_KEYS[q]}_seconds": percentile(seconds, q) for q in shown}
    pairs = {_KEYS[q]: pair for q in shown if (pair := percentile_bounds(seconds, q)) is not None}
    rate = count / duration if duration > 0 else None
    row = dataclasses.replace(
        row,
        num_queries=count,
        duration_seconds=duration,
        stop_reason=traffic.stop_reason,
        achieved_rate=rate,
        throughput=None if rate is None else rate * row.samples_per_query,
        mean_seconds=sum(seconds) / count if count else None,
        min_seconds=min(seconds, default=None),
        p50_seconds=figures.get("p50_seconds"),
        p90_seconds=figures.get("p90_seconds"),
        p95_seconds=figures.get("p95_seconds"),
        p99_seconds=figures.get("p99_seconds"),
        p999_seconds=figures.get("p999_seconds"),
        percentile_bounds=pairs,
        lateness_p99_seconds=percentile(late, 99) if late else None,
        lateness_max_seconds=max(late, default=None),
        samples_seconds=seconds,
    )
    if row.latency_bound_seconds is not None:
        row = dataclasses.replace(row, within_bound=_is_within(row, row.latency_bound_seconds))
    reasons = why_invalid(row, scenario, limits)
    return dataclasses.replace(row, valid=not reasons, invalid_reasons=reasons)


def _is_within(row: LoadResult, bound_seconds: float) -> bool | None:
    """Whether p99 stayed at or under the bound; too few queries say nothing of it."""
    if row.stop_reason == "overload":
        return False
    pair = row.percentile_bounds.get("p99")
    return None if pair is None else pair[1] <= bound_seconds


def why_invalid(row: LoadResult, scenario: Scenario, limits: Limits) -> tuple[str, ...]:
    """What keeps a run's figures from being believed, in words; nothing when they may be.

    Source: MLPerf's two rules, a shortest duration and a fewest queries, with the user's own
    limits; overload and a late generator are ours.
    """
    reasons = []
    if row.stop_reason == "overload":
        reasons.append("overloaded: queries came faster than they were answered")
    elif not supported(scenario.percentile, row.num_queries):
        needed = MIN_SAMPLES[scenario.percentile]
        reasons.append(
            f"p{scenario.percentile:g} needs {needed} queries, there were {row.num_queries}; give a longer --duration"
        )
    elif row.stop_reason == "count" and (row.duration_seconds or 0.0) < limits.min_seconds:
        reasons.append(f"ended after {limits.max_queries:,} queries, before {limits.min_seconds:g} s were over")
    p99, late = row.p99_seconds, row.lateness_p99_seconds
    if row.latency_bound_seconds is not None and p99 and late is not None and late > _LATE_SHARE * p99:
        reasons.append("the generator's own lateness is more than half of p99: the machine is busy")
    return tuple(reasons)


def rate_step(row: LoadResult) -> RateStep:
    """A run at one rate, as a search keeps it."""
    assert row.rate is not None
    pair = row.percentile_bounds.get("p99")
    return RateStep(
        rate=row.rate,
        within_bound=bool(row.within_bound),
        num_queries=row.num_queries,
        p99_seconds=row.p99_seconds,
        p99_high_seconds=None if pair is None else pair[1],
        overloaded=row.stop_reason == "overload",
    )
