"""How long a call takes when nothing disturbs it. Pure; knows no clock and no model.

Whatever else happens on a machine, another program, an interrupt, another guest
on the same core, makes a call longer and never shorter. So the shortest calls of
two runs of the same thing agree where their medians do not.

Source: Chen and Revels 2016, *Robust benchmarking in noisy environments*, which
argues for the minimum.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mnistbench.errors import InputError

CONFIRMING = 2
"""Processes that have to reach a time before it counts: one alone may have had luck that does not come again."""

DISTURBED = 0.15
"""Above an undisturbed call, as a fraction, beyond which a shortest call tells of a disturbed process, not of noise."""


def shortest(samples_seconds: Sequence[float]) -> float:
    """The shortest timed call; 0.0 where the clock saw none pass, and such calls do not count."""
    return min((seconds for seconds in samples_seconds if seconds > 0), default=0.0)


def undisturbed(process_seconds: Sequence[float], processes: int | None = None) -> float:
    """The shortest time that a second process confirms.

    The more processes there are, the shorter it is: of fifteen equal ones the second
    smallest lies below that of five. So a row is compared with one of fewer processes
    as if it had so few, by what is then expected: the geometric mean over every
    choice of so many. Only :func:`calm` processes are counted and chosen from: it is
    to get past the others that more of them were measured.

    Args:
        process_seconds: The shortest call of each fresh process, at least one.
        processes: As if no more than so many calm ones had been measured, at least 1; all when ``None``.

    Returns:
        The second smallest; of a single process its own.

    Raises:
        InputError: When ``processes`` is less than 1.
    """
    ordered = calm(process_seconds)
    count = len(ordered)
    if processes is None or processes >= count:
        return ordered[rank(count) - 1]
    first, shares = chances(count, processes)
    counted = ordered[first : first + len(shares)]
    if counted[0] <= 0:
        return 0.0
    logs = np.log(counted)
    # A mean is not above the largest, and beside the largest float there is no room for a rounding error.
    return math.exp(min(float(logs @ shares), float(logs[-1])))


def calm(process_seconds: Sequence[float]) -> list[float]:
    """The times of processes that were not disturbed from beginning to end: near the one that tells the time, or below.

    Args:
        process_seconds: The shortest call of each fresh process, at least one.

    Returns:
        The shortest ones, in order; all of two or fewer.
    """
    ordered = sorted(process_seconds)
    most = ordered[rank(len(ordered)) - 1] * (1 + DISTURBED)
    return [seconds for seconds in ordered if seconds <= most]


def rank(count: int) -> int:
    """Which of so many processes, in the order of their shortest calls and counted from 1, tells the time."""
    return min(CONFIRMING, count)


def chances(count: int, processes: int) -> tuple[int, npt.NDArray[np.float64]]:
    """How likely each of ``count`` processes is to tell the time when only some of them are measured.

    With ``n`` processes in the order of their shortest calls, of which ``k`` are
    drawn without replacement, and ``m`` the :func:`rank` of ``k``, the i-th is the
    m-th smallest of those with the probability ``C(i-1, m-1) · C(n-i, k-m) / C(n, k)``:
    so many choices have ``m - 1`` of the shorter ones and ``k - m`` of the longer ones beside it.

    Args:
        count: ``n``.
        processes: ``k``.

    Returns:
        Position of the first that can be the one, from 0, and the probabilities from there on; all others have none.

    Raises:
        InputError: When ``processes`` is not from 1 to ``count``.
    """
    if not 1 <= processes <= count:
        raise InputError(f"{processes} of {count} processes; expected from 1 to all of them")
    m = rank(processes)
    # From one to the next by their ratio: the binomial coefficients themselves exceed every float.
    i = np.arange(m, count - processes + m)
    ratios = i / (i - m + 1) * ((count - i - processes + m) / (count - i))
    first = math.perm(processes, m) / math.perm(count, m)
    return m - 1, np.cumprod(np.concatenate(([first], ratios)), dtype=np.float64)
