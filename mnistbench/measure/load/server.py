"""Load that does not wait: queries at random moments, fixed before the first is sent.

The arrivals are a Poisson process. A latency counts from the moment at which
the query was scheduled, so that whoever has to wait behind a slow one shows it
(a generator that waits for answers omits just those: coordinated omission).

There is no thread that hands queries out: each worker takes the next arrival,
waits for its moment if it lies ahead, and calls. First come, first served by
whichever worker is free first, without the cost of waking another thread.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence

import numpy as np

from mnistbench.errors import InputError
from mnistbench.measure.load.timer import NANO, Timer
from mnistbench.measure.load.traffic import QUEUED, Call, Notes, StopReason, Traffic, merge
from mnistbench.measure.load.workers import run_workers

LEAD_NS = 2_000_000
"""Between the start and the moment that the schedule counts from: the threads must be there."""

_FEWEST_WAITING = 100


def poisson_arrivals(rate: float, count: int, seed: int | Sequence[int]) -> list[int]:
    """When queries arrive that know nothing of each other.

    Args:
        rate: Queries per second on average.
        count: How many.
        seed: The same arrivals for the same seed, and in proportion for another rate.

    Returns:
        Nanoseconds from the start, in order; the gaps between them are exponential.

    Raises:
        InputError: When the rate is not positive or there is no query.
    """
    if not (math.isfinite(rate) and rate > 0) or count < 1:
        raise InputError(f"{count} queries at a rate of {rate}; expected at least one and a positive rate")
    gaps = np.random.default_rng(seed).exponential(1.0, count)
    arrivals: list[int] = np.rint(np.cumsum(gaps) * (NANO / rate)).astype(np.int64).tolist()
    return arrivals


def most_waiting(rate: float, count: int, bound_seconds: float) -> int:
    """How many queries may wait at once before the system counts as overloaded.

    As many as arrive in four times the latency bound, and at least a tenth of
    all: of the queries of such a run far more than one percent have missed the bound.
    """
    return max(_FEWEST_WAITING, math.ceil(4 * rate * bound_seconds), count // 10)


def run_server(call: Call, arrivals: Sequence[int], timer: Timer, *, workers: int = 1, max_waiting: int) -> Traffic:
    """Send the queries at their moments, whether or not earlier ones are answered.

    Args:
        call: The system.
        arrivals: As :func:`poisson_arrivals` gives them.
        timer: Clock and sleep.
        workers: Threads that call; how many queries are worked on at once.
        max_waiting: When more wait, the run is stopped as overloaded.

    Returns:
        Latencies from the scheduled moment to the answer; after an overload, of those
        answered until then.

    Raises:
        InputError: When there is no query or no worker.
        Exception: Whatever ``call`` raises, after every worker has ended.
    """
    if not arrivals or workers < 1 or max_waiting < 1:
        raise InputError(
            f"{len(arrivals)} queries for {workers} workers with {max_waiting} waiting; expected at least one of each"
        )
    run = _Run(call, arrivals, timer, max_waiting)
    run_workers(run.work, workers, run.stop)
    return merge(run.notes, run.start, run.reason)


class _Run:
    """What the workers of one run share."""

    def __init__(self, call: Call, arrivals: Sequence[int], timer: Timer, max_waiting: int) -> None:
        self.notes: list[Notes] = []
        self.reason: StopReason = "duration"
        self.start = timer.clock.now_ns() + LEAD_NS
        self._call, self._arrivals, self._timer, self._max_waiting = call, arrivals, timer, max_waiting
        self._lock = threading.Lock()
        self._next = 0
        self._is_stopped = False

    def stop(self) -> None:
        self._is_stopped = True

    def work(self) -> None:
        """One worker: take the next query, wait for it, answer it."""
        self.notes.append(own := Notes())
        now = self._timer.clock.now_ns
        while (index := self._take()) is not None:
            moment = self.start + self._arrivals[index]
            lateness = QUEUED
            if now() < moment:
                lateness = self._timer.wait_until(moment, lambda: self._is_stopped) - moment
                if self._is_stopped:
                    return
            answer = self._call(index)
            end = now()
            own.add(index, end - moment, lateness, end, answer)

    def _take(self) -> int | None:
        """The next query's number; None when there is none, or the system is overloaded."""
        with self._lock:
            index = self._next
            if self._is_stopped or index >= len(self._arrivals):
                return None
            behind = index + self._max_waiting
            if behind < len(self._arrivals) and self.start + self._arrivals[behind] <= self._timer.clock.now_ns():
                self.reason = "overload"
                self._is_stopped = True
                return None
            self._next += 1
            return index
