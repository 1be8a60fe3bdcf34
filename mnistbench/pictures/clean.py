"""Of all that is inked, what may belong to a digit: no specks, no ruled lines, no frame.

Knows nothing of how a digit looks, only how large its parts are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mnistbench.pictures.normalise import INKED
from mnistbench.pictures.regions import Region, find_regions, label_regions
from mnistbench.pictures.resample import Grey

SURE = 128.0
"""A region without a pixel of half full ink is a shadow or a ruled line."""

SPECK = 0.04
"""Of the mass of the largest region; less is a speck."""

LINE_SPAN = 0.9
"""Of the picture's width; a region that long and nowhere thick is a ruled line, or the edge of the sheet."""

LINE_THICK = 0.08
"""Of the picture's height: the thickest that a line is."""


@dataclass(frozen=True, eq=False)
class Strokes:
    """Ink that may be digits.

    Attributes:
        ink: Shape ``(h, w)``, 0 to 255; zero where nothing was kept.
        regions: What was kept, in the order of their first rows.
        num_specks: Regions left out.
    """

    ink: Grey
    regions: tuple[Region, ...]
    num_specks: int


def keep_strokes(ink: Grey) -> Strokes:
    """Leave out regions that are too faint, too small, or lines across the picture.

    Args:
        ink: Shape ``(h, w)``, 0 (paper) to 255 (full ink).
    """
    regions = find_regions(ink, INKED)
    sure = [region for region in regions if region.peak >= SURE and not _is_line(region, ink.shape)]
    largest = max((region.mass for region in sure), default=0.0)
    kept = tuple(region for region in sure if region.mass >= SPECK * largest)
    if len(kept) == len(regions):
        return Strokes(ink, kept, 0)
    labels, _ = label_regions(ink, INKED)
    wanted = np.zeros(len(regions) + 1, dtype=bool)
    wanted[[region.number for region in kept]] = True
    return Strokes(np.where(wanted[labels], ink, 0.0), kept, len(regions) - len(kept))


def _is_line(region: Region, shape: tuple[int, ...]) -> bool:
    """Whether it lies across the picture; one that stands may be the "1" of a picture without a margin."""
    height, width = shape
    return min(shape) > 20 and region.width >= LINE_SPAN * width and region.height <= LINE_THICK * height
