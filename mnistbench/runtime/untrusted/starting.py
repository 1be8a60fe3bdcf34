"""Starts processes in a thread that lasts as long as this process.

Linux tells a process of its parent's end when the thread ends that started it.
A server loads models in threads that come and go, and its models must not go with them.
"""

from __future__ import annotations

import os
import queue
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import Future

Process = subprocess.Popen[bytes]
Task = tuple[Callable[[], Process], Future[Process]]


class Starter:
    """A thread that starts processes for others, itself started when first asked."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tasks: queue.SimpleQueue[Task] | None = None

    def start(self, open_process: Callable[[], Process]) -> Process:
        """What the function returns, called in that thread.

        Raises:
            Exception: What the function raises.
        """
        started: Future[Process] = Future()
        self._queue().put((open_process, started))
        try:
            return started.result()
        except BaseException:
            started.add_done_callback(_kill)  # interrupted: nobody would ever end it
            raise

    def _queue(self) -> queue.SimpleQueue[Task]:
        with self._lock:
            if self._tasks is None:
                self._tasks = queue.SimpleQueue()
                threading.Thread(target=_work, args=(self._tasks,), name="mnistbench-starter", daemon=True).start()
            return self._tasks


def start(open_process: Callable[[], Process]) -> Process:
    """As :meth:`Starter.start`, in the one thread of this process."""
    return _starter.start(open_process)


def _work(tasks: queue.SimpleQueue[Task]) -> None:
    while True:
        open_process, started = tasks.get()
        try:
            started.set_result(open_process())
        except BaseException as error:  # noqa: BLE001  # who asked raises it
            started.set_exception(error)
        del open_process, started  # else they would be held until the next process is started


def _kill(started: Future[Process]) -> None:
    if started.exception() is None:
        started.result().kill()


def _renew() -> None:
    """After a fork: the thread is the parent's."""
    global _starter  # noqa: PLW0603  # a process has one
    _starter = Starter()


_starter = Starter()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
