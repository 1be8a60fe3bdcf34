"""Waits for a moment: asleep until shortly before it, then looking at the clock.

Knows nothing of queries. Clock and sleep are arguments, so that tests need no time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from mnistbench.measure.clock import Clock, MonotonicClock

NANO = 1_000_000_000

WATCH_SECONDS = 150e-6
"""How long before the moment to be awake: Linux wakes a sleeper some 60 µs late, and a busy machine later."""

_LONGEST_SLEEP_NS = NANO // 10


@dataclass(frozen=True)
class Timer:
    """A clock, a way to sleep, and how long before the moment to be awake.

    Attributes:
        sleep: Gets seconds. With 0 it only lets other threads run.
        watch_seconds: 0 sleeps to the end: later, but without keeping a core awake.
    """

    clock: Clock = field(default_factory=MonotonicClock)
    sleep: Callable[[float], None] = time.sleep
    watch_seconds: float = WATCH_SECONDS

    def wait_until(self, moment: int, is_stopped: Callable[[], bool] = bool) -> int:
        """Return at ``moment`` or as soon after it as can be; at once when it has passed.

        Args:
            moment: In the clock's nanoseconds.
            is_stopped: Asked now and then; when it says so the wait ends early.

        Returns:
            The time at the end, in the clock's nanoseconds.
        """
        watch = round(self.watch_seconds * NANO)
        while (now := self.clock.now_ns()) < moment and not is_stopped():
            asleep = moment - now - watch
            # Never an empty loop: it would hold Python's lock, and a call that has ended could not say so.
            self.sleep(min(asleep, _LONGEST_SLEEP_NS) / NANO if asleep > 0 else 0.0)
        return now
