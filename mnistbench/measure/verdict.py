"""Is one latency longer than another, or is it noise? Pure; knows times of fresh processes, no files and no models.

Two rows are judged by their undisturbed calls (:mod:`mnistbench.measure.undisturbed`)
or by their medians. B is SLOWER or FASTER than A when they differ by more than
the noise floor and by more than what matters in practice. They are the SAME
when neither the difference nor the floor is more than that. All else is UNCLEAR.
A row is judged as if it had no more undisturbed processes than the other, since
more of them reach shorter calls.
Everything here is in logarithms, so that A against B says the reverse of B against A.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from mnistbench.errors import InputError
from mnistbench.measure import undisturbed
from mnistbench.measure.stats import median
from mnistbench.results import Judged, Verdict

MIN_PROCESSES = 3
"""Fresh processes on each side, below which nothing is said of the spread."""

_DRAWS = 4000
_MOST_VALUES = 300
"""So many stand for all where a file has more processes than any run: the floor is then somewhat too wide."""

_SEED = 20
_INNER = 0.8
_CONFIDENCE = 0.95

_DIGITS = 9
"""Behind the point, beyond which a difference of logarithms is rounding error."""

_LARGEST_LOG = 700.0
"""Its exponential is still a float."""


def decide(difference: float, floor: float, threshold: float) -> Verdict:
    """The verdict on B against A.

    Args:
        difference: Logarithm of B's time over A's: positive when B takes longer.
        floor: Logarithm of the largest ratio that noise alone explains.
        threshold: Logarithm of the smallest ratio that matters in practice.

    Raises:
        InputError: When one is not finite, or a floor or threshold negative.
    """
    if not all(map(math.isfinite, (difference, floor, threshold))) or min(floor, threshold) < 0:
        raise InputError(
            f"difference {difference}, floor {floor}, threshold {threshold}; expected finite numbers, "
            "floor and threshold 0 or more"
        )
    size, floor, threshold = (round(value, _DIGITS) for value in (abs(difference), floor, threshold))
    if size > max(floor, threshold):
        return "SLOWER" if difference > 0 else "FASTER"
    return "SAME" if floor <= threshold else "UNCLEAR"


def log_ratio(seconds: float, other_seconds: float) -> float:
    """Logarithm of ``other_seconds`` over ``seconds``, both above 0."""
    return math.log(other_seconds) - math.log(seconds)


def as_change(logarithm: float) -> float:
    """A logarithm of a ratio as a relative change: ``log(1.1)`` as ``0.1``; always finite."""
    return math.expm1(min(logarithm, _LARGEST_LOG))


def row_seconds(process_seconds: Sequence[float], by: Judged, processes: int | None = None) -> float:
    """The time of a row that is judged, of its processes' shortest calls or medians.

    Args:
        process_seconds: Of each fresh process its shortest call or its median.
        by: Which of both they are.
        processes: As if no more than so many calm ones had been measured, so that a row can be judged beside one of
            fewer, see :func:`fewest`. It matters to shortest calls only: a median does not move with the number.
    """
    return undisturbed.undisturbed(process_seconds, processes) if by == "undisturbed" else median(process_seconds)


def fewest(rows: Iterable[Sequence[float]]) -> int | None:
    """Of how many calm processes rows can be judged: as many as the one with the fewest has; ``None`` without a row.

    Args:
        rows: The shortest call of each fresh process, at least one, of each row.
    """
    return min((len(undisturbed.calm(one)) for one in rows), default=None)


def row_floor(process_seconds: Sequence[float], by: Judged, processes: int | None = None) -> float:
    """Noise floor of one row: how far two runs of the same thing lie apart, by the spread between its processes.

    Two runs of ``k`` processes each are drawn with replacement from the row's
    ``k`` processes, many thousand times, and the absolute difference ``d`` of the
    logarithms of :func:`row_seconds` of both is taken. The floor is::

        q₀.₈(d) · z₀.₉₇₅ / z₀.₉₀ · sqrt(k / (k - 1))

    The 80% quantile of ``d``, and not the 95% one that is meant, since one
    disturbed process of five becomes the median of a drawn run in 5.8% of all
    draws: the 95% quantile would be that disturbance, which the median of the
    real run was chosen to shrug off. The normal quantiles ``z`` lead from the
    one to the other. The last factor undoes that the bootstrap's variance is
    that of the sample with ``k`` in place of ``k - 1``, too small by that much.

    What shifts a whole run cannot be seen in a single run: :func:`between_runs` measures it.
    ``bench/noise.py`` shows what the rule says of simulated noise of several kinds.

    Args:
        process_seconds: Of each fresh process its shortest call or its median, all above 0, at least two.
        by: Which of both they are.
        processes: As in :func:`row_seconds`. Where a process was disturbed it does not matter: the floor is that of
            all of them, since it is chance how many are disturbed next time.

    Source: Efron 1979 for the bootstrap; Efron 1982, section 3.1, for the factor.
    """
    values = np.asarray(process_seconds, dtype=np.float64)
    if values.ndim != 1 or len(values) < 2 or not (np.isfinite(values) & (values > 0)).all():
        raise InputError(f"{len(values)} times of processes; expected two or more finite times above 0")
    ordered = np.sort(np.log(values))
    generator = np.random.default_rng(_SEED)
    disturbed = len(undisturbed.calm(values.tolist())) < len(values)
    if by == "p50" or disturbed or processes is None or processes >= len(values):
        one, another = (_drawn(ordered, by, generator) for _ in range(2))
    else:
        one, another = (_expected(ordered, processes, generator) for _ in range(2))
    inner = float(np.quantile(np.abs(one - another), _INNER))
    normal = NormalDist()
    extrapolation = normal.inv_cdf((1 + _CONFIDENCE) / 2) / normal.inv_cdf((1 + _INNER) / 2)
    return inner * extrapolation * math.sqrt(len(values) / (len(values) - 1))


def pair_floor(floor: float, other_floor: float) -> float:
    """Noise floor of a difference between two rows: the root of the mean of both squares, since variances add."""
    return math.hypot(floor, other_floor) / math.sqrt(2)


def between_runs(run_seconds: Sequence[float]) -> float:
    """Noise floor by further whole runs of the same thing: the largest difference of any two, in logarithms.

    It sees what shifts a whole run: the time of day, a restart, another node.

    Args:
        run_seconds: Median of each run, above 0, at least two.
    """
    if len(run_seconds) < 2 or not all(math.isfinite(value) and value > 0 for value in run_seconds):
        raise InputError(f"{len(run_seconds)} runs; expected two or more finite times above 0")
    return max(abs(log_ratio(one, another)) for one, another in itertools.combinations(run_seconds, 2))


def _drawn(ordered: npt.NDArray[np.float64], by: Judged, generator: np.random.Generator) -> npt.NDArray[np.float64]:
    """What is judged, of as many draws with replacement as there are values, of shape ``(draws,)``.

    Not the values are drawn but the ranks of those that matter: the m-th smallest of
    ``k`` uniform numbers is Beta(m, k - m + 1), the next one lies Beta(1, k - m) of
    the way from it to 1. So the cost does not grow with ``k``.

    Source: David and Nagaraja, *Order Statistics*, 3rd edition, sections 2.1 and 2.5.
    """
    k = len(ordered)
    m = undisturbed.rank(k) if by == "undisturbed" else (k + 1) // 2
    place = generator.beta(m, k - m + 1, _DRAWS)
    low = ordered[_index(place, k)]
    if by == "undisturbed" or k % 2:
        return low
    place = place + (1 - place) * generator.beta(1, k - m, _DRAWS)
    return np.asarray((low + ordered[_index(place, k)]) / 2)


def _expected(
    ordered: npt.NDArray[np.float64], processes: int, generator: np.random.Generator
) -> npt.NDArray[np.float64]:
    """As :func:`_drawn`: what is expected of the undisturbed call of so many of the values that are drawn."""
    if len(ordered) > _MOST_VALUES:
        ordered = ordered[np.linspace(0, len(ordered) - 1, _MOST_VALUES).astype(np.int64)]
        processes = min(processes, _MOST_VALUES)
    first, shares = undisturbed.chances(len(ordered), processes)
    drawn = np.sort(generator.integers(0, len(ordered), (_DRAWS, len(ordered))), axis=1)
    return np.asarray(ordered[drawn[:, first : first + len(shares)]] @ shares)


def _index(place: npt.NDArray[np.float64], k: int) -> npt.NDArray[np.int64]:
    return np.minimum((place * k).astype(np.int64), k - 1)
