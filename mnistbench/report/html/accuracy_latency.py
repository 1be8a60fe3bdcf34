"""Accuracy against latency, with the networks that no other beats in both."""

from __future__ import annotations

from collections.abc import Sequence

from mnistbench.report import units
from mnistbench.report.html.markup import Markup, element
from mnistbench.report.html.models import Model
from mnistbench.report.html.placement import Box, place_beside_points
from mnistbench.report.html.rows import Row, batch_sizes
from mnistbench.report.html.scales import log_axis
from mnistbench.report.html.setups import Setup
from mnistbench.report.html.svg import FRAME, Chart, line, mark, text
from mnistbench.report.html.table import Cell, Head, table

LEAST_ERROR = 0.00005
"""Half an error of ten thousand images: zero has no logarithm, so this stands for it in the chart."""

_ROOM = Box(FRAME.left + 2, FRAME.top - 4, FRAME.right + 24, FRAME.bottom - 2)
"""Where numbers may stand."""


def accuracy_latency_charts(rows: Sequence[Row], prefix: str) -> list[Markup]:
    """One chart a batch size with the front of each setup, and below it the front in figures.

    Args:
        rows: Of one mode; those without an error rate have no place here.
        prefix: Begins the charts' identifiers, which must be unique on a page.
    """
    placed = [row for row in rows if row.result.error_rate is not None]
    return [
        _figure([row for row in placed if row.result.batch_size == batch], batch, f"{prefix}-{batch}")
        for batch in batch_sizes(placed)
    ]


def front(rows: Sequence[Row]) -> list[Row]:
    """Rows that no other row beats in both latency and error, the fastest first.

    Args:
        rows: Of one setup and batch size; those without an error rate are passed over. Equal
            rows do not beat each other.
    """
    known = [row for row in rows if row.result.error_rate is not None]
    members: list[Row] = []
    best = float("inf")
    for row in sorted(known, key=lambda row: (row.p50_seconds, _error(row), row.model.number)):
        last = members[-1] if members else None
        equal = last is not None and (last.p50_seconds, _error(last)) == (row.p50_seconds, _error(row))
        if _error(row) < best or equal:
            members.append(row)
            best = _error(row)
    return members


def _figure(rows: Sequence[Row], batch: int, identifier: str) -> Markup:
    setups = sorted({row.setup.index: row.setup for row in rows}.items())
    fronts = {index: front([row for row in rows if row.setup.index == index]) for index, _ in setups}
    chart = Chart(
        identifier=identifier,
        title=f"Batch {batch}",
        description=f"Test error against the median latency of a call at batch size {batch}. A line joins the networks "
        "that no other beats in both, for each way of running them; the table below names them.",
        x=log_axis([row.p50_seconds for row in rows]),
        y=log_axis([_height(row) for row in rows]),
        x_label="median latency of a call",
        y_label="test error, %",
        x_text=units.round_seconds,
        y_text=lambda error: f"{100 * error:.3g}",
    )
    lines, marks, anchors = [], [], []
    for index, members in fronts.items():
        lines.append(line(_steps(chart, members), index, class_="line front"))
        chosen = {id(row) for row in members}
        for row in rows:
            if row.setup.index == index:
                on_front = id(row) in chosen
                point = chart.at(row.p50_seconds, _height(row))
                marks.append(
                    (on_front, mark(*point, index, class_="mark" if on_front else "mark beaten", title=_told(row)))
                )
                if on_front:
                    anchors.append((str(row.model.number), *point))
    points = [chart.at(row.p50_seconds, _height(row)) for row in rows]
    numbers = [
        text(place[0], place[1] + 4, words, anchor="middle", class_="number")
        for (words, _, _), place in zip(anchors, place_beside_points(anchors, points, _ROOM), strict=True)
        if place is not None
    ]
    # Those on the front last, so that nothing covers them.
    ordered = [drawn for _, drawn in sorted(marks, key=lambda pair: pair[0])]
    return element(
        "figure",
        element("h4", chart.title),
        chart.draw(*lines, *ordered, *numbers),
        element("figcaption", _front_table(fronts, rows, [setup for _, setup in setups], batch)),
    )


def _steps(chart: Chart, members: Sequence[Row]) -> list[tuple[float, float]]:
    """The least error that can be had for a time, as a line that goes down in steps to the frame's right."""
    points: list[tuple[float, float]] = []
    for row in members:
        x, y = chart.at(row.p50_seconds, _height(row))
        if points:
            points.append((x, points[-1][1]))
        points.append((x, y))
    return [*points, (FRAME.right, points[-1][1])]


def _front_table(fronts: dict[int, list[Row]], rows: Sequence[Row], setups: Sequence[Setup], batch: int) -> Markup:
    members = {(index, row.model.number) for index, chosen in fronts.items() for row in chosen}
    models: dict[int, Model] = {row.model.number: row.model for chosen in fronts.values() for row in chosen}
    found = {(row.setup.index, row.model.number): row for row in rows}
    fastest = {number: min(row.p50_seconds for row in rows if row.model.number == number) for number in models}
    lines = []
    for number in sorted(models, key=lambda number: (fastest[number], number)):
        error = next(row.result.error_rate for row in rows if row.model.number == number)
        cells = [Cell(str(number)), Cell(models[number].name, name=True), Cell(units.percent(error), error)]
        for setup in setups:
            row = found.get((setup.index, number))
            on_front = (setup.index, number) in members
            p50 = row.p50_seconds if row else None
            cells.append(Cell(units.seconds(p50) + (" ●" if on_front else ""), p50, strong=on_front))
        lines.append(cells)
    heads = [Head("No."), Head("network", right=False), Head("error %"), *(Head(setup.label) for setup in setups)]
    return table(f"On a front at batch {batch} (●): median latency", heads, lines)


def _error(row: Row) -> float:
    assert row.result.error_rate is not None
    return row.result.error_rate


def _height(row: Row) -> float:
    return max(_error(row), LEAST_ERROR)


def _told(row: Row) -> str:
    return f"{row.model.number} {row.model.name}, {row.setup.label}: {units.seconds(row.p50_seconds)}, " + (
        f"{units.percent(_error(row))}% wrong"
    )
