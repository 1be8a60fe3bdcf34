"""Several jobs side by side, in processes of their own.

Every process is started afresh (``spawn``), since torch does not survive a fork,
and has a pipe of its own to this one: a queue that all share would stay locked
for ever when one of them is killed while it writes.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch

from mnistbench.errors import ArtifactError
from mnistbench.files import check_writable
from mnistbench.locks import is_locked
from mnistbench.training.failures import reason_of
from mnistbench.training.job import Job, read_finished
from mnistbench.training.run import Now, utc_now
from mnistbench.training.states import read_run, write_failure
from mnistbench.training.sweep import Observer, next_job
from mnistbench.training.worker import Load, work

SECONDS_TO_LEAVE = 5.0
"""A worker that was asked to leave and has not by then is killed; what it saved is whole either way."""


def run_side_by_side(
    jobs: Sequence[Job],
    load: Load,
    device: torch.device,
    work_dir: Path,
    *,
    num_workers: int,
    observer: Observer,
    num_threads: int | None = None,
    resume: bool = True,
    now: Now = utc_now,
) -> None:
    """Train jobs in several processes, each one job at a time.

    A process that dies fails its job, and a fresh one takes its place. When this
    function ends, by an error or Ctrl-C too, so have all its processes; when this
    process is killed, they notice and leave.

    Args:
        jobs: In the order in which they are taken up.
        load: Loads the dataset in each process.
        device: For all of them.
        work_dir: Folder for all runs.
        num_workers: Processes at once, at most.
        num_threads: Threads of each on the CPU; by default, this process's shared out among them, at least one.
        observer: Told of everything.
        resume: As for :func:`mnistbench.training.run.run_job`.
        now: Says when a job failed whose process died.

    Raises:
        OSError: When no run at all could be written into the work folder.
        Exception: What a process raised that is no fault of its job.
    """
    if num_threads is None:
        # By the number of jobs and not of those left: a repeated command must give the same weights.
        num_threads = max(1, torch.get_num_threads() // max(1, min(num_workers, len(jobs))))
    arguments = (load, device, work_dir, num_threads, resume)
    waiting = deque(jobs)
    workers: list[_Worker] = []
    started: list[_Worker] = []
    whole = False
    try:
        while True:
            while len(workers) < num_workers and (job := next_job(waiting, work_dir, resume, observer)):
                if not started:
                    check_writable(work_dir / "training")
                workers.append(_start(job, arguments))
                started.append(workers[-1])
            if not workers:
                break
            ready = wait([worker.connection for worker in workers])
            for worker in [worker for worker in workers if worker.connection in ready]:
                if not _listen(worker, work_dir, resume, observer, now):
                    continue
                job = next_job(waiting, work_dir, resume, observer) if worker.process.is_alive() else None
                if not worker.give(job):
                    workers.remove(worker)
                    waiting.extendleft([job] if job else [])
        whole = True
    finally:
        _stop(started, ask=not whole)


@dataclass
class _Worker:
    """A process as seen from its parent, and the job it has."""

    process: BaseProcess
    connection: Connection[Any, Any]
    job: Job
    begun: bool = False

    def give(self, job: Job | None) -> bool:
        """Hand over the next job, or word that there is none; whether the process took a job."""
        try:
            self.connection.send(job)
        except OSError:
            return False
        if job is None:
            return False
        self.job, self.begun = job, False
        return True


def _start(job: Job, arguments: tuple[Any, ...]) -> _Worker:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=work, args=(theirs, *arguments), daemon=True)
    with _interrupts_held_back():
        process.start()
    # The only other end is now the process's own, so that its death is the end of the pipe.
    theirs.close()
    worker = _Worker(process, ours, job)
    worker.give(job)
    return worker


@contextlib.contextmanager
def _interrupts_held_back() -> Iterator[None]:
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


def _listen(worker: _Worker, work_dir: Path, resume: bool, observer: Observer, now: Now) -> bool:
    """Pass on one message; whether the worker is done with its job."""
    job = worker.job
    try:
        kind, content = worker.connection.recv()
    except (EOFError, OSError):
        worker.process.join()
        if not worker.begun:
            observer.begin(job)
        try:
            run = read_finished(job.folder(work_dir)) if resume else None
        except (ArtifactError, OSError) as error:
            observer.fail(job, reason_of(job, error))
            return True
        if run is not None:  # it died between its result and its word of it
            observer.finish(job, run)
        else:
            observer.fail(job, _note_death(job, work_dir, worker.process.exitcode, now))
        return True
    match kind:
        case "begun":
            worker.begun = True
            observer.begin(job)
        case "event":
            observer.event(job, content)
        case "finished":
            observer.finish(job, content)
        case "failed":
            observer.fail(job, content)
        case "broken":
            raise content
    return kind in ("finished", "failed")


def _note_death(job: Job, work_dir: Path, exitcode: int | None, now: Now) -> str:
    """Write ``failure.json`` for a process that could not; what is to be said of it."""
    end = f"ended with exit status {exitcode}"
    if exitcode is not None and exitcode < 0:
        end = f"was killed by {_signal_name(-exitcode)}"
        if exitcode == -9:
            end += ", as systems do when memory runs out"
    reason = f"the process that trained {job.network.name} {end}; its saved epochs are kept, repeat the command"
    folder = job.folder(work_dir)
    # A disk that takes no note must not end the other jobs.
    with contextlib.suppress(OSError):
        # Somebody else may have taken the run up by now; then nothing has failed there.
        if folder.is_dir() and not is_locked(folder):
            write_failure(folder, job, state="failed", error=reason, epoch=read_run(folder).epochs_done + 1, when=now())
    return reason


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _stop(workers: Iterable[_Worker], *, ask: bool) -> None:
    """See every process end; ``ask`` those that were not told that there is no more to do."""
    if ask:
        for worker in workers:
            worker.process.terminate()
    deadline = time.monotonic() + SECONDS_TO_LEAVE
    for worker in workers:
        worker.process.join(max(0.0, deadline - time.monotonic()))
        if worker.process.exitcode is None:
            worker.process.kill()
            worker.process.join()
        worker.connection.close()
        worker.process.close()
