"""Is one error over seeds lower than another? A 95% interval of the difference decides. Pure; knows no network.

Source: Welch 1947, "The generalization of 'Student's' problem when several different
population variances are involved", for runs of two networks; Student 1908 for two looks
at the same runs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance
from typing import Literal

from mnistbench.errors import InputError
from mnistbench.measure.student import student_quantile
from mnistbench.measure.summary import MIN_SEEDS, middle

Outcome = Literal["lower", "higher", "no clear difference", "too little data"]

CONFIDENCE = 0.95

_DIGITS = 9
"""Behind the point, beyond which a difference of fractions is rounding error."""


@dataclass(frozen=True)
class Comparison:
    """Is the error of one lower than that of the other?

    The difference of the means over seeds counts as clear when its 95% interval
    leaves out 0. With fewer than three seeds on a side nothing is said. All are
    tested on the same images, whose choice this rule does not cover, and nothing
    is corrected for the number of comparisons.

    Attributes:
        network: What is looked at: a network's name, with its epoch where that matters.
        other: What it is compared with.
        error: Median error of the first, for display; ``None`` when it was not measured.
        other_error: Likewise of the second.
        difference: Mean error of the first less that of the second: negative when the first is better.
        difference_low: Lower end of its 95% interval; ``None`` with too few seeds.
        difference_high: Upper end.
        outcome: Of the first against the second.
    """

    network: str
    other: str
    error: float | None
    other_error: float | None
    difference: float | None
    difference_low: float | None
    difference_high: float | None
    outcome: Outcome


def compare(network: str, errors: Sequence[float], other: str, other_errors: Sequence[float]) -> Comparison:
    """Compare the errors of two networks, each over seeds of its own, by Welch's interval.

    With means ``m`` and ``n``, variances ``v`` and ``w`` and ``k`` and ``l`` seeds:
    ``m - n ± t·sqrt(v/k + w/l)``, where ``t`` is the 97.5% quantile of Student's
    distribution with the Welch-Satterthwaite degrees of freedom, rounded down. Where
    neither side varies, the difference itself decides.

    Source: Welch 1947; Satterthwaite 1946 for the degrees of freedom.
    """
    few = min(len(errors), len(other_errors)) < MIN_SEEDS
    half = None if few else _welch(errors, other_errors)
    difference = fmean(errors) - fmean(other_errors) if errors and other_errors else None
    return _comparison(network, errors, other, other_errors, difference, half)


def compare_paired(network: str, errors: Sequence[float], other: str, other_errors: Sequence[float]) -> Comparison:
    """As :func:`compare` for two errors of each run, such as at two epochs: the interval of their differences.

    Args:
        network: As in :func:`compare`.
        errors: One of each run.
        other: As in :func:`compare`.
        other_errors: The other one of each run, in the same order.

    Raises:
        InputError: When there are not equally many.

    Source: Student 1908.
    """
    if len(errors) != len(other_errors):
        raise InputError(f"{len(errors)} and {len(other_errors)} errors; expected two of each run")
    differences = [round(one - another, _DIGITS) for one, another in zip(errors, other_errors, strict=True)]
    half = None
    if len(differences) >= MIN_SEEDS:
        half = _quantile(len(differences) - 1) * math.sqrt(variance(differences) / len(differences))
    return _comparison(network, errors, other, other_errors, fmean(differences) if differences else None, half)


def _welch(errors: Sequence[float], other_errors: Sequence[float]) -> float:
    """Half the width of Welch's interval."""
    one, another = (variance(side) / len(side) for side in (errors, other_errors))
    if one + another == 0:
        return 0.0
    share = one / (one + another)
    degrees = 1 / (share**2 / (len(errors) - 1) + (1 - share) ** 2 / (len(other_errors) - 1))
    # A whole number may come out a hair below itself.
    return _quantile(max(1, math.floor(degrees + 1e-9))) * math.sqrt(one + another)


def _quantile(degrees: int) -> float:
    return student_quantile((1 + CONFIDENCE) / 2, degrees)


def _comparison(
    network: str,
    errors: Sequence[float],
    other: str,
    other_errors: Sequence[float],
    difference: float | None,
    half: float | None,
) -> Comparison:
    sides = (middle(errors) if errors else None, middle(other_errors) if other_errors else None)
    if difference is None or half is None:
        rounded = None if difference is None else round(difference, _DIGITS)
        return Comparison(network, other, *sides, rounded, None, None, "too little data")
    low, high = round(difference - half, _DIGITS), round(difference + half, _DIGITS)
    outcome: Outcome = "lower" if high < 0 else "higher" if low > 0 else "no clear difference"
    return Comparison(network, other, *sides, round(difference, _DIGITS), low, high, outcome)
