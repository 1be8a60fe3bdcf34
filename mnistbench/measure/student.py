"""Student's t distribution, for intervals from a handful of samples. Pure."""

from __future__ import annotations

import math

from mnistbench.errors import InputError


def student_quantile(probability: float, degrees: int) -> float:
    """The value that Student's t with so many degrees of freedom stays below with this probability, 0.5 to below 1.

    Source: Abramowitz and Stegun 1964, 26.7.3 and 26.7.4, inverted by bisection.
    """
    if not 0.5 <= probability < 1 or degrees < 1:
        raise InputError(f"probability {probability}, {degrees} degrees; expected 0.5 to below 1, and 1 or more")
    low, high = 0.0, 1.0
    while _student_within(high, degrees) < 2 * probability - 1:
        high *= 2
    for _ in range(100):
        middle = (low + high) / 2
        if _student_within(middle, degrees) < 2 * probability - 1:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _student_within(t: float, degrees: int) -> float:
    """Probability that Student's t lies between ``-t`` and ``t``."""
    angle = math.atan(t / math.sqrt(degrees))
    square = math.cos(angle) ** 2
    # Odd degrees: 2/pi (angle + sin cos (1 + 2/3 cos² + 2·4/(3·5) cos⁴ …)); even: sin (1 + 1/2 cos² + …).
    first = 1 + degrees % 2
    term = total = 1.0 if degrees > 1 else 0.0
    for step in range(first, degrees - 2, 2):
        term *= step / (step + 1) * square
        total += term
    if degrees % 2 == 0:
        return math.sin(angle) * total
    return 2 / math.pi * (angle + math.sin(angle) * math.cos(angle) * total)
