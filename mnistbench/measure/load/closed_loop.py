"""Load that waits for its answers: single stream, multi stream, offline and paced.

The next query of a worker begins when its last one is answered, at once or
after a gap. Knows a call and a timer; nothing of models. How many images a
query has is the call's business: that is all that tells multi stream from
single stream, and several workers are what tells offline from them.
"""

from __future__ import annotations

import itertools

from mnistbench.errors import InputError
from mnistbench.measure.load.scenarios import Limits
from mnistbench.measure.load.timer import NANO, Timer
from mnistbench.measure.load.traffic import QUEUED, Call, Notes, StopReason, Traffic, merge
from mnistbench.measure.load.workers import run_workers


def run_closed_loop(call: Call, limits: Limits, timer: Timer, *, workers: int = 1, gap_seconds: float = 0.0) -> Traffic:
    """Send query after query from each worker until the limits are reached.

    A query's latency is that of the call. With a gap, lateness is by how much the
    gap was longer than asked; without one there is no moment to be late for.

    Args:
        call: The system.
        limits: When to stop; one query is sent even so.
        timer: Clock and sleep.
        workers: Threads that send at the same time.
        gap_seconds: Between an answer and the worker's next query.

    Raises:
        InputError: When there is no worker.
        Exception: Whatever ``call`` raises, after every worker has ended.
    """
    if workers < 1:
        raise InputError(f"{workers} workers; expected 1 or more")
    now = timer.clock.now_ns
    gap = round(gap_seconds * NANO)
    # next() of a count is one step to Python's threads; numbers are given out once.
    numbers = itertools.count()
    notes: list[Notes] = []
    stopped: list[StopReason] = []
    start = now()

    def is_stopped() -> bool:
        return bool(stopped)

    def work() -> None:
        notes.append(own := Notes())
        end = start
        is_first = True
        while not stopped:
            index = next(numbers)
            reason = _why_stop(index, (end - start) / NANO, limits)
            if reason is not None and index:
                stopped.append(reason)
                return
            lateness = QUEUED
            if gap and not is_first:
                if index and (end + gap - start) / NANO >= limits.max_seconds:
                    stopped.append("time")
                    return
                begin = timer.wait_until(end + gap, is_stopped)
                if stopped:
                    return
                lateness = max(0, begin - end - gap)
            is_first = False
            begin = now()
            answer = call(index)
            end = now()
            own.add(index, end - begin, lateness, end, answer)

    run_workers(work, workers, lambda: stopped.append("time"))
    return merge(notes, start, stopped[0])


def _why_stop(sent: int, elapsed: float, limits: Limits) -> StopReason | None:
    """Why no further query is sent, or None to go on."""
    if sent >= limits.max_queries:
        return "count"
    if sent >= limits.min_queries and elapsed >= limits.min_seconds:
        return "duration"
    return "time" if elapsed >= limits.max_seconds else None
