"""Labels for single points of a picture, where there is room for them. Knows nothing of what is drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def place_labels(
    axes: Axes, anchors: Sequence[tuple[str, float, float]], points: Sequence[tuple[float, float]]
) -> None:
    """Write each label at the first place around its point that is free of points, labels and the legend.

    Args:
        axes: With limits and legend as they will stay, drawn once (``draw_without_rendering``).
        anchors: Text and point of each label, in the axes' own units.
        points: Every point that must stay visible.
    """
    from matplotlib.text import Text
    from matplotlib.transforms import Bbox

    figure: Any = axes.figure
    renderer = figure.canvas.get_renderer()
    legend = axes.get_legend()
    frame = axes.get_window_extent(renderer)
    taken = [legend.get_window_extent(renderer)] if legend is not None else []
    for point in points:
        x, y = axes.transData.transform(point)
        taken.append(Bbox.from_extents(x - 9, y - 9, x + 9, y + 9))
    for text, x, y in anchors:
        best: tuple[float, Any, Any] | None = None
        for distance in (9, 16, 26, 38, 52):
            for angle in (0, 180, -90, 90, -45, 45, -135, 135):
                dx, dy = math.cos(math.radians(angle)), math.sin(math.radians(angle))
                label = axes.annotate(
                    text, (x, y), (distance * dx, distance * dy), textcoords="offset points", fontsize=7.5,
                    ha="left" if dx > 0.1 else "right" if dx < -0.1 else "center",
                    va="bottom" if dy > 0.1 else "top" if dy < -0.1 else "center",
                    arrowprops={"arrowstyle": "-", "color": "#999999", "linewidth": 0.6, "shrinkA": 1, "shrinkB": 3}
                    if distance > 9 else None,
                )  # fmt: skip
                label.update_positions(renderer)
                # Some room around it, or it reads as the name of its neighbour.
                box = Text.get_window_extent(label, renderer).padded(8)
                outside = box.x0 < frame.x0 or box.x1 > frame.x1 or box.y0 < frame.y0 or box.y1 > frame.y1
                hits = sum(box.overlaps(other) for other in taken) + 100 * outside
                if best is None or hits < best[0]:
                    if best is not None:
                        best[1].remove()
                    best = (hits, label, box)
                else:
                    label.remove()
                if best[0] == 0:
                    break
            if best is not None and best[0] == 0:
                break
        if best is not None:
            taken.append(best[2])
