"""What every engine that trains several jobs has in common: what it is given, and what it promises.

An engine decides where and when a job is trained and knows nothing else of it.
What became of a job stands in the files of its folder and nowhere else, so that
any engine can finish what another began. ``tests/training/test_executors.py``
holds every engine to the promises of :class:`Executor`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mnistbench.data.dataset import Dataset
from mnistbench.training.job import Job
from mnistbench.training.sweep import Observer

Load = Callable[[], Dataset]
"""Loads the dataset in the process that calls it; a function that ``pickle`` can name."""


@dataclass(frozen=True)
class Sweep:
    """Jobs to be trained, as plain data that can be sent to another process.

    Attributes:
        jobs: In the order in which they are taken up.
        load: Gives the dataset, wherever a job is trained.
        work_dir: Folder for all runs; of every machine, where there are several.
        resume: As for :func:`mnistbench.training.run.run_job`.
    """

    jobs: tuple[Job, ...]
    load: Load
    work_dir: Path
    resume: bool = True


class Executor(Protocol):
    """Somewhere to train jobs."""

    def train(self, sweep: Sweep, observer: Observer) -> None:
        """Train every job, and return when each has a result or a reason why it has none.

        Each job is begun once and ends once, as finished or failed; a job that
        fails does not stop the others. What was finished before is not trained
        again, and what was left half done goes on from its last epoch. Two
        drivers never train one run at the same time: its folder is locked.

        When this returns or raises, at Ctrl-C too, nothing that it started is
        left; when its own process is killed, what it started ends by itself.

        Args:
            sweep: The jobs.
            observer: Told of everything, from the thread that called.

        Raises:
            OSError: When no run at all could be written into the work folder.
            Exception: What is no fault of a job, such as a dataset that cannot be loaded.
        """
        ...
