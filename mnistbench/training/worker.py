"""A process that trains jobs for another one, which it hears and tells through a pipe.

It leaves when there is nothing more to do, when it is asked to, and when it
notices that its parent is gone. Its messages are those of
:mod:`mnistbench.training.dispatch`.
"""

from __future__ import annotations

import contextlib
import pickle
import signal
import sys
import time
import traceback
from collections.abc import Callable, Generator
from multiprocessing.connection import Connection
from typing import Any, Protocol

import torch

from mnistbench.data.dataset import Dataset
from mnistbench.errors import BrokenDeviceError
from mnistbench.runtime.spawned import follow_parent
from mnistbench.training.dispatch import Message, Task
from mnistbench.training.executor import Sweep
from mnistbench.training.hardware import choose_device, keep_freed_memory
from mnistbench.training.job import FinishedRun, Job
from mnistbench.training.probe import check_device
from mnistbench.training.run import Event, StepsDone
from mnistbench.training.slots import Slot
from mnistbench.training.sweep import Observer
from mnistbench.training.together import Turns

SECONDS_BETWEEN_REPORTS = 0.2
"""Steps are told no more often: small networks take thousands a second."""


def work(connection: Connection[Any, Any], sweep: Sweep, slot: Slot) -> None:
    """A process's whole life: train the jobs that come through the pipe until ``None`` does.

    Args:
        connection: The pipe.
        sweep: What the jobs belong to; its own list of them is not looked at.
        slot: Where to train, and how many at once.
    """
    follow_parent()

    def send(message: Message) -> None:
        try:
            connection.send(message)
        except OSError:
            sys.exit(1)  # nobody listens any more

    try:
        prepare(slot)
        for _ in train_in_turns(connection, sweep.load(), sweep, slot, Reporter(send)):
            pass
    except (EOFError, ConnectionError):
        return  # the parent is gone
    except BrokenDeviceError as error:
        send(("unusable", "", str(error)))  # perhaps only for this process, which ends
    except Exception as error:  # noqa: BLE001  # the parent raises it
        send(("broken", "", portable_error(error)))
    finally:
        # The interpreter runs callbacks while it ends, in which an exception has no way out but to be printed.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


class Inbox(Protocol):
    """Where jobs come from; a pipe is one."""

    def poll(self) -> bool:
        """Whether something is there."""

    def recv(self) -> Task | None:
        """The next job, or ``None`` when there will be no more; waits for it."""


def prepare(slot: Slot) -> None:
    """Set up this process, and the thread that calls, for training in a slot.

    Raises:
        ProviderError: When its device cannot be used.
        BrokenDeviceError: When its device is there and does not compute.
    """
    check_device(choose_device(slot.device))
    torch.set_num_threads(slot.num_threads)
    keep_freed_memory()


def train_in_turns(
    inbox: Inbox, dataset: Dataset, sweep: Sweep, slot: Slot, reporter: Observer
) -> Generator[None, None, None]:
    """Train what comes; pauses as each job begins and after every few steps. Closed early, it holds no run any more.

    Args:
        inbox: Where jobs come from.
        dataset: What ``sweep`` loads.
        sweep: As for :func:`work`; whether to resume says each task.
        slot: As for :func:`work`.
        reporter: Told of everything.

    Raises:
        BrokenDeviceError: When its device computes no more.
    """
    turns = Turns(dataset, torch.device(slot.device), sweep.work_dir, reporter)
    more = True
    with contextlib.closing(turns):
        while more or len(turns):
            while more and len(turns) < slot.at_once and (not len(turns) or inbox.poll()):
                task = inbox.recv()
                if task is None:
                    more = False
                else:
                    job, resume = task
                    turns.add(job, resume=resume)
                    yield
            if len(turns):
                turns.step()
                yield


class Reporter:
    """An observer that turns what it is told into messages, of steps only now and then.

    Args:
        send: Gets each message.
        seconds_between: Steps are told no more often, however many jobs there are.
    """

    def __init__(self, send: Callable[[Message], None], seconds_between: float = SECONDS_BETWEEN_REPORTS) -> None:
        self._send, self._between = send, seconds_between
        self._last = -seconds_between

    def begin(self, job: Job) -> None:
        """A job is taken up."""
        self._send(("begun", job.key, None))

    def event(self, job: Job, event: Event) -> None:
        """Something happened in a job."""
        if isinstance(event, StepsDone):
            if time.monotonic() - self._last < self._between:
                return
            self._last = time.monotonic()
        self._send(("event", job.key, event))

    def finish(self, job: Job, run: FinishedRun) -> None:
        """A job has a result."""
        self._send(("finished", job.key, run))

    def fail(self, job: Job, reason: str) -> None:
        """A job stopped without one."""
        self._send(("failed", job.key, reason))


def portable_error(error: Exception) -> Exception:
    """An error that survives the pipe, with the place it came from as a note for ``--debug``."""
    trace = traceback.format_exc()
    try:
        kept = pickle.loads(pickle.dumps(error))  # noqa: S301  # made in this line
    except Exception:  # noqa: BLE001  # whatever an unknown class does
        kept = RuntimeError(f"{type(error).__name__}: {error}")
    portable: Exception = kept
    portable.add_note(f"in a worker process:\n{trace}")
    return portable
