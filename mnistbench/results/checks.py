"""What a number in a result must be: files can be edited by hand, and NaN cannot be saved as JSON."""

from __future__ import annotations

import math
from typing import Any


def check_count(what: str, value: Any, least: int) -> None:
    """Refuse what is no whole number, or too small a one."""
    if type(value) is not int:
        raise TypeError(f"{what} is {value!r}; expected a whole number")
    if value < least:
        raise ValueError(f"{what} is {value}; expected {least} or more")


def check_number(what: str, value: Any, *, least: float = -math.inf, below: float = math.inf) -> None:
    """Refuse what is no number, and NaN and infinity among the numbers."""
    if type(value) not in (int, float):
        raise TypeError(f"{what} is {value!r}; expected a number")
    if not least <= value < below or not _is_finite(value):
        raise ValueError(f"{what} is {repr(value)[:20]}; expected a finite number from {least} to below {below}")


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond every float
        return False
