"""Runs the same work in several threads, and leaves none behind.

Knows nothing of what the work is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable


def run_workers(work: Callable[[], None], count: int, stop: Callable[[], None]) -> None:
    """Run ``work`` in ``count`` threads at once and wait for all of them.

    A single worker is the calling thread itself: nothing is handed over.

    Args:
        work: Returns soon after ``stop`` was called.
        count: From 1.
        stop: Called when one of them raises, or the wait is interrupted; may be called again.

    Raises:
        BaseException: The first that any of them raised, after all have ended; that of the
            waiting thread, such as ``KeyboardInterrupt``, comes before theirs.
    """
    if count == 1:
        work()
        return
    failures: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 -- handed to the caller, whatever it is
            failures.append(error)
            stop()

    threads: list[threading.Thread] = []
    try:
        for number in range(count):
            thread = threading.Thread(target=guarded, name=f"load worker {number + 1}")
            thread.start()
            threads.append(thread)
        for thread in threads:
            thread.join()
    except BaseException:
        stop()
        for thread in threads:
            thread.join()
        raise
    if failures:
        raise failures[0]
