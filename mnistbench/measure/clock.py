"""The time source of every measurement, as an argument.

Knows nothing of what is timed. Tests hand in a clock of their own.
"""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Anything that tells the time in nanoseconds."""

    def now_ns(self) -> int:
        """Nanoseconds since a fixed but arbitrary moment; only differences mean anything."""
        ...


class MonotonicClock:
    """The system's most precise clock; it is never set back, but runs on while a process sleeps.

    Source: ``time.perf_counter_ns`` of Python's standard library.
    """

    # The built-in itself rather than a method around it: a Python frame would be timed with each call.
    now_ns = staticmethod(time.perf_counter_ns)
