"""Smooth light on a picture: surfaces of the second and fourth degree fitted to the pixels that are paper.

Works on thumbnails; knows nothing of digits.
"""

from __future__ import annotations

import functools

import numpy as np

from mnistbench.pictures.resample import Grey

ROUNDS = 6
"""Of fitting a surface and leaving out what departs from it."""

DEVIATIONS = 2.5
"""How far a pixel may depart, in standard deviations of the paper."""

LEAST_LIMIT = 2.0
"""Levels of 255 that never count as departing."""

INSIDE = 0.3
"""Weight of a pixel within the picture against one of its border, where paper is likelier."""

EXPLAINED = 20.0
"""Levels from which on a pixel is not explained by the light, however far it is."""

QUARTILE = 0.3186
"""A quarter of all normal deviates are nearer to 0 than this: with the nearest quarter, most may be ink."""


@functools.lru_cache(maxsize=64)
def terms(height: int, width: int, degree: int = 2) -> Grey:
    """``x^i y^j`` with ``i + j <= degree`` at each pixel, row by row, x and y from -1 to 1 over the picture.

    Returns:
        Shape ``(h * w, 6)`` for degree 2, ``(h * w, 15)`` for degree 4.
    """
    y = np.repeat((np.arange(height) + 0.5) / height * 2 - 1, width)
    x = np.tile((np.arange(width) + 0.5) / width * 2 - 1, height)
    table: Grey = np.stack([x**i * y**j for i in range(degree + 1) for j in range(degree + 1 - i)], axis=1)
    table.flags.writeable = False
    return table


@functools.lru_cache(maxsize=64)
def border(height: int, width: int) -> Grey:
    """1 on the outermost twelfth of a picture, at least one pixel, and 0 within: shape ``(h, w)``."""
    mask = np.ones((height, width))
    edge = max(1, min(height, width) // 12)
    mask[edge : height - edge, edge : width - edge] = 0
    mask.flags.writeable = False
    return mask


def fitted(image: Grey, weights: Grey, degree: int = 2) -> Grey:
    """The surface of a degree nearest to an image, by weighted least squares."""
    table = terms(image.shape[0], image.shape[1], degree)
    weighted = table * weights.reshape(-1, 1)
    # A ridge of one millionth: few pixels may not fix every term.
    normal = table.T @ weighted + 1e-6 * (1.0 + float(weights.sum())) * np.eye(table.shape[1])
    surface: Grey = (table @ np.linalg.solve(normal, image.ravel() @ weighted)).reshape(image.shape)
    return surface


def light_either_way(image: Grey) -> Grey:
    """The light, whichever of dark and bright is the ink: pixels far from the surface are left out, on both sides.

    From one start alone a large blot of ink can pass for paper. So there are three: the border's median, the surface
    of the border, and that of the whole; the one whose end explains most of the picture is taken: the smallest sum
    of distances, of which none counts for more than :data:`EXPLAINED`.
    """
    prior = np.where(border(*image.shape) > 0, 1.0, INSIDE)
    edge = border(*image.shape)
    starts = (np.full(image.shape, np.median(image[edge > 0])), fitted(image, edge), fitted(image, prior))
    ends = [_settled(image, start, prior) for start in starts]
    costs = [float((np.minimum(np.abs(image - end), EXPLAINED) * prior).sum()) for end in ends]
    return ends[costs.index(min(costs))]


def _settled(image: Grey, surface: Grey, prior: Grey) -> Grey:
    for _ in range(ROUNDS):
        away = np.abs(image - surface)
        surface = fitted(image, np.where(away <= _limit(away), prior, 0.0))
    return surface


def light_below(image: Grey, start: Grey) -> Grey:
    """The light on a picture whose ink is brighter than its paper: only pixels above the surface are left out.

    At last the surface is one of the fourth degree, which follows a lamp's light into the corners.

    Args:
        image: Shape ``(h, w)``.
        start: A first estimate, such as that of :func:`light_either_way`.
    """
    surface = start
    for degree in (2, 2, 2, 2, 4, 4, 4):
        above = image - surface
        limit = _limit(np.abs(above))
        surface = fitted(image, np.where(above <= limit, 1.0, 0.0), degree)
    return surface


def _limit(away: Grey) -> float:
    """The distance from which on a pixel is left out."""
    flat = away.ravel()
    deviation = float(np.partition(flat, len(flat) // 4)[len(flat) // 4]) / QUARTILE
    return max(DEVIATIONS * deviation, LEAST_LIMIT)
