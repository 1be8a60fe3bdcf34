"""Largest and smallest values around each pixel, and averages: what cleaning a picture is made of.

Windows are squares of ``2 radius + 1`` pixels a side, cut off at the border. Knows nothing of digits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mnistbench.pictures.resample import Grey


def grown(image: Grey, radius: int) -> Grey:
    """The largest value in the square around each pixel."""
    return _by_axis(image, radius, np.maximum, -np.inf)


def shrunk(image: Grey, radius: int) -> Grey:
    """The smallest value in the square around each pixel."""
    return _by_axis(image, radius, np.minimum, np.inf)


def opened(image: Grey, radius: int) -> Grey:
    """The image without everything bright that no square of this radius fits into."""
    return grown(shrunk(image, radius), radius)


def averaged(image: Grey, radius: int) -> Grey:
    """The mean of the square around each pixel, of those that lie in the image."""
    for axis in (0, 1):
        size = image.shape[axis]
        sums = np.concatenate([np.zeros_like(image.take([0], axis)), image.cumsum(axis)], axis)
        low = np.maximum(np.arange(size) - radius, 0)
        high = np.minimum(np.arange(size) + radius + 1, size)
        counts = (high - low).reshape((-1, 1) if axis == 0 else (1, -1))
        image = (sums.take(high, axis) - sums.take(low, axis)) / counts
    return image


def _by_axis(image: Grey, radius: int, better: Callable[[Any, Any], Any], worst: float) -> Grey:
    for axis in (0, 1):
        reach = min(radius, image.shape[axis] - 1)
        if reach < 1:
            continue
        padding = [(0, 0), (0, 0)]
        padding[axis] = (reach, reach)
        padded = np.moveaxis(np.pad(image, padding, constant_values=worst), axis, 0)
        # Windows of doubling length, then two of them that overlap: as many steps as the radius has binary digits.
        length, wanted = 1, 2 * reach + 1
        while 2 * length <= wanted:
            padded = better(padded[: len(padded) - length], padded[length:])
            length *= 2
        rest = wanted - length
        padded = better(padded[: len(padded) - rest], padded[rest:]) if rest else padded
        image = np.moveaxis(padded, 0, axis)
    return image
