"""Ink to the 28x28 image that a network was trained on, as MNIST's makers did it.

Six steps on plain arrays, each described exactly: other languages can do the
same. Knows nothing of where the ink comes from.

Source: LeCun, Bottou, Bengio, Haffner 1998, section III-A: the digit keeps its
aspect ratio in a box of 20x20 pixels, anti-aliased, and its centre of mass lies
in the centre of the 28x28 field. In the published files that centre is the
pixel of index 14, to the nearest whole pixel, for every image.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from mnistbench.pictures.morphology import grown
from mnistbench.pictures.resample import Grey, resample

SIDE = 28
BOX = 20
CENTRE = 14
"""Index of the pixel that the centre of mass comes to lie in."""

INKED = 26.0
"""From this value on, a tenth of full ink, a pixel counts for the box: the soft edge around a stroke does not."""

THINNEST = 2.0
"""Pixels of the 20x20 box; thinner strokes are thickened, since MNIST has none."""

TIE = 1e-6
"""Added before rounding, so that a half is rounded up whatever the last bit of the sum before it."""

Image28 = npt.NDArray[np.uint8]


def normalise(ink: Grey) -> Image28:
    """The 28x28 image of some ink.

    1. *Box*: the rows and columns with a pixel of at least 26. None: the image is empty.
    2. *Thicken*: the width of the strokes is estimated as in :func:`stroke_width`; where it is less than 2 pixels
       of the final box, each pixel becomes the largest of the square around it that makes up the difference.
    3. *Resample* the box so that its longer side is 20 pixels, as in :func:`mnistbench.pictures.resample.resample`;
       the shorter side is rounded to whole pixels, at least 1.
    4. *Stretch*: all is multiplied by ``255 / max``, unless the maximum is 255 already.
    5. *Centre*: with the centre of mass (in indices of pixels) at ``c``, everything moves by ``-floor(c - 14 + 0.5)``
       pixels each way: not at all from 13.5 to below 14.5. What leaves the field is lost.
    6. *Round* to the nearest of 0 to 255.

    Args:
        ink: Shape ``(h, w)``, values 0 (paper) to 255 (full ink).

    Returns:
        uint8 of shape ``(28, 28)``, white ink on black; all zero where there is no ink.
    """
    field = np.zeros((SIDE, SIDE), dtype=np.uint8)
    box = ink_box(ink)
    if box is None:
        return field
    ink = thickened(ink, BOX / max(box[2] - box[0], box[3] - box[1]))
    top, left, bottom, right = ink_box(ink) or box
    digit = ink[top:bottom, left:right]
    height, width = _fitted(*digit.shape)
    digit = resample(digit, height, width)
    digit = digit * (255.0 / digit.max())
    mass = digit.sum()
    row = _shift((digit.sum(axis=1) @ np.arange(height)) / mass)
    column = _shift((digit.sum(axis=0) @ np.arange(width)) / mass)
    inside = digit[max(0, -row) : SIDE - row, max(0, -column) : SIDE - column]
    top, left = max(0, row), max(0, column)
    rounded = np.floor(inside + 0.5 + TIE).clip(0, 255).astype(np.uint8)
    field[top : top + inside.shape[0], left : left + inside.shape[1]] = rounded
    return field


def ink_box(ink: Grey) -> tuple[int, int, int, int] | None:
    """Top, left, bottom and right (the last two excluded) of the pixels of at least :data:`INKED`; None where none."""
    strong = ink >= INKED
    rows, columns = np.flatnonzero(strong.any(axis=1)), np.flatnonzero(strong.any(axis=0))
    if not len(rows):
        return None
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1


def stroke_width(ink: Grey) -> float:
    """Mean width of the strokes in pixels: twice the ink's area by the length of its outline.

    The area is the sum of all values over 255, the outline the sum of the absolute differences between horizontal and
    vertical neighbours over 255, times π/4, by which such steps overstate the length of a line in any direction.
    """
    outline = np.abs(np.diff(ink, axis=0)).sum() + np.abs(np.diff(ink, axis=1)).sum()
    outline += ink[0].sum() + ink[-1].sum() + ink[:, 0].sum() + ink[:, -1].sum()
    return float(2 * ink.sum() / (outline * math.pi / 4)) if outline else 0.0


def thickened(ink: Grey, scale: float) -> Grey:
    """The ink with its strokes at least :data:`THINNEST` pixels wide at a scale; the same where they are."""
    missing = THINNEST / scale - stroke_width(ink)
    radius = math.floor(missing / 2 + 0.5 + TIE)
    return grown(ink, radius) if radius > 0 else ink


def _fitted(height: int, width: int) -> tuple[int, int]:
    """The size in the box of 20x20."""
    scale = BOX / max(height, width)
    return (max(1, math.floor(height * scale + 0.5 + TIE)), max(1, math.floor(width * scale + 0.5 + TIE)))


def _shift(centre: float) -> int:
    return -math.floor(float(centre) - CENTRE + 0.5 + TIE)
