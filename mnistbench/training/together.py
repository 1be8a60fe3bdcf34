"""Several jobs at once on one GPU: a few steps of each in turns, each on a stream of its own.

One small network leaves most of a GPU idle; kernels of several run beside each
other. All in one process: processes would each need a CUDA context, and take
turns on the device instead of sharing it.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from mnistbench.data.dataset import Dataset
from mnistbench.training.failures import JOB_ERRORS, reason_of
from mnistbench.training.job import FinishedRun, Job
from mnistbench.training.run import job_steps
from mnistbench.training.sweep import Observer, check_writable, next_job


def run_together(
    jobs: Iterable[Job],
    dataset: Dataset,
    device: torch.device,
    work_dir: Path,
    *,
    num_runs: int,
    observer: Observer,
    resume: bool = True,
) -> None:
    """Train jobs in this process, several in turns; a job that fails is told, and the others go on.

    When this function ends, by an error or Ctrl-C too, no run is held any more.

    Args:
        jobs: In the order in which they are taken up.
        dataset: The images.
        device: For all of them.
        work_dir: Folder for all runs.
        num_runs: Jobs at once, at most.
        observer: Told of everything.
        resume: As for :func:`mnistbench.training.run.run_job`.

    Raises:
        OSError: When no run at all could be written into the work folder.
    """
    waiting, running, checked = deque(jobs), deque[_Turn](), False
    try:
        while True:
            while len(running) < num_runs and (job := next_job(waiting, work_dir, resume, observer)):
                if not checked:
                    check_writable(work_dir)
                    checked = True
                observer.begin(job)
                steps = job_steps(job, dataset, device, work_dir, resume=resume, on_event=partial(observer.event, job))
                running.append(_Turn(job, steps, _stream(device)))
            if not running:
                return
            turn = running.popleft()
            if turn.take(observer):
                running.append(turn)
    finally:
        for turn in running:
            turn.steps.close()


def _stream(device: torch.device) -> torch.cuda.Stream | None:
    if device.type != "cuda":
        return None
    stream: torch.cuda.Stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]  # torch has no stub for it
    return stream


@dataclass
class _Turn:
    """A job that is under way."""

    job: Job
    steps: Generator[None, None, FinishedRun]
    stream: torch.cuda.Stream | None

    def take(self, observer: Observer) -> bool:
        """Go on for a few steps; whether there are more to come."""
        try:
            with torch.cuda.stream(self.stream) if self.stream else contextlib.nullcontext():
                next(self.steps)
        except StopIteration as end:
            observer.finish(self.job, end.value)
        except BrokenPipeError:
            raise  # the observer's own output has no reader any more
        except JOB_ERRORS as error:
            observer.fail(self.job, reason_of(self.job, error))
        else:
            return True
        return False
