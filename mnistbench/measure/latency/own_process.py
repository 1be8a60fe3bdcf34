"""A function in a fresh process of this machine, which ends with this one however that ends.

Knows nothing of what is measured.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Generic, TypeVar

from mnistbench.errors import ProcessError, error_named
from mnistbench.runtime.spawned import follow_parent, interrupts_held_back

SECONDS_TO_LEAVE = 15.0
"""A process that was asked to end and has not by then is killed; longer than it waits for one of its own to die."""

Answer = TypeVar("Answer")
Task = TypeVar("Task")
OnPart = Callable[[Answer], None]
Function = Callable[[Task, OnPart[Answer]], Answer]


def in_own_process(function: Function[Task, Answer], task: Task, on_part: OnPart[Answer]) -> Answer:
    """Call a function in a process that has not touched a GPU, never sees Ctrl-C, and is ended when this one is left.

    Args:
        function: A function that ``pickle`` can name; it is given the task, and what to tell the answer to as far as
            it has it. When this process is interrupted, that one leaves by ``SystemExit`` and may tell it once more.
        task: What it is given.
        on_part: Gets what it tells.

    Raises:
        ProcessError: When it dies.
        MnistbenchError: The error that it raises, as what it is; of this class when it is none of ours.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(theirs, function, task), daemon=True)
    listener = _Listener(ours, on_part)
    try:
        with interrupts_held_back():
            process.start()
            theirs.close()  # so that its death is the end of the pipe
        return listener.answer()
    except EOFError:
        process.join()
        raise ProcessError(f"the process that measured it ended with status {process.exitcode}; repeat it") from None
    except KeyboardInterrupt:
        if process.pid is not None:
            process.terminate()
            listener.rest()
        raise
    finally:
        ours.close()  # or it might wait to be heard
        _end(process)


class _Listener(Generic[Answer]):
    """Hears what a process says through its pipe."""

    def __init__(self, connection: Connection[Any, Any], on_part: OnPart[Answer]) -> None:
        self._connection, self._on_part = connection, on_part
        self._is_between = True
        """Whether no message is read in part, after which the others would make no sense."""

    def answer(self) -> Answer:
        """Wait for the answer.

        Raises:
            EOFError: When the process ends without one.
            MnistbenchError: The error that it says instead.
        """
        while True:
            word, content = self._receive()
            if word == "part":
                self._on_part(content)
            elif word == "error":
                raise error_named(*content)
            else:
                answer: Answer = content
                return answer

    def rest(self) -> None:
        """Hear what it still tells while it leaves, if it leaves soon."""
        with contextlib.suppress(EOFError):
            while self._is_between and self._connection.poll(SECONDS_TO_LEAVE):
                word, content = self._receive()
                if word == "part":
                    self._on_part(content)

    def _receive(self) -> tuple[str, Any]:
        try:
            self._connection.poll(None)
            self._is_between = False
            message: tuple[str, Any] = self._connection.recv()
        except OSError:  # it died in the middle of a message
            raise EOFError from None
        self._is_between = True
        return message


def _end(process: BaseProcess) -> None:
    """See a process end, if it was started."""
    if process.pid is None:
        return
    process.terminate()
    process.join(SECONDS_TO_LEAVE)
    if process.exitcode is None:
        process.kill()
        process.join()


def _answer(connection: Connection[Any, Any], function: Function[Task, Answer], task: Task) -> None:
    """The process's whole life."""
    follow_parent()

    def say(word: str, content: object) -> None:
        try:
            connection.send((word, content))
        except OSError:
            sys.exit(1)  # nobody listens any more

    try:
        say("answer", function(task, lambda part: say("part", part)))
    except Exception as error:  # noqa: BLE001  # one GPU's trouble is not the others'
        say("error", (type(error).__name__, str(error) or type(error).__name__))
    finally:
        # As the interpreter ends, the exception would be printed.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
