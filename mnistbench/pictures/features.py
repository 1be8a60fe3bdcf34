"""What the decision "a digit or none" looks at: three networks' scores and the shape of the ink.

All of it comes from the 28x28 image, so that whoever has that image can decide too.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mnistbench.pictures.normalise import Image28, ink_box, stroke_width
from mnistbench.pictures.regions import find_regions
from mnistbench.pictures.resample import Grey

SHAPE_FEATURES = ("height", "width", "mass", "stroke_width", "length", "regions", "holes", "hole_area", "symmetry")
"""Names of the first numbers that :func:`shape_features` gives; the coarse image follows."""

COARSE = 7
"""Rows and columns of the coarse image."""

NUM_SHAPE_FEATURES = len(SHAPE_FEATURES) + COARSE * COARSE
"""How many numbers :func:`shape_features` gives."""

HALF = 128.0
"""From this value on a pixel is ink when regions and holes are counted."""


def shape_features(image: Image28) -> Grey:
    """58 numbers about the ink of a 28x28 image, each of the size of 1.

    Nine of its shape: height and width of the box over 20; share of the field that is ink, times 5; width of the
    strokes over 4 pixels; their length over 40; number of regions and of holes; area of the holes over 40 pixels; how
    much the image and its mirror image have in common, 0 to 1. Then the coarse image, row by row: means of 4x4 pixels
    over 255.
    """
    ink = image.astype(np.float64)
    box = ink_box(ink)
    if box is None:
        return np.zeros(NUM_SHAPE_FEATURES)
    mass = float(ink.sum()) / 255.0
    width = stroke_width(ink)
    regions = find_regions(ink, HALF)
    gaps = find_regions(_framed(255.0 - ink), HALF)
    # Background that does not reach the border: loops. Single pixels between strokes are none.
    holes = [gap for gap in gaps if gap.top > 0 and gap.mass >= 1.5]
    digit = ink[box[0] : box[2], box[1] : box[3]]
    numbers = np.array(
        [
            (box[2] - box[0]) / 20,
            (box[3] - box[1]) / 20,
            mass / 784 * 5,
            width / 4,
            mass / max(width, 0.5) / 40,
            sum(region.mass >= 1.5 for region in regions),
            len(holes),
            sum(hole.mass for hole in holes) / 40,
            np.minimum(digit, digit[:, ::-1]).sum() / 255 / max(mass, 1e-9),
        ]
    )
    coarse = ink.reshape(COARSE, 4, COARSE, 4).mean(axis=(1, 3)) / 255.0
    return np.concatenate([numbers, coarse.ravel()])


def _framed(paper: Grey) -> Grey:
    """With a pixel of paper around, so that all that is outside hangs together."""
    frame = np.full((paper.shape[0] + 2, paper.shape[1] + 2), 255.0)
    frame[1:-1, 1:-1] = paper
    return frame


def all_features(shapes: Grey, logits: Sequence[npt.NDArray[np.float32]]) -> Grey:
    """Logits of each judge over 10, and the shape: ``(n, 10 * judges + 58)``.

    Args:
        shapes: Shape ``(n, 58)``: :func:`shape_features` of each image.
        logits: One array of shape ``(n, 10)`` for each judge.
    """
    return np.concatenate([*(scores.astype(np.float64) / 10 for scores in logits), shapes], axis=1)
