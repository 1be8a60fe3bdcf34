"""The statistics of error counts and of timed calls, as pure functions.

Knows no clock, no model and no file. Samples are numbers in any unit and any
order; nothing is ever removed from them. Every function raises
:class:`mnistbench.errors.InputError` when its arguments are empty, not finite
or out of range.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from statistics import NormalDist
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from mnistbench.errors import InputError
from mnistbench.measure.student import student_quantile

Samples = Sequence[float] | npt.NDArray[np.float64]

MIN_SAMPLES: Mapping[float, int] = MappingProxyType({50: 11, 90: 64, 95: 130, 99: 662, 99.9: 6636})
"""Samples that each percentile needs before it may be shown; what :func:`supported` derives."""

OUTLIER_FENCE = 1.5
"""Interquartile ranges beyond a quartile where outliers begin. Source: Tukey 1977."""

_SUPPORT_RISK = 0.01


def wilson_interval(num_errors: int, num_images: int, confidence: float = 0.95) -> tuple[float, float]:
    """Interval for the true error rate behind ``num_errors`` wrong answers of ``num_images``.

    With ``p = num_errors / num_images``, ``n = num_images`` and ``z`` the normal
    quantile of ``(1 + confidence) / 2``::

        (p + z²/2n ± z·sqrt(p(1 - p)/n + z²/4n²)) / (1 + z²/n)

    Returns:
        Lower and upper end as fractions; the observed rate lies between them.

    Source: Wilson 1927, without continuity correction; method 3 of Newcombe 1998.
    """
    _require_confidence(confidence)
    if num_images < 1 or not 0 <= num_errors <= num_images:
        raise InputError(f"{num_errors} errors of {num_images} images; expected 0 to all of 1 or more images")
    rate = float(num_errors / num_images)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    scale = 1 + z * z / num_images
    centre = (rate + z * z / (2 * num_images)) / scale
    half = z * math.sqrt(rate * (1 - rate) / num_images + (z / (2 * num_images)) ** 2) / scale
    # The ends touch 0 and 1 exactly there; rounding must not say otherwise.
    low = 0.0 if num_errors == 0 else min(max(centre - half, 0.0), rate)
    high = 1.0 if num_errors == num_images else max(min(centre + half, 1.0), rate)
    return low, high


def mcnemar(only_a_wrong: int, only_b_wrong: int) -> float:
    """Exact two-sided p-value that two models err equally often on the same images.

    Twice the probability, at most 1, that a fair coin thrown once for each image
    on which exactly one model errs falls as unevenly as seen or more so. The
    mid-p correction is not used. 1 when the models never differ.

    Args:
        only_a_wrong: Images that only the first model gets wrong.
        only_b_wrong: Images that only the second model gets wrong.

    Source: McNemar 1947 in its exact binomial form.
    """
    if only_a_wrong < 0 or only_b_wrong < 0:
        raise InputError(f"counts {only_a_wrong} and {only_b_wrong}; expected 0 or more images each")
    # Python's whole numbers to the end: exact for every tail and count, where numpy's would overflow.
    fewer, total = int(min(only_a_wrong, only_b_wrong)), int(only_a_wrong) + int(only_b_wrong)
    ways = term = 1
    for k in range(fewer):
        term = term * (total - k) // (k + 1)
        ways += term
    return min(1.0, 2 * ways / (1 << total))


def percentile(samples: Samples, q: float) -> float:
    """The smallest sample that at least ``q`` percent of the samples do not exceed.

    The order statistic of rank ``ceil(q/100 · n)``, at least 1: always a value
    that was measured, never one between two.

    Args:
        samples: At least one number.
        q: From 0 (the minimum) to 100 (the maximum).

    Source: definition 1 of Hyndman and Fan 1996 (nearest rank).
    """
    ordered = _ordered(samples)
    rank = math.ceil(_fraction(q) * len(ordered))
    return float(ordered[max(rank, 1) - 1])


def percentile_bounds(samples: Samples, q: float, confidence: float = 0.95) -> tuple[float, float] | None:
    """Confidence bounds of a percentile that assume no distribution.

    The number of samples below the true percentile is binomial with ``n`` and
    ``q/100``; the bounds are the order statistics that leave at most half of
    ``1 - confidence`` on each side. They assume independent samples, so that
    neighbouring calls that disturb each other make them too narrow.

    Returns:
        Lower and upper bound, both measured values with :func:`percentile`
        between them; ``None`` when there are too few samples for one of them.

    Source: David and Nagaraja, *Order Statistics*, 3rd edition, section 7.1.
    """
    _require_confidence(confidence)
    ordered = _ordered(samples)
    tail = (1 - confidence) / 2
    share = float(_fraction(q))
    low = _binomial_quantile(len(ordered), share, tail)
    high = _binomial_quantile(len(ordered), share, 1 - tail) + 1
    if low < 1 or high > len(ordered):
        return None
    return float(ordered[low - 1]), float(ordered[high - 1])


def supported(q: float, n: int) -> bool:
    """Whether ``n`` samples are enough to show percentile ``q``.

    They are when at least two of them lie beyond the true percentile with 99%
    probability: with ``p = q/100``, or ``1 - q/100`` below the median, when
    ``pⁿ + n(1 - p)pⁿ⁻¹ <= 0.01``. The minimum and the maximum never are.

    Source: the early-stopping rule of MLPerf LoadGen, whose smallest counts it gives.
    """
    share = float(_fraction(q))
    p = max(share, 1 - share)
    return n > 0 and p ** (n - 1) * (p + n * (1 - p)) <= _SUPPORT_RISK


def median(samples: Samples) -> float:
    """The middle sample, or the mean of the middle two.

    For an even count this is not ``percentile(samples, 50)``, which is the lower of the two.
    """
    ordered = _ordered(samples)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return float(ordered[middle])
    return float(ordered[middle - 1] / 2 + ordered[middle] / 2)


def prediction_interval(samples: Samples, confidence: float = 0.95) -> tuple[float, float] | None:
    """Where one more sample of the same kind is to be expected.

    With mean ``m`` and standard deviation ``s`` of ``n`` samples and ``t`` the
    quantile of ``(1 + confidence) / 2`` of Student's distribution with ``n - 1``
    degrees of freedom: ``m ± t·s·sqrt(1 + 1/n)``. Holds where samples are about normal.

    Returns:
        Lower and upper end, or ``None`` for a single sample, which says nothing of the spread.

    Source: Hahn and Meeker 1991, *Statistical Intervals*, section 4.7.
    """
    _require_confidence(confidence)
    values = _checked(samples)
    n = len(values)
    if n < 2:
        return None
    half = student_quantile((1 + confidence) / 2, n - 1) * float(values.std(ddof=1)) * math.sqrt(1 + 1 / n)
    centre = float(values.mean())
    return centre - half, centre + half


def interquartile_range(samples: Samples) -> float:
    """Distance between the quartiles, which are :func:`percentile` 25 and 75."""
    ordered = _ordered(samples)
    return percentile(ordered, 75) - percentile(ordered, 25)


def count_outliers(samples: Samples) -> int:
    """Samples more than 1.5 interquartile ranges outside the quartiles; counted, never removed."""
    ordered = _ordered(samples)
    low, high = percentile(ordered, 25), percentile(ordered, 75)
    fence = OUTLIER_FENCE * (high - low)
    return int(np.count_nonzero((ordered < low - fence) | (ordered > high + fence)))


def relative_noise(samples: Samples) -> float:
    """Interquartile range over the median: the spread of the middle half, blind to outliers.

    0 when the samples are equal, infinite when only their median is 0.
    """
    ordered = _ordered(samples)
    return _ratio(interquartile_range(ordered), median(ordered))


def relative_deviation(samples: Samples) -> float:
    """Standard deviation (with ``n - 1``) over the mean; 0 for a single sample.

    0 when the samples are equal, infinite when they differ and their mean is 0.
    """
    values = _checked(samples)
    if len(values) == 1 or np.ptp(values) == 0:
        return 0.0
    return _ratio(float(np.std(values, ddof=1)), float(np.mean(values)))


def relative_standard_error(samples: Samples) -> float:
    """Relative uncertainty of the mean: :func:`relative_deviation` over ``sqrt(n)``.

    Infinite for a single sample, which says nothing of its own error. It assumes
    independent samples and knows nothing of what differs from process to process.
    """
    values = _checked(samples)
    return math.inf if len(values) == 1 else relative_deviation(values) / math.sqrt(len(values))


def _checked(samples: Samples) -> npt.NDArray[np.float64]:
    values = np.asarray(samples, dtype=np.float64)
    if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
        raise InputError(f"samples of shape {values.shape}; expected a list of at least one finite number")
    return values


def _ordered(samples: Samples) -> npt.NDArray[np.float64]:
    return np.sort(_checked(samples))


def _fraction(q: float) -> Fraction:
    """``q`` percent exactly as it was typed: 99.9 of 1,000 must be 999, not a rounding error more."""
    if not 0 <= q <= 100:
        raise InputError(f"percentile {q} is out of range; expected 0 to 100")
    return Fraction(str(q)) / 100


def _ratio(spread: float, centre: float) -> float:
    if spread == 0:
        return 0.0
    return spread / abs(centre) if centre else math.inf


def _binomial_quantile(n: int, p: float, probability: float) -> int:
    """Smallest k with P(X <= k) >= ``probability``, for X binomial with ``n`` and ``p``."""
    if p in (0.0, 1.0):
        return int(n * p)
    # Twelve deviations below the mean nothing is lost, and the first term cannot underflow.
    k = max(0, math.floor(n * p - 12 * math.sqrt(n * p * (1 - p)) - 12))
    log_term = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    term = math.exp(log_term + k * math.log(p) + (n - k) * math.log1p(-p))
    cumulative = term
    while cumulative < probability and k < n:
        term *= (n - k) / (k + 1) * p / (1 - p)
        k += 1
        cumulative += term
    return k


def _require_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise InputError(f"confidence {confidence} is out of range; expected more than 0 and less than 1, such as 0.95")
