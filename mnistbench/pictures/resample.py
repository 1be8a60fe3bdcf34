"""Resampling of a grey image, anti-aliased: one fixed rule on plain arrays, easily written anew elsewhere.

Knows nothing of digits.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import numpy.typing as npt

Grey = npt.NDArray[np.float64]


@functools.lru_cache(maxsize=256)
def weights(size: int, new_size: int) -> Grey:
    """How much each pixel of a line of ``size`` counts in each of the ``new_size`` pixels of the new line.

    A triangle around the new pixel's centre, as wide as two old pixels or two new ones, whichever are larger: linear
    interpolation when enlarging, a smooth average when reducing. The weight of the old pixel ``i`` in the new ``j``,
    with ``s = size / new_size`` and ``r = max(s, 1)``, is ``max(0, 1 - |i + 0.5 - (j + 0.5) s| / r)``, divided by the
    sum over ``i``.

    Returns:
        Shape ``(new_size, size)``; each row sums to 1. To be read only.

    Source: Pillow's BILINEAR filter.
    """
    step = size / new_size
    centres = (np.arange(new_size) + 0.5) * step
    distances = np.abs(np.arange(size) + 0.5 - centres[:, None])
    triangle = np.maximum(0.0, 1.0 - distances / max(step, 1.0))
    table: Grey = triangle / triangle.sum(axis=1, keepdims=True)
    table.flags.writeable = False
    return table


def resample(image: Grey, height: int, width: int) -> Grey:
    """The image at another size; the same image when nothing changes.

    Args:
        image: Shape ``(h, w)``, at least one pixel each way.
        height: Of the new image, 1 or more.
        width: Likewise.
    """
    if image.shape == (height, width):
        return image
    return weights(image.shape[0], height) @ image @ weights(image.shape[1], width).T


def reduced(image: Grey, longest: int) -> Grey:
    """The image with its longer side at most ``longest`` pixels; never enlarged."""
    scale = longest / max(image.shape)
    if scale >= 1:
        return image
    return resample(image, *(max(1, math.floor(side * scale + 0.5)) for side in image.shape))
