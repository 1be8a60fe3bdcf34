"""When enough fresh processes have measured a row. Pure; knows no clock and no model."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mnistbench.measure import verdict

AGREEMENT = 0.025
"""Noise floor of a row, as a fraction, below which further processes would tell little: half of what ``compare`` calls
the same."""


def agree(process_seconds: Sequence[float]) -> bool:
    """Whether the processes that measured a row agree on how long an undisturbed call takes.

    Two that do not agree may both have been disturbed, or one had luck; a few more will tell.

    Args:
        process_seconds: The shortest call of each, at least one; 0 where there was none,
            which further ones do not mend.
    """
    if len(process_seconds) < verdict.MIN_PROCESSES:
        return False
    if min(process_seconds) <= 0:
        return True
    return verdict.row_floor(process_seconds, "undisturbed") <= math.log1p(AGREEMENT)
