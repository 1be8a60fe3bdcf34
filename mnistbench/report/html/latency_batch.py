"""Latency against batch size: time per image of every network, a panel for each of the paper's tables."""

from __future__ import annotations

from collections.abc import Sequence

from mnistbench.report import units
from mnistbench.report.html.curves import Curve, panel
from mnistbench.report.html.markup import Markup
from mnistbench.report.html.rows import Row, batch_sizes, by_table, one_per_architecture
from mnistbench.report.html.scales import log_axis
from mnistbench.report.html.svg import Chart


def latency_batch_charts(rows: Sequence[Row], prefix: str) -> list[Markup]:
    """One panel a table of the paper; empty where fewer than two batch sizes were measured.

    Args:
        rows: Of one mode.
        prefix: Begins the charts' identifiers, which must be unique on a page.
    """
    if len(batch_sizes(rows)) < 2:
        return []
    panels = []
    for position, (title, members) in enumerate(by_table(one_per_architecture(rows)).items()):
        curves = _curves(members)
        if not curves:
            continue
        batches = batch_sizes(members)
        chart = Chart(
            identifier=f"{prefix}-{position}",
            title=title,
            description=f"Median time per image at batch sizes {', '.join(map(str, batches))}, "
            "a line for each network and each way of running it; the tables have the figures.",
            x=log_axis([x for curve in curves for x, _ in curve.points], batches),
            y=log_axis([y for curve in curves for _, y in curve.points]),
            x_label="batch size (images in a call)",
            y_label="median time per image",
            x_text=lambda batch: f"{batch:g}" if batch < 1e5 else f"{batch:.0e}",
            y_text=units.round_seconds,
        )
        panels.append(panel(chart, curves))
    return panels


def _curves(rows: Sequence[Row]) -> list[Curve]:
    lines: dict[tuple[int, int], list[Row]] = {}
    for row in rows:
        # A time too short to be shared among the images has no place on a logarithmic axis.
        if row.p50_seconds / row.result.batch_size > 0:
            lines.setdefault((row.setup.index, row.model.number), []).append(row)
    return [
        Curve(
            setup=members[0].setup,
            model=members[0].model,
            points=tuple(map(_point, members)),
            marks=tuple((*_point(row), _told(row)) for row in members),
            title=f"{members[0].model.name}, {members[0].setup.label}",
        )
        for members in lines.values()
    ]


def _point(row: Row) -> tuple[float, float]:
    return row.result.batch_size, row.p50_seconds / row.result.batch_size


def _told(row: Row) -> str:
    batch = row.result.batch_size
    return (
        f"{row.model.name}, {row.setup.label}, batch {batch}: {units.seconds(row.p50_seconds)} a call, "
        f"{units.seconds(row.p50_seconds / batch)} an image"
    )
