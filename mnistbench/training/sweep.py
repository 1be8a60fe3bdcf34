"""Several jobs, one after another, and what every way to train several shares.

A job that fails is told and the others go on. Prints nothing; whoever watches is
an :class:`Observer`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Protocol

import torch

from mnistbench.data.dataset import Dataset
from mnistbench.errors import ArtifactError
from mnistbench.files import check_writable
from mnistbench.training.failures import JOB_ERRORS, reason_of
from mnistbench.training.job import FinishedRun, Job, read_finished
from mnistbench.training.probe import check_after
from mnistbench.training.run import Event, run_job
from mnistbench.training.states import tidy_finished


class Observer(Protocol):
    """Told of every job, always from the process and thread that called."""

    def begin(self, job: Job) -> None:
        """A job is taken up, be it only to find it finished."""

    def event(self, job: Job, event: Event) -> None:
        """Something happened in a job that was begun."""

    def finish(self, job: Job, run: FinishedRun) -> None:
        """A job has a result, now or from earlier."""

    def fail(self, job: Job, reason: str) -> None:
        """A job stopped without a result."""


def run_one_by_one(
    jobs: Iterable[Job],
    dataset: Dataset,
    device: torch.device,
    work_dir: Path,
    *,
    observer: Observer,
    resume: bool = True,
) -> None:
    """Train jobs in this process, in order; arguments as for :func:`mnistbench.training.run.run_job`.

    Raises:
        OSError: When no run at all could be written into the work folder.
        BrokenDeviceError: When the device computes no more.
    """
    waiting, checked = deque(jobs), False
    while job := next_job(waiting, work_dir, resume, observer):
        if not checked:
            check_writable(work_dir / "training")
            checked = True
        observer.begin(job)
        try:
            run = run_job(job, dataset, device, work_dir, resume=resume, on_event=partial(observer.event, job))
        except BrokenPipeError:
            raise  # the observer's own output has no reader any more
        except JOB_ERRORS as error:
            check_after(error, device)
            observer.fail(job, reason_of(job, error))
        else:
            observer.finish(job, run)


def next_job(waiting: deque[Job], work_dir: Path, resume: bool, observer: Observer) -> Job | None:
    """The next job with something to do; what is finished needs no process, and what cannot be read fails."""
    while waiting:
        job = waiting.popleft()
        try:
            run = read_finished(job.folder(work_dir)) if resume else None
        except (ArtifactError, OSError) as error:
            observer.begin(job)
            observer.fail(job, reason_of(job, error))
            continue
        if run is None:
            return job
        tidy_finished(run.folder)
        observer.begin(job)
        observer.finish(job, run)
    return None
