"""Where the numbers beside points and lines go, so that none covers another. Pure; draws nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

DIGIT_WIDTH = 6.5
TEXT_HEIGHT = 11.0

_DISTANCES = (10.0, 14.0, 19.0)
_ANGLES = (-45, 45, -135, 135, -90, 90, 0, 180)
_POINT = 4.5
"""Half the width of a point that must stay visible."""


@dataclass(frozen=True)
class Box:
    """A rectangle in units of the picture."""

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def around(cls, x: float, y: float, width: float, height: float) -> Box:
        """The rectangle of a size with its centre at a point."""
        return cls(x - width / 2, y - height / 2, x + width / 2, y + height / 2)

    def overlaps(self, other: Box) -> bool:
        """Whether the two share any area."""
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def inside(self, other: Box) -> bool:
        """Whether no part of it lies beyond the other."""
        return (
            self.left >= other.left
            and self.right <= other.right
            and self.top >= other.top
            and self.bottom <= other.bottom
        )


def place_beside_points(
    anchors: Sequence[tuple[str, float, float]], points: Sequence[tuple[float, float]], frame: Box
) -> list[tuple[float, float] | None]:
    """The centre of each label beside its point, at the first place that is free of points and labels.

    Args:
        anchors: Text and point of each label.
        points: Every point that must stay visible.
        frame: Where labels may stand.

    Returns:
        One place a label; ``None`` where there is no room for it.
    """
    taken = [Box.around(x, y, 2 * _POINT, 2 * _POINT) for x, y in points]
    places: list[tuple[float, float] | None] = []
    for text, x, y in anchors:
        width = DIGIT_WIDTH * len(text) + 2
        place = None
        for distance in _DISTANCES:
            for angle in _ANGLES:
                dx, dy = math.cos(math.radians(angle)), math.sin(math.radians(angle))
                centre = (x + distance * dx, y + distance * dy)
                box = Box.around(*centre, width, TEXT_HEIGHT)
                if box.inside(frame) and not any(box.overlaps(other) for other in taken):
                    place = centre
                    taken.append(box)
                    break
            if place is not None:
                break
        places.append(place)
    return places


def spread(heights: Sequence[float], low: float, high: float, gap: float = TEXT_HEIGHT) -> list[float]:
    """Heights of labels in a column, in the order given: as near to those wanted as ``gap`` between them allows.

    Args:
        heights: Wanted, in any order.
        low: The least that one may have.
        high: The largest; where there is no room for all, they stand closer than ``gap``.
        gap: Between neighbours.
    """
    if len(heights) > 1:
        gap = min(gap, (high - low) / (len(heights) - 1))
    order = sorted(range(len(heights)), key=lambda position: (heights[position], position))
    placed = [0.0] * len(heights)
    least = low
    for position in order:
        placed[position] = max(heights[position], least)
        least = placed[position] + gap
    most = high
    for position in reversed(order):
        placed[position] = min(placed[position], most)
        most = placed[position] - gap
    return placed
