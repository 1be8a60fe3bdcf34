"""Axes as numbers: where a value stands between 0 and 1, and which values an axis names. Draws nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

MOST_TICKS = 7

_STEPS = ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 5.0, 7.0))
"""Leading digits of a logarithmic axis's ticks, from coarse to fine."""

_LEAST_TICKS = 3

_MARGIN = 0.04
"""Part of an axis left free at each end."""

Transform = Callable[[float], float]


@dataclass(frozen=True)
class Axis:
    """One axis of a chart.

    Attributes:
        transform: From values to a scale on which they are spread evenly.
        low: The axis's lower end, transformed.
        high: Its upper end, transformed; above ``low``.
        ticks: Values that it names, rising.
    """

    transform: Transform
    low: float
    high: float
    ticks: tuple[float, ...]

    def place(self, value: float) -> float:
        """Where a value stands: 0 at the lower end, 1 at the upper."""
        return (self.transform(value) - self.low) / (self.high - self.low)


def log_axis(values: Iterable[float], ticks: Sequence[float] | None = None) -> Axis:
    """A logarithmic axis for values above 0, with a little room at both ends.

    Args:
        values: At least one.
        ticks: What it names; round numbers when ``None``.
    """
    logs = [math.log10(value) for value in values]
    low, high = min(logs), max(logs)
    room = max(_MARGIN * (high - low), 0.04)
    low, high = low - room, high + room
    return Axis(math.log10, low, high, thinned(_log_ticks(low, high) if ticks is None else ticks))


def nines(share: float) -> float:
    """How many nines a share of calls has: 0.9 is 1, 0.99 is 2, 0 is 0."""
    return -math.log10(1 - share)


def nines_axis(highest: float) -> Axis:
    """An axis of percentiles on which each further nine is as wide as the last.

    Args:
        highest: The largest share that is shown, below 1.
    """
    known = (0.5, 0.9, 0.99, 0.999, 0.9999)
    high = max(nines(highest), 1.0) * 1.02
    return Axis(nines, 0.0, high, tuple(share for share in known if nines(share) <= high))


def thinned(ticks: Sequence[float]) -> tuple[float, ...]:
    """The ticks, or every second, third ... of them where they are too many."""
    return tuple(ticks[:: math.ceil(len(ticks) / MOST_TICKS) or 1])


def _log_ticks(low: float, high: float) -> list[float]:
    decades = range(math.floor(low), math.ceil(high) + 1)
    for steps in _STEPS:
        ticks = [step * 10.0**decade for decade in decades for step in steps if -323 < decade < 308]
        inside = [tick for tick in ticks if low <= math.log10(tick) <= high]
        if len(inside) >= _LEAST_TICKS:
            return inside
    return _even_ticks(10**low, 10 ** min(high, 308.0))


def _even_ticks(low: float, high: float) -> list[float]:
    """Round numbers with even gaps, for a range too narrow for steps of decades."""
    rough = (high - low) / (_LEAST_TICKS + 1)
    if not 0 < rough < math.inf:
        return [low]
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough)
    first = math.ceil(low / step)
    return [step * count for count in range(first, math.floor(high / step) + 1)]
