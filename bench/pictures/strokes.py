"""Digits and scribbles as a pen draws them: control points, shaken, joined by smooth curves.

Coordinates are x to the right and y down, a digit in 0..1 by 0..1.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

Points = list[tuple[float, float]]

DIGITS: dict[int, tuple[tuple[Points, ...], ...]] = {
    0: (
        ([(0.5, 0), (0.15, 0.25), (0.1, 0.6), (0.45, 1), (0.85, 0.7), (0.85, 0.25), (0.5, 0)],),
        ([(0.6, 0.02), (0.25, 0.2), (0.2, 0.75), (0.5, 1), (0.8, 0.75), (0.78, 0.2), (0.45, 0)],),
    ),
    1: (
        ([(0.5, 0), (0.5, 0.5), (0.5, 1)],),
        ([(0.6, 0), (0.52, 0.5), (0.45, 1)],),
        ([(0.28, 0.25), (0.42, 0.14), (0.55, 0)], [(0.55, 0), (0.54, 0.5), (0.54, 1)]),
    ),
    2: (
        ([(0.15, 0.25), (0.4, 0), (0.8, 0.15), (0.7, 0.5), (0.35, 0.8), (0.12, 1)], [(0.12, 1), (0.5, 0.97), (0.9, 1)]),
        (
            [(0.2, 0.2), (0.5, 0), (0.8, 0.2), (0.6, 0.6), (0.2, 0.95), (0.15, 0.8), (0.35, 0.8), (0.6, 0.95)],
            [(0.6, 0.95), (0.75, 0.98), (0.9, 0.9)],
        ),
    ),
    3: (
        ([(0.18, 0.12), (0.5, 0), (0.8, 0.2), (0.6, 0.44), (0.42, 0.48)],
         [(0.42, 0.48), (0.75, 0.55), (0.85, 0.78), (0.5, 1), (0.15, 0.9)]),
        ([(0.2, 0.03), (0.5, 0.02), (0.8, 0.03)], [(0.8, 0.03), (0.62, 0.24), (0.45, 0.42)],
         [(0.45, 0.42), (0.8, 0.55), (0.78, 0.85), (0.45, 1), (0.15, 0.9)]),
    ),
    4: (
        ([(0.25, 0), (0.2, 0.3), (0.12, 0.58)], [(0.12, 0.58), (0.5, 0.57), (0.9, 0.55)],
         [(0.7, 0), (0.68, 0.5), (0.66, 1)]),
        ([(0.62, 0), (0.35, 0.35), (0.08, 0.66)], [(0.08, 0.66), (0.5, 0.66), (0.92, 0.66)],
         [(0.62, 0), (0.62, 0.5), (0.62, 1)]),
    ),
    5: (
        ([(0.8, 0.02), (0.5, 0.02), (0.25, 0.03)], [(0.25, 0.03), (0.22, 0.25), (0.2, 0.44)],
         [(0.2, 0.44), (0.55, 0.36), (0.85, 0.6), (0.7, 0.92), (0.4, 1), (0.12, 0.9)]),
    ),
    6: (
        ([(0.7, 0), (0.35, 0.25), (0.15, 0.65), (0.35, 0.98), (0.7, 0.95), (0.82, 0.7), (0.55, 0.52), (0.2, 0.7)],),
    ),
    7: (
        ([(0.12, 0.05), (0.5, 0.04), (0.88, 0.03)], [(0.88, 0.03), (0.6, 0.45), (0.4, 1)]),
        ([(0.12, 0.05), (0.5, 0.04), (0.88, 0.03)], [(0.88, 0.03), (0.6, 0.45), (0.4, 1)],
         [(0.32, 0.5), (0.55, 0.5), (0.78, 0.48)]),
    ),
    8: (
        ([(0.72, 0.12), (0.4, 0), (0.2, 0.22), (0.5, 0.47), (0.8, 0.75), (0.5, 1), (0.2, 0.78), (0.5, 0.47),
          (0.78, 0.25), (0.72, 0.12)],),
    ),
    9: (
        ([(0.8, 0.2), (0.5, 0.02), (0.2, 0.2), (0.35, 0.48), (0.65, 0.45), (0.8, 0.2)],
         [(0.8, 0.2), (0.78, 0.6), (0.7, 1)]),
        ([(0.78, 0.2), (0.5, 0), (0.2, 0.22), (0.4, 0.5), (0.78, 0.35), (0.8, 0.2), (0.78, 0.65), (0.5, 1),
          (0.22, 0.92)],),
    ),
}  # fmt: skip
"""The ways in which people write each digit: strokes of control points."""


def smooth(points: Points, steps: int = 12) -> npt.NDArray[np.float64]:
    """A curve through control points (Catmull-Rom)."""
    p = np.array([points[0], *points, points[-1]], dtype=float)
    t = np.linspace(0, 1, steps)[:, None]
    pieces = [
        0.5
        * (
            2 * p[i]
            + (p[i + 1] - p[i - 1]) * t
            + (2 * p[i - 1] - 5 * p[i] + 4 * p[i + 1] - p[i + 2]) * t**2
            + (3 * p[i] - p[i - 1] - 3 * p[i + 1] + p[i + 2]) * t**3
        )
        for i in range(1, len(p) - 2)
    ]
    return np.concatenate(pieces)


def drawn_digit(digit: int, size: int, random: np.random.Generator) -> Image.Image:
    """A digit by a pen of random width, shape and slant: mode L, 255 ink on 0, about ``size`` pixels high."""
    ways = DIGITS[digit]
    strokes = ways[random.integers(len(ways))]
    shift = {point: random.normal(0, 0.022, 2) for stroke in strokes for point in stroke}
    moved = [[tuple(np.array(point) + shift[point]) for point in stroke] for stroke in strokes]
    return pen(moved, size, random.uniform(0.05, 0.15), random.uniform(0.6, 0.9), random.uniform(-0.2, 0.2))


def pen(strokes: list[Points], size: int, width: float, aspect: float, slant: float) -> Image.Image:
    """Strokes drawn with a round pen, four times too large and scaled down.

    Args:
        strokes: Control points of each.
        size: Height of the drawing in pixels.
        width: Of the pen, of the height.
        aspect: Width of the drawing, of its height.
        slant: How far the top leans to the right, of the height.
    """
    large = 4 * size
    margin = width + abs(slant) / 2
    canvas = Image.new("L", (int(large * (aspect + 2 * margin)), int(large * (1 + 2 * width))))
    draw = ImageDraw.Draw(canvas)
    radius = width * large / 2
    for stroke in strokes:
        curve = smooth(stroke)
        x = (curve[:, 0] * aspect + (0.5 - curve[:, 1]) * slant + margin) * large
        y = (curve[:, 1] + width) * large
        line = list(zip(x.tolist(), y.tolist(), strict=True))
        draw.line(line, fill=255, width=max(1, round(2 * radius)), joint="curve")
        for cx, cy in line:
            draw.ellipse((cx - radius, cy - radius, cx + radius, cy + radius), fill=255)
    return canvas.resize((max(1, canvas.width // 4), max(1, canvas.height // 4)), Image.Resampling.BOX)


def scribble(size: int, random: np.random.Generator, *, turns: int) -> Image.Image:
    """A pen that wanders without aim over ``turns`` points."""
    points = [tuple(random.uniform(0, 1, 2)) for _ in range(turns)]
    return pen([points], size, random.uniform(0.03, 0.07), random.uniform(0.7, 1.3), 0.0)
