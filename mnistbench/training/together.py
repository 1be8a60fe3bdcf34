"""Several jobs at once on one GPU: a few steps of each in turns, each on a stream of its own.

One small network leaves most of a GPU idle; kernels of several run beside each
other. All in one process: processes would each need a CUDA context, and take
turns on the device instead of sharing it.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from mnistbench.data.dataset import Dataset
from mnistbench.files import check_writable
from mnistbench.training.captured import new_stream
from mnistbench.training.failures import JOB_ERRORS, reason_of
from mnistbench.training.job import FinishedRun, Job
from mnistbench.training.loop import SECONDS_BETWEEN_LOOKS
from mnistbench.training.run import job_steps
from mnistbench.training.sweep import Observer, next_job

MOST_ON_A_GPU = 16
"""Runs in turns: torch has 32 streams for a device, and two graphs must never share one."""


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
        num_runs: Jobs at once, at most; on a GPU never more than ``MOST_ON_A_GPU``.
        observer: Told of everything.
        resume: As for :func:`mnistbench.training.run.run_job`.

    Raises:
        OSError: When no run at all could be written into the work folder.
    """
    waiting, running, checked = deque(jobs), deque[_Turn](), False
    if device.type == "cuda":
        num_runs = min(num_runs, MOST_ON_A_GPU)
    try:
        while True:
            while len(running) < num_runs and (job := next_job(waiting, work_dir, resume, observer)):
                if not checked:
                    check_writable(work_dir / "training")
                    checked = True
                observer.begin(job)
                steps = job_steps(job, dataset, device, work_dir, resume=resume, on_event=partial(observer.event, job))
                running.append(_Turn(job, steps, new_stream(device) if device.type == "cuda" else None))
            if not running:
                return
            # It stays in the list meanwhile, so that whatever happens it is closed.
            if running[0].take(observer):
                running.rotate(-1)
            else:
                running.popleft()
            if running and not any(turn.got_on for turn in running):
                time.sleep(SECONDS_BETWEEN_LOOKS)
    finally:
        for turn in running:
            turn.steps.close()


@dataclass
class _Turn:
    """A job that is under way."""

    job: Job
    steps: Generator[bool, None, FinishedRun]
    stream: torch.cuda.Stream | None
    got_on: bool = True

    def take(self, observer: Observer) -> bool:
        """Go on for a few steps; whether there are more to come."""
        try:
            with torch.cuda.stream(self.stream) if self.stream else contextlib.nullcontext():
                self.got_on = next(self.steps)
        except StopIteration as end:
            observer.finish(self.job, end.value)
        except BrokenPipeError:
            raise  # the observer's own output has no reader any more
        except JOB_ERRORS as error:
            observer.fail(self.job, reason_of(self.job, error))
        else:
            return True
        return False
