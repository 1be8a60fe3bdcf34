"""What runs in a process that Ray starts on a machine of a cluster: it trains jobs and streams messages.

Does not import Ray itself. A method that is a generator streams what it gives;
a second thread takes jobs meanwhile.
"""

from __future__ import annotations

import contextlib
import dataclasses
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mnistbench._version import __version__
from mnistbench.cache import user_cache_dir
from mnistbench.errors import ArtifactError, BrokenDeviceError, MissingExtraError, MnistbenchError, ProcessError
from mnistbench.training.dispatch import Message, Task
from mnistbench.training.executor import Sweep
from mnistbench.training.job import Job
from mnistbench.training.slots import Slot
from mnistbench.training.stores import Store
from mnistbench.training.storing import Storing
from mnistbench.training.sweep import Observer
from mnistbench.training.worker import Reporter, portable_error, prepare, train_in_turns

SECONDS_BETWEEN_STEPS_TOLD = 1.0
"""Hundreds of processes tell one driver."""

SECONDS_BETWEEN_BATCHES = 0.2
"""Of messages: each batch is an object of Ray's."""


@dataclass(frozen=True)
class Terms:
    """What a machine must meet to train for a driver.

    Attributes:
        address: The machine's, for messages.
        version: Of mnistbench.
        datasets: Hashes that the jobs are for.
        mark: A file in the work folder that the driver has just written.
        store: Where finished runs go when the machines share no work folder; the mark of the same name is then in it.
    """

    address: str
    version: str
    datasets: frozenset[str]
    mark: Path
    store: Store | None = None


class Trainer:
    """An actor; ``train`` is called once, and the others while it lasts."""

    def __init__(self) -> None:
        self._inbox = _Inbox()
        self._stopped = threading.Event()

    def give(self, task: Task) -> None:
        """Hand over a job."""
        self._inbox.tasks.put(task)

    def stop(self) -> None:
        """Leave at the next pause; what is saved stays."""
        self._stopped.set()
        self._inbox.tasks.put(None)

    def train(self, sweep: Sweep, slot: Slot, terms: Terms) -> Iterator[list[Message]]:
        """Train what is given; messages in batches, in their order."""
        said: list[Message] = []
        try:
            if __version__ != terms.version:
                raise ProcessError(
                    f"it has mnistbench {__version__}, and the driver {terms.version}; install the same everywhere"
                )
            if terms.store is not None:
                # Kept, so that this machine goes on where it stopped.
                sweep = dataclasses.replace(sweep, work_dir=user_cache_dir() / "runs")
                terms.store.check(terms.mark.name)  # before hours are trained, and not after them
                if sweep.resume:
                    self._inbox.before = partial(terms.store.fetch, work_dir=sweep.work_dir)
            elif not terms.mark.is_file():
                raise ProcessError(
                    f"it does not see the driver's work folder {sweep.work_dir}; "
                    "name one on a file system that all machines share (--work-dir), or a store (--results-to)"
                )
            prepare(slot)
            dataset = sweep.load()
            misfit = None
            if dataset.sha256 not in terms.datasets:
                misfit = f"{terms.address} has the dataset {dataset.sha256[:12]}, which is not the jobs'"
            yield [("ready", "", misfit)]
            told = time.monotonic()
            reporter: Observer = Reporter(said.append, SECONDS_BETWEEN_STEPS_TOLD)
            if terms.store is not None:
                reporter = Storing(reporter, terms.store, sweep.work_dir, replace=not sweep.resume)
            steps = train_in_turns(self._inbox, dataset, sweep, slot, reporter)
            with contextlib.closing(steps):
                for _ in steps:
                    # After the end of a job comes perhaps a long wait for another.
                    news = any(kind in ("begun", "finished", "failed") for kind, _key, _content in said)
                    if said and (news or time.monotonic() - told >= SECONDS_BETWEEN_BATCHES):
                        yield said.copy()
                        said.clear()
                        told = time.monotonic()
                    if self._stopped.is_set():
                        return
        except Exception as error:  # noqa: BLE001  # the driver raises it, or leaves this machine out
            yield [*said, _why(error, terms.address)]


def _why(error: Exception, address: str) -> Message:
    """What the driver is told of an error that is being handled."""
    if isinstance(error, BrokenDeviceError):
        return "unusable", "", f"{address}: {error}"
    if isinstance(error, MnistbenchError | OSError):
        return "broken", "", ProcessError(f"{address} cannot train: {error}")
    return "broken", "", portable_error(error)


class _Inbox:
    """Jobs that have come; as :class:`mnistbench.training.worker.Inbox`."""

    def __init__(self) -> None:
        self.tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self.before: Callable[[Job], object] | None = None

    def poll(self) -> bool:
        """Whether one is there."""
        return not self.tasks.empty()

    def recv(self) -> Task | None:
        """The next one; its run is first looked for elsewhere."""
        task = self.tasks.get()
        if task is not None and self.before is not None:
            with contextlib.suppress(ArtifactError, MissingExtraError, OSError):  # then it is trained
                self.before(task[0])
        return task
