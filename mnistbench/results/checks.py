"""What a number in a result must be: files can be edited by hand, and NaN cannot be saved as JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def check_count(what: str, value: Any, least: int) -> None:
    """Refuse what is no whole number, or too small a one."""
    if type(value) is not int:
        raise TypeError(f"{what} is {value!r:.60}; expected a whole number")
    if value < least:
        raise ValueError(f"{what} is {value}; expected {least} or more")


def check_number(what: str, value: Any, *, least: float = -math.inf, below: float = math.inf) -> None:
    """Refuse what is no number, and NaN and infinity among the numbers."""
    if type(value) not in (int, float):
        raise TypeError(f"{what} is {value!r:.60}; expected a number")
    if not least <= value < below or not _is_finite(value):
        raise ValueError(f"{what} is {repr(value)[:20]}; expected a finite number from {least} to below {below}")


def check_texts(result: object, keys: Iterable[str]) -> None:
    """Refuse fields that are no text."""
    for key in keys:
        value = getattr(result, key)
        if not isinstance(value, str):
            raise TypeError(f"{key} is {value!r:.60}; expected text")


def check_optional_texts(result: object, keys: Iterable[str]) -> None:
    """Refuse fields that are neither text nor ``None``."""
    for key in keys:
        value = getattr(result, key)
        if not isinstance(value, str | None):
            raise TypeError(f"{key} is {value!r:.60}; expected text or nothing")


def check_figures(result: object, keys: Iterable[str]) -> None:
    """Refuse fields that are neither ``None`` nor a finite number of at least 0."""
    for key in keys:
        value = getattr(result, key)
        if value is not None:
            check_number(key, value, least=0)


def check_samples(samples: Sequence[float], bounds: Mapping[str, tuple[float, float]]) -> None:
    """Refuse times, and bounds of their percentiles, that are no finite numbers of at least 0."""
    for low, high in bounds.values():
        check_number("a bound", low, least=0)
        check_number("a bound", high, least=0)
    if samples:
        # NaN and infinity show in the sum; both figures cost little for a million of them.
        check_number("the sum of samples_seconds", sum(samples), least=0)
        check_number("the least of samples_seconds", min(samples), least=0)


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond every float
        return False
