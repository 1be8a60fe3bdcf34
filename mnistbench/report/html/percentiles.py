"""Percentile curves: how long the slowest calls take, as far as the sample can say it."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from mnistbench.measure.stats import supported
from mnistbench.report import units
from mnistbench.report.html.curves import Curve, panel
from mnistbench.report.html.markup import Markup
from mnistbench.report.html.rows import Row, by_table, one_per_architecture
from mnistbench.report.html.scales import log_axis, nines_axis
from mnistbench.report.html.svg import Chart
from mnistbench.results import LatencyResult

STORED: Mapping[float, str] = MappingProxyType(
    {0.5: "p50_seconds", 0.9: "p90_seconds", 0.95: "p95_seconds", 0.99: "p99_seconds", 0.999: "p999_seconds"}
)
"""Shares that a result has a field for: all that is known of one without samples, and where curves have marks."""

SHARES: tuple[float, ...] = tuple(sorted({round(1 - 10 ** (-0.04 * step), 7) for step in range(1, 98)} | {0.5, 0.95}))
"""Shares of calls that a curve has points at, evenly apart in nines: a curve is as small as a page needs it."""


def percentile_charts(rows: Sequence[Row], prefix: str) -> list[Markup]:
    """One panel a table of the paper.

    Args:
        rows: Of one mode and batch size.
        prefix: Begins the charts' identifiers, which must be unique on a page.
    """
    panels = []
    for position, (title, members) in enumerate(by_table(one_per_architecture(rows)).items()):
        curves = [curve for curve in map(_curve, members) if curve is not None]
        if not curves:
            continue
        chart = Chart(
            identifier=f"{prefix}-{position}",
            title=title,
            description="Latency that each share of the calls does not exceed, a line for each network and each way "
            "of running it; the tables have the figures.",
            x=nines_axis(max(x for curve in curves for x, _ in curve.points)),
            y=log_axis([y for curve in curves for _, y in curve.points]),
            x_label="share of calls at most as slow, %",
            y_label="latency of a call",
            x_text=lambda share: f"{100 * share:g}",
            y_text=units.round_seconds,
        )
        panels.append(panel(chart, curves))
    return panels


def quantiles(result: LatencyResult) -> list[tuple[float, float]]:
    """Shares of the calls with the latency that they do not exceed, only where the sample supports it.

    Args:
        result: Without samples, its stored percentiles are taken.

    Returns:
        Pairs of share and seconds, at most a hundred, both rising.
    """
    n = len(result.samples_seconds)
    if not n:
        stored = [(share, getattr(result, key)) for share, key in STORED.items()]
        return [(share, seconds) for share, seconds in stored if seconds]
    ordered = np.sort(np.asarray(result.samples_seconds, dtype=np.float64))
    pairs = [(share, float(ordered[math.ceil(share * n) - 1])) for share in _supported_shares(n)]
    return [(share, seconds) for share, seconds in pairs if seconds > 0]


@functools.lru_cache(maxsize=1024)
def _supported_shares(n: int) -> tuple[float, ...]:
    return tuple(share for share in SHARES if supported(round(100 * share, 5), n))


def _curve(row: Row) -> Curve | None:
    points = tuple(quantiles(row.result))
    if not points:
        return None
    title = f"{row.model.name}, {row.setup.label}, batch {row.result.batch_size}"
    marks = tuple(
        (share, seconds, f"{title}: p{100 * share:g} {units.seconds(seconds)}")
        for share, seconds in points
        if share in STORED
    )
    return Curve(setup=row.setup, model=row.model, points=points, marks=marks, title=title)
