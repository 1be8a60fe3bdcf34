"""A process that :mod:`multiprocessing` has spawned: it ends with its parent, and leaves it what Ctrl-C means.

Its flag ``daemon`` ends it only when the parent leaves in order, not when that is killed.
Knows nothing of what the process does.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def interrupts_held_back() -> Iterator[None]:
    """Start a process that never sees Ctrl-C, which a terminal sends to all; this one sees it afterwards."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # or it starts inside, and lets interrupts through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def follow_parent() -> None:
    """Leave this process by ``SystemExit`` when it is asked to end or its parent is gone; call it first.

    Ctrl-C is ignored: the parent decides what it means. Set ``SIGTERM`` back to its default before the interpreter
    ends: it runs callbacks then, in which an exception has no way out but to be printed.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # By an exception, so that no temporary file and no process of its own stays behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    threading.Thread(target=_leave_with_parent, name="mnistbench-parent", daemon=True).start()


def _leave_with_parent() -> None:
    """Wait for the parent's death, which may come in the middle of long work, then end this process."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
