"""The parts that every chart is drawn of: frame, axes, lines and marks, as inline SVG.

Colours are classes ``s0`` to ``s6`` that the page's style defines for light and
dark; marks and dashes differ as well, so that no eye and no grey print loses a
series. Knows nothing of benchmarks.

Source: the colours are those of Okabe and Ito 2008.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mnistbench.report.html.markup import NOTHING, Markup, element, join, number
from mnistbench.report.html.placement import Box
from mnistbench.report.html.scales import Axis

WIDTH, HEIGHT = 400.0, 290.0
"""Units of a chart, which is as wide as a phone's screen: its text stays readable there."""

FRAME = Box(54.0, 26.0, 372.0, 250.0)
"""Where data is drawn; at its right is room for the numbers of lines."""

COLOURS = 7
MARKS = ("circle", "square", "up", "diamond", "down", "plus", "cross")
DASHES = 4

_TICK_GAP = 6.0
_SIZE = 4.0
_SHAPES = {
    "square": "M-1-1H1V1H-1Z",
    "up": "M0-1.3L1.2 .9H-1.2Z",
    "down": "M0 1.3L1.2-.9H-1.2Z",
    "diamond": "M0-1.4L1.4 0L0 1.4L-1.4 0Z",
    "plus": "M-.4-1.3H.4V-.4H1.3V.4H.4V1.3H-.4V.4H-1.3V-.4H-.4Z",
    "cross": "M-.7-1.3L0-.6L.7-1.3L1.3-.7L.6 0L1.3 .7L.7 1.3L0 .6L-.7 1.3L-1.3 .7L-.6 0L-1.3-.7Z",
}


@dataclass(frozen=True)
class Chart:
    """One chart before it is drawn.

    Attributes:
        identifier: Unique on the page; only letters, digits and dashes.
        title: In a few words, for whoever cannot see it and above it for all.
        description: What it shows, for whoever cannot see it.
        x: Horizontal axis.
        y: Vertical axis.
        x_label: Name of the quantity with its unit.
        y_label: Likewise.
        x_text: A tick's value as text.
        y_text: Likewise.
    """

    identifier: str
    title: str
    description: str
    x: Axis
    y: Axis
    x_label: str
    y_label: str
    x_text: Callable[[float], str]
    y_text: Callable[[float], str]

    def across(self, x: float) -> float:
        """Where a value of the horizontal axis stands in the picture."""
        return FRAME.left + self.x.place(x) * (FRAME.right - FRAME.left)

    def height(self, y: float) -> float:
        """Where a value of the vertical axis stands in the picture."""
        return FRAME.bottom - self.y.place(y) * (FRAME.bottom - FRAME.top)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """A pair of values as a point of the picture."""
        return self.across(x), self.height(y)

    def draw(self, *content: str) -> Markup:
        """The whole picture with ``content`` within its axes."""
        names = (f"{self.identifier}-title", f"{self.identifier}-desc")
        return element(
            "svg",
            element("title", self.title, id=names[0]),
            element("desc", self.description, id=names[1]),
            self._axes(),
            *content,
            viewBox=f"0 0 {number(WIDTH)} {number(HEIGHT)}",
            role="img",
            aria_labelledby=" ".join(names),
        )

    def _axes(self) -> Markup:
        lines, texts = [], []
        for tick in self.x.ticks:
            across = self.across(tick)
            lines.append(f"M{number(across)} {number(FRAME.top)}V{number(FRAME.bottom)}")
            texts.append(text(across, FRAME.bottom + 15, self.x_text(tick), anchor="middle"))
        for tick in self.y.ticks:
            height = self.height(tick)
            lines.append(f"M{number(FRAME.left)} {number(height)}H{number(FRAME.right)}")
            texts.append(text(FRAME.left - _TICK_GAP, height + 4, self.y_text(tick), anchor="end"))
        frame = f"M{number(FRAME.left)} {number(FRAME.top)}V{number(FRAME.bottom)}H{number(FRAME.right)}"
        return join(
            (
                element("path", class_="grid", d="".join(lines)),
                element("path", class_="axis", d=frame),
                *texts,
                text((FRAME.left + FRAME.right) / 2, HEIGHT - 7, self.x_label, anchor="middle", class_="name"),
                # Above the axis, not along it, where it would have to be read sideways.
                text(4, 13, self.y_label, class_="name"),
            )
        )


def series_class(index: int) -> str:
    """The class that gives a series its colour."""
    return f"s{index % COLOURS}"


def text(x: float, y: float, words: str, *, anchor: str = "start", class_: str | None = None) -> Markup:
    """Words whose baseline stands at a point."""
    anchor_or_none = None if anchor == "start" else anchor
    return element("text", words, x=x, y=y, text_anchor=anchor_or_none, class_=class_)


def line(points: Sequence[tuple[float, float]], index: int, *, class_: str = "line", title: str = "") -> Markup:
    """A line through points of the picture in the look of a series; ``title`` is shown under the pointer."""
    if not points:
        return NOTHING
    path = "M" + "L".join(f"{number(x)} {number(y)}" for x, y in points)
    dash = f" d{index // COLOURS % DASHES}" if index >= COLOURS else ""
    return element("path", *_title(title), class_=f"{class_} {series_class(index)}{dash}", d=path)


def mark(x: float, y: float, index: int, *, size: float = _SIZE, class_: str = "mark", title: str = "") -> Markup:
    """A mark in the shape and colour of a series; ``title`` is shown under the pointer."""
    # Shifted by one in every round, so that a colour comes back with another shape.
    shape = MARKS[(index + index // COLOURS) % len(MARKS)]
    classes = f"{class_} {series_class(index)}"
    if shape == "circle":
        return element("circle", *_title(title), class_=classes, cx=x, cy=y, r=size)
    place = f"translate({number(x)} {number(y)})scale({number(size)})"
    return element("path", *_title(title), class_=classes, d=_SHAPES[shape], transform=place)


def swatch(index: int) -> Markup:
    """A series' line and mark as they stand beside its name in a key."""
    content = join((line([(1, 7), (27, 7)], index), mark(14, 7, index)))
    return element("svg", content, class_="swatch", viewBox="0 0 28 14", aria_hidden="true")


def _title(words: str) -> tuple[Markup, ...]:
    return (element("title", words),) if words else ()
