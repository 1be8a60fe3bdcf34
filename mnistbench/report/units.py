"""Numbers to text: fractions to percent, seconds to microseconds. Nothing else formats a unit."""

from __future__ import annotations

MISSING = "–"

_ROUNDS_UP = 0.9995
"""From this part of a unit on, three digits round to the whole of it: 999.5 k is 1.00 M."""

_TIMES = ((1.0, 1.0, "s"), (1e-3, 1e3, "ms"), (0.0, 1e6, "µs"))
"""From how many seconds on a unit is used, what makes it of seconds, and its name."""


def percent(fraction: float | None, digits: int = 2) -> str:
    """``0.0051`` as ``0.51``; the column's head says that it is percent."""
    return MISSING if fraction is None else f"{100 * fraction:.{digits}f}"


def signed_percent(fraction: float | None, digits: int = 1) -> str:
    """``0.1`` as ``+10.0``, and ``0`` without a sign; three digits and an exponent from a millionfold on."""
    if fraction is None:
        return MISSING
    text = f"{100 * fraction:+.{digits}f}" if abs(fraction) < 1e6 else f"{100 * fraction:+.2e}"
    return text if text.strip("+-0.") else text[1:]


def interval(low: float | None, high: float | None) -> str:
    """An interval of fractions in percent: ``0.39–0.67``."""
    return MISSING if low is None or high is None else f"{100 * low:.2f}–{100 * high:.2f}"


def count(number: int | None) -> str:
    """``909866`` as ``909,866``."""
    return MISSING if number is None else f"{number:,}"


def rough_count(number: float | None) -> str:
    """``19133568`` as ``19.1 M``: three digits are enough to compare."""
    if number is None:
        return MISSING
    for limit, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= limit * _ROUNDS_UP:
            return f"{_three_digits(number / limit)} {suffix}"
    return _three_digits(number)


def batch_size(number: int) -> str:
    """``32``; ``every`` for 0, which stands for a model that fails at all of them."""
    return str(number) if number else "every"


def batch(number: int) -> str:
    """``batch 32``, ``every batch``."""
    return f"batch {number}" if number else "every batch"


def seconds(value: float | None) -> str:
    """``0.000183`` as ``183 µs``."""
    if value is None:
        return MISSING
    for limit, factor, unit in _TIMES:
        if value >= limit * _ROUNDS_UP:
            return f"{_three_digits(value * factor)} {unit}"
    return MISSING


def signed_seconds(value: float | None) -> str:
    """As :func:`seconds`, for what may be below nothing: ``-3.20 µs``."""
    return f"-{seconds(-value)}" if value is not None and value < 0 else seconds(value)


def round_seconds(value: float) -> str:
    """``0.0005`` as ``500 µs``: a round number, as axes name them, without zeros behind the point."""
    factor, unit = next((factor, unit) for limit, factor, unit in _TIMES if value >= limit * _ROUNDS_UP)
    return f"{value * factor:.3g} {unit}"


def seconds_range(low: float, high: float) -> str:
    """Two times with their unit once where it is the same: ``183–191 µs``, ``998 µs – 1.02 ms``."""
    first, last = seconds(low), seconds(high)
    number, _, unit = first.partition(" ")
    return f"{number}–{last}" if unit and last.endswith(f" {unit}") else f"{first} – {last}"


def size(num_bytes: int | None) -> str:
    """``247000`` as ``247 kB``."""
    if num_bytes is None:
        return MISSING
    text = rough_count(num_bytes)
    return f"{text}B" if " " in text else f"{text} B"


def _three_digits(value: float) -> str:
    if value >= 99.95:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"
