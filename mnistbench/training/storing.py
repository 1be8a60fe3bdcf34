"""Runs that go to a store as soon as they are finished, and come from it before anything is trained.

What a store is and what in it counts, :mod:`mnistbench.training.stores` knows.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

from mnistbench.errors import ArtifactError, MissingExtraError
from mnistbench.training.executor import Sweep
from mnistbench.training.job import FinishedRun, Job, read_finished
from mnistbench.training.run import Event
from mnistbench.training.stores import Store
from mnistbench.training.sweep import Observer


def fetch_all(store: Store, jobs: Iterable[Job], work_dir: Path) -> None:
    """Bring every job's run that the store has and the work folder has not.

    What is damaged here stays: whoever takes up the job tells of it.

    Raises:
        ArtifactError: When the store cannot be read.
        OSError: When the work folder cannot be written.
    """
    there = store.finished()
    for job in jobs:
        if job.key in there and not _is_taken(job.folder(work_dir)):
            store.fetch(job, work_dir)


def prepare_store(store: Store, sweep: Sweep) -> None:
    """Bring what need not be trained, and make sure that what is trained can be sent: before hours, and not after them.

    Raises:
        ArtifactError: When the store cannot be used.
        MissingExtraError: Without fsspec.
        OSError: When the work folder cannot be written.
    """
    if sweep.resume:
        fetch_all(store, sweep.jobs, sweep.work_dir)
    if not sweep.resume or not all(_is_taken(job.folder(sweep.work_dir)) for job in sweep.jobs):
        store.check_writable()


class Storing:
    """An observer that sends each finished run to a store before it tells another observer.

    A run that was trained where this process cannot see it is brought here. One
    that cannot be stored has failed: repeating the command sends it.

    Args:
        observer: Told of everything.
        store: Gets the runs.
        work_dir: Of this machine.
        replace: What is finished takes the place of an earlier run, here and in the store; as after ``--no-resume``.
    """

    def __init__(self, observer: Observer, store: Store, work_dir: Path, *, replace: bool = False) -> None:
        self._observer, self._store, self._work_dir, self._replace = observer, store, work_dir, replace

    def begin(self, job: Job) -> None:
        """A job is taken up."""
        self._observer.begin(job)

    def event(self, job: Job, event: Event) -> None:
        """Something happened in a job."""
        self._observer.event(job, event)

    def fail(self, job: Job, reason: str) -> None:
        """A job stopped without a result."""
        self._observer.fail(job, reason)

    def finish(self, job: Job, run: FinishedRun) -> None:
        """A job has a result, here or in the store."""
        try:
            here = self._find_here(job, run)
            if here is not None:
                self._store.put(job, here, replace=self._replace)
            run = here or self._bring(job, run)
        except (ArtifactError, MissingExtraError, OSError) as error:
            self._observer.fail(job, f"{job.network.name} is trained, but not stored: {error}")
        else:
            self._observer.finish(job, run)

    def _find_here(self, job: Job, run: FinishedRun) -> FinishedRun | None:
        """This very run in the work folder, if it has it; ``run`` may be in a folder of another machine."""
        with contextlib.suppress(ArtifactError):
            here = read_finished(job.folder(self._work_dir))
            if here is not None and here.result == run.result:
                return here
        return None

    def _bring(self, job: Job, run: FinishedRun) -> FinishedRun:
        wanted = run.result.weights_sha256 if self._replace else None
        fetched = self._store.fetch(job, self._work_dir, weights_sha256=wanted)
        if fetched is None:
            raise ArtifactError(
                f"{self._store.shown} has no whole run of {job.network.name} as it was trained; repeat the command"
            )
        return fetched


def _is_taken(folder: Path) -> bool:
    """Whether a folder has a finished run, or something damaged in its place."""
    try:
        return read_finished(folder) is not None
    except (ArtifactError, OSError):
        return True
