"""How long a call takes when nothing disturbs it. Pure; knows no clock and no model.

Whatever else happens on a machine, another program, an interrupt, another guest
on the same core, makes a call longer and never shorter. So the shortest calls of
two runs of the same thing agree where their medians do not.

Source: Chen and Revels 2016, *Robust benchmarking in noisy environments*, which
argues for the minimum.
"""

from __future__ import annotations

from collections.abc import Sequence

CONFIRMING = 2
"""Processes that have to reach a time before it counts: one alone may have had luck that does not come again."""


def shortest(samples_seconds: Sequence[float]) -> float:
    """The shortest timed call; 0.0 where the clock saw none pass, and such calls do not count."""
    return min((seconds for seconds in samples_seconds if seconds > 0), default=0.0)


def undisturbed(process_seconds: Sequence[float]) -> float:
    """The shortest time that a second process confirms.

    Args:
        process_seconds: The shortest call of each fresh process, at least one.

    Returns:
        The second smallest; of a single process its own.
    """
    return sorted(process_seconds)[rank(len(process_seconds)) - 1]


def rank(count: int) -> int:
    """Which of so many processes, in the order of their shortest calls and counted from 1, tells the time."""
    return min(CONFIRMING, count)
