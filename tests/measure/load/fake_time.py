"""A clock that moves only when a call works or somebody sleeps, and a system with given service times."""

from __future__ import annotations

from collections.abc import Callable

from mnistbench.measure.load.timer import Timer

MS = 1_000_000
"""One millisecond of the clock."""


class FakeTime:
    """Clock and sleep at once."""

    def __init__(self) -> None:
        self.time = 5_000_000_000
        self.slept: list[float] = []

    def now_ns(self) -> int:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += round(seconds * 1e9)

    def timer(self) -> Timer:
        # Sleeps to the end: this clock does not move while it is looked at.
        return Timer(self, self.sleep, 0.0)

    def service(self, nanoseconds: Callable[[int], int] | int) -> Callable[[int], str]:
        """A call that takes so long, and answers with its number."""

        def call(index: int) -> str:
            self.time += nanoseconds(index) if callable(nanoseconds) else nanoseconds
            return f"answer {index}"

        return call
