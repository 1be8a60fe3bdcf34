"""A function in a fresh process of this machine, which ends with this one however that ends.

Knows nothing of what is measured.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from mnistbench.errors import ProcessError
from mnistbench.runtime.spawned import follow_parent, interrupts_held_back

SECONDS_TO_LEAVE = 15.0
"""A process that was asked to end and has not by then is killed; longer than it waits for one of its own to die."""

Answer = TypeVar("Answer")
Task = TypeVar("Task")


def in_own_process(function: Callable[[Task], Answer], task: Task) -> Answer:
    """Call a function in a process that has not touched a GPU, never sees Ctrl-C, and is ended when this one is left.

    Args:
        function: A function that ``pickle`` can name.
        task: What it is given.

    Raises:
        ProcessError: When it raises an error or dies.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(theirs, function, task), daemon=True)
    try:
        with interrupts_held_back():
            process.start()
            theirs.close()  # so that its death is the end of the pipe
        try:
            answer, error = ours.recv()
        except (EOFError, OSError):
            process.join()
            raise ProcessError(
                f"the process that measured it ended with status {process.exitcode}; repeat it"
            ) from None
    finally:
        _end(process)
        ours.close()
    if error is not None:
        raise ProcessError(error)
    given: Answer = answer
    return given


def _end(process: BaseProcess) -> None:
    """See a process end, if it was started."""
    if process.pid is None:
        return
    process.terminate()
    process.join(SECONDS_TO_LEAVE)
    if process.exitcode is None:
        process.kill()
        process.join()


def _answer(connection: Connection[Any, Any], function: Callable[[Task], Answer], task: Task) -> None:
    """The process's whole life."""
    follow_parent()

    def send(answer: Answer | None, error: str | None) -> None:
        try:
            connection.send((answer, error))
        except OSError:
            sys.exit(1)  # nobody listens any more

    try:
        send(function(task), None)
    except Exception as error:  # noqa: BLE001  # one GPU's trouble is not the others'
        send(None, str(error) or type(error).__name__)
    finally:
        # As the interpreter ends, the exception would be printed.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
