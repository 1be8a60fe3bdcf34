"""Grey levels to ink: which side is the paper, how bright it is everywhere, and what is only noise.

Knows nothing of digits but that their strokes cover less of a picture than the paper does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mnistbench.pictures.light import border, light_below, light_either_way
from mnistbench.pictures.morphology import averaged, grown, opened
from mnistbench.pictures.resample import Grey, reduced, resample

THUMBNAIL = 40
"""Pixels of the longer side of the picture that light is estimated on; light varies slowly."""

STROKE = 0.25
"""Radius of the smallest square that can be paper, of the picture's mean side: strokes are narrower."""

FLAT_LEVELS = 2.0
"""Levels of 255 by which paper that is drawn and not photographed departs from its median."""

LEAST_CONTRAST = 12.0
"""Levels between paper and ink; less cannot be told from stains and compression."""

NOISE_FLOOR = 3.0
"""Standard deviations of the paper below which nothing is ink."""

REACH = 0.02
"""Of the picture's mean side: how far from the sure ink the soft edge of a stroke ends; 2 pixels at least."""

TO_DEVIATION = 1.4826
"""Makes a standard deviation of a median distance, for normal noise."""


@dataclass(frozen=True, eq=False)
class Ink:
    """What was found on the paper.

    Attributes:
        values: Shape ``(h, w)``, 0 (paper) to 255 (full ink).
        dark_on_light: Whether the ink was darker than the paper.
        contrast: Levels of 255 between paper and ink; 0 where there is no ink.
        noise: Standard deviation of the paper, in levels.
    """

    values: Grey
    dark_on_light: bool
    contrast: float
    noise: float


def find_ink(grey: Grey) -> Ink:
    """The ink on a grey picture.

    1. *Paper*: flat where the border is (:func:`flat_paper`), else under uneven light (:func:`uneven_paper`).
    2. *Side*: ink is where the picture departs from its paper by more, in squares of differences over all pixels.
    3. *Noise*: the median of what is not ink (less than 0.35 of the maximum), and 1.4826 times the median deviation
       from it. What is less than 3 deviations above that median is nothing.
    4. *Full ink* is :func:`full_ink`; values between are in proportion.
    5. *Shadows*: on paper that is not flat, what is farther than :data:`REACH` from any pixel of half full ink is
       nothing: ruled lines, folds, stains.

    Args:
        grey: Shape ``(h, w)``, 0 (black) to 255 (white).
    """
    paper = flat_paper(grey)
    if paper is not None:
        away = grey - paper
        dark = _is_dark(away)
        above = -away if dark else away
        level, noise = 0.0, 0.0
    else:
        above, dark = uneven_paper(grey)
        rest = above[above <= 0.35 * above.max()]
        level = float(np.median(rest))
        noise = TO_DEVIATION * float(np.median(np.abs(rest - level)))
    floor = level + NOISE_FLOOR * noise
    full = full_ink(above - floor)
    contrast = full + floor - level
    if contrast < max(LEAST_CONTRAST, 2 * NOISE_FLOOR * noise):
        return Ink(np.zeros_like(grey), dark, 0.0, noise)
    values = ((above - floor) * (255.0 / full)).clip(0.0, 255.0)
    if paper is None:
        radius = max(2, math.floor(REACH * math.sqrt(grey.size) + 0.5))
        values = np.where(grown(np.where(values >= 128.0, 1.0, 0.0), radius) > 0, values, 0.0)
    return Ink(values, dark, contrast, noise)


def flat_paper(grey: Grey) -> float | None:
    """The paper's level where nineteen of twenty pixels of the border are within 2 of their median; else None."""
    edge = grey[border(*grey.shape) > 0]
    level = float(np.median(edge))
    return level if np.count_nonzero(np.abs(edge - level) <= FLAT_LEVELS) >= 0.95 * len(edge) else None


def uneven_paper(grey: Grey) -> tuple[Grey, bool]:
    """How far each pixel lies above its paper, with the ink made bright, and whether it was dark.

    On a thumbnail a smooth surface is fitted to the paper. What no square of half the picture's mean side fits into
    is ink, and what one fits into is paper still: the shadow of a hand, a table below the sheet. Then the ink is
    made as strong everywhere (:func:`evened`).
    """
    small = reduced(grey, THUMBNAIL)
    light = light_either_way(small)
    dark = _is_dark(small - light)
    sign = -1.0 if dark else 1.0
    small, light = sign * small, sign * light
    light = light_below(small, light)
    radius = max(1, math.floor(STROKE * math.sqrt(small.size) + 0.5))
    rest = averaged(opened(averaged(small - light, 1), radius), radius // 2)
    paper = resample(light + rest, *grey.shape)
    return evened(sign * grey - paper, sign * paper), dark


def evened(above: Grey, paper: Grey) -> Grey:
    """The ink as if the light were even.

    Light multiplies: in the shadow, ink is less far from its paper. So differences are multiplied by the median of the
    paper over the paper here, from 1/3 to 3. On a negative it is the paper's distance from white that multiplies.
    Of the two, and of leaving it as it is, whatever makes the pixels that are ink vary least is taken: the smallest
    standard deviation over the mean.

    Args:
        above: How far each pixel is from its paper, on the side of the ink.
        paper: The paper's grey level, 0 to 255.
    """
    inked = above > max(LEAST_CONTRAST, 0.15 * float(above.max()))
    if not inked.any():
        return above
    factors = [(float(np.median(level)) / level.clip(1.0, 255.0)).clip(1 / 3, 3.0) for level in (paper, 255.0 - paper)]
    ways = [above, *(above * factor for factor in factors)]
    return min(ways, key=lambda way: float(way[inked].std() / way[inked].mean()))


def full_ink(above: Grey) -> float:
    """The level of full ink: four fifths of the pixels over half the maximum are not above it.

    The maximum is at most one and a half times that of the image averaged over 3x3 pixels: no single speck decides.
    """
    highest = min(float(above.max()), 1.5 * float(averaged(above, 1).max()))
    if highest <= 0:
        return 0.0
    strong = np.sort(above[above > 0.5 * highest])
    return float(strong[(4 * len(strong)) // 5])


def _is_dark(away: Grey) -> bool:
    return bool((np.minimum(away, 0.0) ** 2).sum() > (np.maximum(away, 0.0) ** 2).sum())
