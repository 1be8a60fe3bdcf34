"""A process that trains jobs for another one, which it hears and tells through a pipe.

It leaves when there is nothing more to do, when it is asked to, and when it
notices that its parent is gone. Its messages are pairs of ``begun``, ``event``,
``finished``, ``failed`` or ``broken`` and what belongs to it.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from mnistbench.data.dataset import Dataset
from mnistbench.training.failures import JOB_ERRORS, reason_of
from mnistbench.training.hardware import keep_freed_memory
from mnistbench.training.run import Event, StepsDone, run_job

SECONDS_BETWEEN_REPORTS = 0.2
"""Steps are told no more often: small networks take thousands a second."""

Load = Callable[[], Dataset]
"""Loads the dataset in the process that calls it; a function that ``pickle`` can name."""


def work(
    connection: Connection[Any, Any],
    load: Load,
    device: torch.device,
    work_dir: Path,
    num_threads: int,
    resume: bool,
) -> None:
    """A process's whole life: train the jobs that come through the pipe until ``None`` does.

    Args:
        connection: The pipe.
        load: Gives the dataset.
        device: Where to train.
        work_dir: Folder for all runs.
        num_threads: Threads on the CPU, at most.
        resume: As for :func:`mnistbench.training.run.run_job`.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    # Leaves by an exception, so that no temporary file stays behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    reporter = Reporter(connection)
    try:
        torch.set_num_threads(num_threads)
        keep_freed_memory()
        dataset = load()
        while (job := connection.recv()) is not None:
            reporter.send("begun")
            try:
                run = run_job(job, dataset, device, work_dir, resume=resume, on_event=reporter)
            except JOB_ERRORS as error:
                reporter.send("failed", reason_of(job, error))
            else:
                reporter.send("finished", run)
    except (EOFError, ConnectionError):
        return  # the parent is gone
    except Exception as error:  # noqa: BLE001  # the parent raises it
        reporter.send("broken", portable_error(error))
    finally:
        # The interpreter runs callbacks while it ends, in which an exception has no way out but to be printed.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _leave_with_parent() -> None:
    """Wait for the parent's death, which may come in the middle of a long epoch, then end this process."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


class Reporter:
    """Tells the parent, and ends the process when nobody listens any more; call it with each event.

    Args:
        connection: The pipe.
    """

    def __init__(self, connection: Connection[Any, Any]) -> None:
        self._connection = connection
        self._last = -SECONDS_BETWEEN_REPORTS

    def send(self, kind: str, content: object = None) -> None:
        """Send one message."""
        try:
            self._connection.send((kind, content))
        except OSError:
            sys.exit(1)

    def __call__(self, event: Event) -> None:
        """Tell of an event, of steps only now and then."""
        if isinstance(event, StepsDone):
            if time.monotonic() - self._last < SECONDS_BETWEEN_REPORTS:
                return
            self._last = time.monotonic()
        self.send("event", event)


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
