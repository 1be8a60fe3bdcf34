"""Several digits in a row: which strokes belong together, where touching digits may be cut, and in which order.

Only proposes: which of several cuts is right, whoever can read decides. Knows no model.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from mnistbench.pictures.clean import Strokes
from mnistbench.pictures.normalise import INKED
from mnistbench.pictures.regions import Region, label_regions
from mnistbench.pictures.resample import Grey

OVERLAP = 0.5
"""Of the narrower's width: regions that stand above each other by more are one digit."""

PART = 0.45
"""Of the tallest group's height: what is lower is part of a neighbour, if that is near."""

NEAR = 0.2
"""Of the tallest group's height: how far away a part may be."""

WIDE = 0.8
"""Width by height from which on a group may be several digits that touch."""

NARROWEST = 0.3
"""Width by height of the narrowest part that a cut may leave."""

MOST_PARTS = 8
"""That one group of touching digits is cut into."""

MOST_DIGITS = 200
"""Of a row with cuts: many groups are cut into fewer parts, since each way to cut each of them is read."""

MOST_REGIONS = 300
"""Of a row of digits, broken ones among them. A page of text has thousands, and each would be cut and read."""


@dataclass(frozen=True, eq=False)
class Cutout:
    """One digit's ink, alone.

    Attributes:
        ink: Shape ``(h, w)``, 0 to 255.
        top: First row in the picture that was segmented.
        left: First column.
    """

    ink: Grey
    top: int
    left: int


Alternatives = tuple[tuple[Cutout, ...], ...]
"""Ways to read one group: as one digit, as two that touch, and so on; each from left to right."""


def segment(strokes: Strokes) -> tuple[Alternatives, ...]:
    """The groups of a row of digits from left to right, each with the ways to cut it."""
    labels, regions = label_regions(strokes.ink, INKED)
    groups = grouped(regions)
    most_parts = min(MOST_PARTS, MOST_DIGITS // max(1, len(groups)))
    return tuple(_alternatives(_lifted(strokes.ink, labels, group), most_parts) for group in groups)


def grouped(regions: tuple[Region, ...]) -> list[list[Region]]:
    """Regions that belong to one digit, from left to right.

    Regions above each other are one digit (a broken "5"), and a low one beside a tall one that is near.
    The first two neighbours that belong together are merged, as often as there are such.
    """
    in_order = sorted(regions, key=lambda r: (r.left + r.right, r.top))
    # The next one is the last: it is taken off and put back at the end.
    ahead = [_Group([region], _box([region])) for region in reversed(in_order)]
    passed: list[_Group] = []
    tallest = max((region.height for region in regions), default=0)
    while ahead:
        if not passed or not _belong(passed[-1].box, ahead[-1].box, tallest):
            passed.append(ahead.pop())
            continue
        # What was passed before these two did not belong together and still does not...
        merged = _merged(passed.pop(), ahead.pop())
        ahead.append(merged)
        height = merged.box[2] - merged.box[0]
        if height > tallest:
            # ... unless what counts as low and near has grown.
            tallest = height
            ahead += reversed(passed)
            passed.clear()
    return [group.regions for group in passed]


def seam(ink: Grey) -> list[int]:
    """The way from top to bottom over least ink: a column for each row, neighbours at most one apart."""
    height, width = ink.shape
    # A little for leaving the middle, so that on blank paper the way is straight.
    cost = ink + 255.0 * 0.05 * np.abs(np.arange(width) - (width - 1) / 2) / max(1, width)
    total = cost.copy()
    for row in range(1, height):
        above = np.pad(total[row - 1], 1, constant_values=np.inf)
        total[row] += np.minimum(np.minimum(above[:-2], above[1:-1] + 0.0), above[2:])
    way = [int(total[-1].argmin())]
    for row in range(height - 2, -1, -1):
        low = max(0, way[-1] - 1)
        way.append(low + int(total[row, low : way[-1] + 2].argmin()))
    return way[::-1]


_Box = tuple[int, int, int, int]
"""Top, left, bottom, right."""


@dataclass(frozen=True, eq=False)
class _Group:
    """Regions of one digit and the box around them."""

    regions: list[Region]
    box: _Box


def _merged(first: _Group, second: _Group) -> _Group:
    """Both as one; the first's list grows, since copying it each time would take long for very many."""
    a, b = first.box, second.box
    first.regions.extend(second.regions)
    return _Group(first.regions, (min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])))


def _belong(a: _Box, b: _Box, tallest: int) -> bool:
    """Whether the groups in two boxes, neighbours from left to right, are one digit."""
    shared = min(a[3], b[3]) - max(a[1], b[1])
    if shared > OVERLAP * min(a[3] - a[1], b[3] - b[1]):
        return True
    low = min(a[2] - a[0], b[2] - b[0]) < PART * tallest
    return low and -shared < NEAR * tallest and min(a[2], b[2]) > max(a[0], b[0]) - NEAR * tallest


def _box(group: list[Region]) -> _Box:
    return (
        min(region.top for region in group),
        min(region.left for region in group),
        max(region.bottom for region in group),
        max(region.right for region in group),
    )


def _lifted(ink: Grey, labels: np.ndarray[tuple[int, ...], np.dtype[np.int64]], group: list[Region]) -> Cutout:
    """A group's ink without its neighbours'."""
    top, left, bottom, right = _box(group)
    inside = np.isin(labels[top:bottom, left:right], [region.number for region in group])
    return Cutout(np.where(inside, ink[top:bottom, left:right], 0.0), top, left)


def _alternatives(whole: Cutout, most_parts: int) -> Alternatives:
    height, width = whole.ink.shape
    ways: list[tuple[Cutout, ...]] = [(whole,)]
    if width >= WIDE * height:
        # No more parts than columns, of which a speck of a few pixels has too few.
        most = min(most_parts, int(width / (NARROWEST * height)), width)
        for count in range(2, most + 1):
            cuts = (_cut(whole, count, along_seams=True), _cut(whole, count, along_seams=False))
            ways += [parts for parts in cuts if len(parts) == count]
    return tuple(ways)


def _cut(whole: Cutout, count: int, *, along_seams: bool) -> tuple[Cutout, ...]:
    """The group cut into so many parts of about the same width, along seams, or straight where two strokes merge."""
    height, width = whole.ink.shape
    reach = width / count * 0.4 if along_seams else 0.0
    edges = [np.zeros(height, dtype=np.int64)]
    for part in range(1, count):
        low = int(max(1, part * width / count - reach))
        high = int(min(width - 1, part * width / count + reach)) + 1
        edges.append(low + np.array(seam(whole.ink[:, low:high])))
    edges.append(np.full(height, width))
    columns = np.arange(width)
    parts = []
    for left, right in itertools.pairwise(edges):
        ink = np.where((columns >= left[:, None]) & (columns < right[:, None]), whole.ink, 0.0)
        inked = np.flatnonzero((ink >= 128.0).any(axis=0))
        if len(inked):
            first, last = int(inked[0]), int(inked[-1]) + 1
            parts.append(Cutout(ink[:, first:last], whole.top, whole.left + first))
    return tuple(parts)
