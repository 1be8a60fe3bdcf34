"""Pictures that tests of prediction share: digits drawn by hand, in numbers."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageDraw

ONE = ((50, 10, 50, 90),)
SEVEN = ((25, 12, 75, 12), (75, 12, 42, 90))
FOUR = ((60, 10, 20, 62), (20, 62, 82, 62), (62, 10, 62, 92))


def stroked(lines=SEVEN, *, size=100, width=9, ink=0, paper=255):
    """Lines with round ends, drawn four times too large and scaled down: uint8 ``(size, size)``."""
    factor = 4 * size / 100
    picture = Image.new("L", (4 * size, 4 * size), paper)
    draw = ImageDraw.Draw(picture)
    radius = width * factor / 2
    for line in lines:
        points = [coordinate * factor for coordinate in line]
        draw.line(points, fill=ink, width=round(2 * radius))
        for x, y in (points[:2], points[2:]):
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=ink)
    return np.asarray(picture.resize((size, size), Image.Resampling.BOX))


def zero(*, size=100, width=9, ink=0, paper=255):
    """An upright oval."""
    picture = Image.new("L", (4 * size, 4 * size), paper)
    box = (28 * size / 25, 4 * size / 10, 72 * size / 25, 36 * size / 10)
    ImageDraw.Draw(picture).ellipse(box, outline=ink, width=4 * width * size // 100)
    return np.asarray(picture.resize((size, size), Image.Resampling.BOX))


def encoded(picture, kind="PNG", **options):
    """A PIL image or an array as the bytes of a file."""
    if isinstance(picture, np.ndarray):
        picture = Image.fromarray(picture)
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()
