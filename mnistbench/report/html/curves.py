"""A panel of lines, one a network and setup, each with the network's number at its end. Knows no quantity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mnistbench.report.html.markup import Markup, element, join, name
from mnistbench.report.html.models import Model
from mnistbench.report.html.placement import TEXT_HEIGHT, spread
from mnistbench.report.html.setups import Setup
from mnistbench.report.html.svg import FRAME, Chart, line, mark, text

MOST_NUMBERS = int((FRAME.bottom - FRAME.top) / TEXT_HEIGHT)
"""That stand under each other at the right."""

_NUMBER_LEFT = FRAME.right + 7
_DISPLACED = 2.0
"""From so many units on, a thin line leads from a number to what it belongs to."""


@dataclass(frozen=True)
class Curve:
    """One line.

    Attributes:
        setup: Decides its colour.
        model: Decides its number.
        points: Values, at least one pair.
        marks: Values where a mark stands, and what is shown there under the pointer.
        title: What is shown under the pointer on the line.
    """

    setup: Setup
    model: Model
    points: tuple[tuple[float, float], ...]
    marks: tuple[tuple[float, float, str], ...]
    title: str


def panel(chart: Chart, curves: Sequence[Curve]) -> Markup:
    """A figure with its lines, and below it what the numbers mean."""
    lines, marks, ends = [], [], []
    for curve in curves:
        points = [chart.at(x, y) for x, y in curve.points]
        index = curve.setup.index
        lines.append(line(points, index, title=curve.title))
        marks += [mark(*chart.at(x, y), index, size=3.0, title=words) for x, y, words in curve.marks]
        ends.append((curve.model.number, *points[-1]))
    models = {curve.model.number: curve.model for curve in curves}
    return element(
        "figure",
        element("h4", chart.title),
        chart.draw(*lines, *marks, *_numbers(ends)),
        element("figcaption", legend([models[number] for number in sorted(models)])),
    )


def legend(models: Sequence[Model]) -> Markup:
    """Numbers with the names that they stand for."""
    return join((join((element("b", str(model.number)), " ", name(model.name))) for model in models), " · ")


def _numbers(ends: Sequence[tuple[int, float, float]]) -> list[Markup]:
    """Each line's number in a column at the right, or one a network where there are too many."""
    if len(ends) > MOST_NUMBERS:
        first: dict[int, tuple[int, float, float]] = {}
        for end in ends:
            first.setdefault(end[0], end)
        ends = list(first.values())[:MOST_NUMBERS]
    half = TEXT_HEIGHT / 2
    heights = spread([y for _, _, y in ends], FRAME.top + half, FRAME.bottom - half)
    drawn = []
    for (number, x, y), height in zip(ends, heights, strict=True):
        if abs(height - y) > _DISPLACED or x < FRAME.right - 20:
            drawn.append(line([(x, y), (_NUMBER_LEFT - 1, height)], 0, class_="leader"))
        drawn.append(text(_NUMBER_LEFT, height + 4, str(number), class_="number"))
    return drawn
