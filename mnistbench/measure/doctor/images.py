"""Digits that are drawn rather than loaded, so that a model can be tried where there is no data.

They are zeros and ones as clear as any reader of MNIST must know them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_HALF_STROKE = 1.5
"""Pixels."""

_RINGS = ((5.0, 6.5), (5.5, 7.0), (6.0, 7.0), (6.5, 7.5))
"""Half the width and half the height of each zero, in pixels."""

_SLANTS = (0.0, 0.1, 0.2, 0.3)
"""Pixels to the right for each pixel upwards, of each one."""


def drawn_digits() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Images and what they show.

    Returns:
        uint8 of shape ``(8, 28, 28)``, white ink on black, and int64 of shape ``(8,)``.
    """
    # float64 and nothing but arithmetic: the same bytes everywhere.
    down, right = (axis - 13.5 for axis in np.mgrid[0:28, 0:28].astype(np.float64))
    zeros = [
        np.abs(np.sqrt((right / width) ** 2 + (down / height) ** 2) - 1) * min(width, height)
        for width, height in _RINGS
    ]
    ones = [np.maximum(np.abs(right + slant * down), np.abs(down) - 8 + _HALF_STROKE) for slant in _SLANTS]
    # A pixel that the stroke's edge crosses is grey, as in MNIST.
    ink = np.clip(_HALF_STROKE + 0.5 - np.stack([*zeros, *ones]), 0, 1)
    return np.rint(255 * ink).astype(np.uint8), np.array([0] * len(zeros) + [1] * len(ones), dtype=np.int64)
