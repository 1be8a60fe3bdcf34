"""Percentile curves: how long the slowest calls take, as far as the sample can say it."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from types import MappingProxyType

import numpy as np

from mnistbench.bench_files import MOST_SAMPLES
from mnistbench.measure.latency.combine import percentile_samples
from mnistbench.measure.stats import supported
from mnistbench.report import units
from mnistbench.report.html.curves import Curve, panel
from mnistbench.report.html.markup import Markup, join, name, phrase
from mnistbench.report.html.rows import Page, Row, by_table, one_per_architecture
from mnistbench.report.html.scales import log_axis, nines_axis
from mnistbench.report.html.svg import Chart
from mnistbench.results import LatencyResult

STORED: Mapping[float, str] = MappingProxyType(
    {0.5: "p50_seconds", 0.9: "p90_seconds", 0.95: "p95_seconds", 0.99: "p99_seconds", 0.999: "p999_seconds"}
)
"""Shares that a result has a field for: all that is known of one without samples, and where curves have marks."""

IN_TABLES: tuple[float, ...] = (0.5, 0.9, 0.99, 0.999)
"""Shares whose latency stands in the page's tables, rising."""

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

    They are of the same samples as the result's percentiles, pass through these,
    and end before the first one behind them that the tables have no figure of.

    Args:
        result: Without samples, its stored percentiles are all that there is.

    Returns:
        Pairs of share and seconds, at most about a hundred, both rising.
    """
    stored = {share: seconds for share, key in STORED.items() if (seconds := getattr(result, key)) is not None}
    pairs = dict(stored)
    samples = percentile_samples(result)
    if samples:
        ordered = np.sort(np.asarray(samples, dtype=np.float64))
        last = max((share for share in IN_TABLES if share in stored), default=0.0)
        end = next((share for share in IN_TABLES if share > last), 1.0)
        measured = {share: float(ordered[rank - 1]) for share, rank in _supported_ranks(len(samples)) if share < end}
        pairs = {share: _between(stored, share, seconds) for share, seconds in measured.items()} | stored
    return [(share, pairs[share]) for share in sorted(pairs) if pairs[share] > 0]


def samples_note(page: Page, rows: Sequence[Row]) -> Markup:
    """Which files have no samples of some rows, so that their curves are coarse; empty where all have them."""
    parts = []
    for position, (title, _) in enumerate(page.runs):
        own = [row for row in rows if row.setup.run == position]
        lacking = sum(not row.result.samples_seconds for row in own)
        if lacking:
            parts.append(phrase(name(title), f" ({lacking:,} of {len(own):,} results)"))
    if not parts:
        return phrase()
    return phrase(
        "Curves that only join their marks are of results without samples: ",
        join(parts, "; "),
        f". A file keeps those of {MOST_SAMPLES:,} calls at most; what 'mnistbench bench --json' prints has none.",
    )


@functools.lru_cache(maxsize=1024)
def _supported_ranks(n: int) -> tuple[tuple[float, int], ...]:
    """Shares that so many samples support, and the rank of the sample there, as percentiles are defined."""
    percents = ((share, round(100 * share, 5)) for share in SHARES)
    return tuple((share, math.ceil(Fraction(str(q)) / 100 * n)) for share, q in percents if supported(q, n))


def _between(stored: Mapping[float, float], share: float, seconds: float) -> float:
    """Not beyond the stored percentiles around it: the median of several processes is not that of all samples."""
    low = max((figure for at, figure in stored.items() if at <= share), default=0.0)
    high = min((figure for at, figure in stored.items() if at >= share), default=math.inf)
    return max(low, min(seconds, high))


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
