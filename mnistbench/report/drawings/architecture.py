"""A network drawn from its layers, in the manner of the paper's Figure 2.

Long networks go on in further rows. Knows nothing of training or of errors.

Source: the paper, Figure 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mnistbench.report.drawings.picture import LINE, arrow, box, picture, polyline, words, words_width
from mnistbench.report.drawings.stages import BAR_WIDTH, OFFSET, Stage, Step, stages_of
from mnistbench.report.html.markup import Markup, join
from mnistbench.spec import NetworkSpec

GAP = 42.0
"""Between the places of two stages."""

MARGIN = 16.0
STUB = 26.0
"""Length of the arrow where a row goes on in the next."""

_INDENT = 64.0
"""Room for the arrow and its words before a row that goes on."""

WIDEST = 1240.0
"""Of a picture; a network with more stages takes several rows."""

_WORDS = 2 * LINE + 10
"""Height of the words above and below a row."""

_ROW_GAP = 20.0


@dataclass(frozen=True)
class _Placed:
    """A stage with the middle of its place in a row."""

    stage: Stage
    middle: float

    @property
    def left(self) -> float:
        return self.middle - self.stage.width / 2

    @property
    def right(self) -> float:
        return self.middle + self.stage.width / 2


def draw_architecture(spec: NetworkSpec, name: str) -> str:
    """An SVG file that shows the layers of a network.

    Args:
        spec: The network.
        name: What it is called.
    """
    stages, steps = stages_of(spec)
    rows = _rows(stages)
    drawn, top, number = [], MARGIN, 0
    for row in rows:
        height = max(placed.stage.height for placed in row)
        before = steps[number - 1] if number else None
        axis = top + _WORDS + height / 2
        more = number + len(row) < len(stages)
        drawn.append(_draw_row(row, before, steps[number : number + len(row) - 1], axis, height, more=more))
        number += len(row)
        top += 2 * _WORDS + height + _ROW_GAP
    width = max(row[-1].middle + row[-1].stage.slot / 2 for row in rows) + MARGIN + (STUB if len(rows) > 1 else 0)
    told = [
        stages[0].phrase,
        *(f"{step.phrase}: {stage.phrase}" for step, stage in zip(steps, stages[1:], strict=True)),
    ]
    return picture(width, top - _ROW_GAP + MARGIN / 2, f"Architecture of {name}", "; ".join(told) + ".", *drawn)


def _rows(stages: Sequence[Stage]) -> list[list[_Placed]]:
    """Stages side by side, in as many rows as they need."""
    rows: list[list[_Placed]] = [[]]
    end = MARGIN
    for stage in stages:
        if rows[-1] and end + GAP + stage.slot + STUB + MARGIN > WIDEST:
            rows.append([])
            end = MARGIN + _INDENT
        start = end + (GAP if rows[-1] else 0)
        rows[-1].append(_Placed(stage, start + stage.slot / 2))
        end = start + stage.slot
    return rows


def _draw_row(
    row: Sequence[_Placed], before: Step | None, steps: Sequence[Step], axis: float, height: float, *, more: bool
) -> Markup:
    above, below = axis - height / 2 - _WORDS + LINE, axis + height / 2 + LINE + 6
    parts = []
    if before is not None:
        parts.append(arrow(MARGIN, axis, row[0].left - MARGIN - 6))
        parts.append(words(MARGIN + words_width(before.lines) / 2, below, before.lines, "quiet"))
    # Fans lie under the columns, rays over the maps.
    parts += [_fan(a, b, axis) for a, b, step in zip(row, row[1:], steps, strict=False) if step.dense]
    parts += [_draw_stage(placed, axis) for placed in row]
    for placed, following, step in zip(row, row[1:], steps, strict=False):
        parts.append(_draw_step(placed, following, step, axis))
        parts.append(words((placed.middle + following.middle) / 2, below, step.lines, "quiet"))
    parts += [words(placed.middle, above, placed.stage.lines) for placed in row]
    if more:
        parts.append(arrow(row[-1].right + 6, axis, STUB))
    return join(parts)


def _draw_stage(placed: _Placed, axis: float) -> Markup:
    stage, top = placed.stage, axis - placed.stage.height / 2
    if not stage.side:
        bar = box(placed.left, top, BAR_WIDTH, stage.height, "bar")
        step = stage.height / max(1, stage.cells)
        ticks = [top + step * index for index in range(1, stage.cells)]
        lines = [polyline([(placed.left, y), (placed.right, y)], "tick") for y in ticks]
        return join((bar, *lines))
    # The hindmost map first, upwards and to the right of the front one.
    offsets = [OFFSET * index for index in reversed(range(stage.copies))]
    front = top + OFFSET * (stage.copies - 1)
    return join(box(placed.left + by, front - by, stage.side, stage.side, "map") for by in offsets)


def _draw_step(placed: _Placed, following: _Placed, step: Step, axis: float) -> Markup:
    if step.dense:
        return Markup("")
    if not step.patch:
        return arrow(placed.right + 5, axis, following.left - placed.right - 10)
    x, y = _corner(placed, axis, step.patch, 0.6, 0.2)
    target_x, target_y = _corner(following, axis, step.target, 0.25, 0.7)
    ends = ((y, target_y), (y + step.patch, target_y + step.target))
    rays = [polyline([(x + step.patch, start), (target_x, end)], "ray") for start, end in ends]
    seen = box(x, y, step.patch, step.patch, "patch")
    return join((seen, *rays, box(target_x, target_y, step.target, step.target, "patch") if step.target else ""))


def _corner(placed: _Placed, axis: float, size: float, across: float, down: float) -> tuple[float, float]:
    """The upper left corner of a window so far across and down a stack's front map, from 0 to 1."""
    side = placed.stage.side
    front = axis + placed.stage.height / 2 - side
    return placed.left + (side - size) * across, front + (side - size) * down


def _fan(placed: _Placed, following: _Placed, axis: float) -> Markup:
    """All connections between two columns."""
    half, other = placed.stage.height / 2, following.stage.height / 2
    corners = [
        (placed.right, axis - half),
        (following.left, axis - other),
        (following.left, axis + other),
        (placed.right, axis + half),
    ]
    return polyline(corners, "fan", closed=True)
