"""Learning rate at each step, as a pure function: resuming needs no scheduler state."""

from __future__ import annotations

from math import cos, pi
from typing import Literal

WARMUP_FRACTION = 0.2
"""Part of all steps in which one cycle rises to its peak."""

START_FRACTION = 0.04
"""Rate of the first step over the peak."""


def learning_rate(schedule: Literal["constant", "one_cycle"], peak: float, step: int, num_steps: int) -> float:
    """Rate for one step.

    Args:
        schedule: ``constant``, or ``one_cycle``: a linear rise, then half a cosine down to nearly nothing.
        peak: Constant rate, or highest of the cycle.
        step: From 0 to ``num_steps - 1`` over all epochs.
        num_steps: Steps of the whole training.

    Source: Smith and Topin 2018 (super-convergence), with a cosine for the way down.
    """
    if schedule == "constant":
        return peak
    position = (step + 0.5) / num_steps
    if position < WARMUP_FRACTION:
        return peak * (START_FRACTION + (1 - START_FRACTION) * position / WARMUP_FRACTION)
    return peak * 0.5 * (1 + cos(pi * (position - WARMUP_FRACTION) / (1 - WARMUP_FRACTION)))
