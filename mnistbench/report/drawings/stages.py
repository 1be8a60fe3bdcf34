"""A network as what its drawing shows, from left to right: stacks of feature maps, columns of units, and the steps.

Pure; sizes are in pixels of the picture, and nothing is drawn here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from math import prod

from mnistbench.layers import Conv2d, Layer, Linear, MaxPool2d, Shape
from mnistbench.report.drawings.picture import words_width
from mnistbench.spec import NetworkSpec

PIXEL = 2.4
"""Width of an image's pixel in the picture."""

OFFSET = 4.0
"""From one map of a stack to the one behind it."""

BAR_WIDTH = 14.0

_LARGEST_MAP, _SMALLEST_MAP = 90.0, 5.0
_MOST_MAPS = 10
_TALLEST_BAR = 280.0
_LEAST_SLOT = 46.0


@dataclass(frozen=True)
class Stage:
    """What is between two layers: a stack of maps, or a column of units.

    Attributes:
        lines: What stands above it.
        side: Width and height of a map; 0 for units.
        copies: Maps that are drawn behind each other: one more for every doubling.
        height: Of all of it. A column grows with the logarithm of its units, up to a limit.
        cells: Parts that a column shows.
        phrase: The same in words.
    """

    lines: tuple[str, ...]
    side: float
    copies: int
    height: float
    cells: int
    phrase: str

    @property
    def width(self) -> float:
        """Of what is drawn."""
        return self.side + OFFSET * (self.copies - 1) if self.side else BAR_WIDTH

    @property
    def slot(self) -> float:
        """Width that it takes with its words."""
        return max(self.width, words_width(self.lines), _LEAST_SLOT)


@dataclass(frozen=True)
class Step:
    """What leads from one stage to the next.

    Attributes:
        lines: What stands below it.
        patch: Side of the window that a layer sees at once, in pixels of the picture; 0 where there is none.
        target: Side of what becomes of it.
        dense: Whether every unit depends on every value.
        phrase: The same in words.
    """

    lines: tuple[str, ...]
    patch: float
    target: float
    dense: bool
    phrase: str


def stages_of(spec: NetworkSpec) -> tuple[tuple[Stage, ...], tuple[Step, ...]]:
    """The stages of a network from the image to the ten classes, and the steps between them, one fewer."""
    stages = [_maps(spec.shapes[0], "image")]
    steps: list[Step] = []
    last = len(spec.layers) - 1
    for index, (layer, given) in enumerate(zip(spec.layers, spec.shapes, strict=False)):
        if isinstance(layer, Linear) and len(given) > 1:
            steps.append(Step(("flatten",), 0, 0, False, "flattened"))
            stages.append(_units(prod(given), "value"))
        steps.append(_step(layer, given))
        shape = spec.shapes[index + 1]
        stages.append(_units(shape[0], "class" if index == last else "unit") if len(shape) == 1 else _maps(shape))
    return tuple(stages), tuple(steps)


def map_side(pixels: int) -> float:
    """Width of a map in the picture."""
    return min(max(PIXEL * pixels, _SMALLEST_MAP), _LARGEST_MAP)


def _maps(shape: Shape, name: str = "") -> Stage:
    channels, height, width = shape
    size = f"{height}×{width}"
    head = name or _counted(channels, "map")
    copies = min(_MOST_MAPS, 1 + round(math.log2(channels)))
    side = map_side(max(height, width))
    return Stage((head, size), side, copies, side + OFFSET * (copies - 1), 0, f"{head} of {size}")


def _units(count: int, name: str) -> Stage:
    height = min(20 + 16 * math.log2(count), _TALLEST_BAR)
    phrase = _counted(count, name)
    return Stage(tuple(phrase.split()), 0, 1, height, min(count, int(height // 7)), phrase)


def _counted(count: int, name: str) -> str:
    return f"{count:,} {name}" if count == 1 else f"{count:,} {name}{'es' if name.endswith('s') else 's'}"


def _step(layer: Layer, given: Shape) -> Step:
    match layer:
        case Conv2d():
            size = f"{layer.kernel_size}×{layer.kernel_size}"
            patch = _patch(layer.kernel_size, given)
            return Step(("convolution", size), patch, 0, False, f"{size} convolution")
        case MaxPool2d():
            size = f"{layer.kernel_size}×{layer.kernel_size}"
            patch = _patch(layer.kernel_size, given)
            return Step(("max-pool", size), patch, patch / layer.kernel_size, False, f"{size} max-pool")
        case Linear():
            return Step(("fully", "connected"), 0, 0, True, "fully connected")


def _patch(pixels: int, given: Shape) -> float:
    """A window in the picture, within a map that may be drawn smaller than it is."""
    side = map_side(max(given[1:]))
    return min(side, max(3.0, side * pixels / max(given[1:])))
