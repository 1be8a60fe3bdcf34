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
from mnistbench.errors import BrokenDeviceError
from mnistbench.files import check_writable
from mnistbench.training.captured import new_stream
from mnistbench.training.failures import JOB_ERRORS, reason_of
from mnistbench.training.hardware import choose_num_threads, use_threads
from mnistbench.training.job import FinishedRun, Job
from mnistbench.training.loop import SECONDS_BETWEEN_LOOKS
from mnistbench.training.probe import check_after
from mnistbench.training.run import job_steps
from mnistbench.training.slots import MOST_ON_A_GPU
from mnistbench.training.sweep import Observer, next_job


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
        BrokenDeviceError: When the device computes no more.
    """
    waiting, checked = deque(jobs), False
    if device.type == "cuda":
        num_runs = min(num_runs, MOST_ON_A_GPU)
    with contextlib.closing(Turns(dataset, device, work_dir, observer)) as turns:
        while True:
            while len(turns) < num_runs and (job := next_job(waiting, work_dir, resume, observer)):
                if not checked:
                    check_writable(work_dir / "training")
                    checked = True
                turns.add(job, resume=resume)
            if not len(turns):
                return
            turns.step()


class Turns:
    """Jobs under way in this process; each gets on by a few steps when it is its turn.

    Args:
        dataset: The images.
        device: For all jobs.
        work_dir: Folder for all runs.
        observer: Told of everything.
    """

    def __init__(self, dataset: Dataset, device: torch.device, work_dir: Path, observer: Observer) -> None:
        self._dataset, self._device, self._work_dir = dataset, device, work_dir
        self._observer = observer
        self._running: deque[_Turn] = deque()

    def __len__(self) -> int:
        return len(self._running)

    def add(self, job: Job, *, resume: bool) -> None:
        """Begin a job; ``resume`` as for :func:`mnistbench.training.run.run_job`."""
        self._observer.begin(job)
        told = partial(self._observer.event, job)
        steps = job_steps(job, self._dataset, self._device, self._work_dir, resume=resume, on_event=told)
        self._running.append(_Turn(job, steps, new_stream(self._device) if self._device.type == "cuda" else None))

    def step(self) -> None:
        """Let the next job get on, or rest a moment when all of them wait for other processes.

        Raises:
            BrokenDeviceError: When the device computes no more; no run is held then.
        """
        # It stays in the list meanwhile, so that whatever happens it is closed.
        try:
            more = self._running[0].take(self._observer, self._device)
        except BrokenDeviceError:
            for turn in self._running:
                # Nor does a broken device let go of anything without an error.
                with contextlib.suppress(RuntimeError):
                    turn.steps.close()
            self._running.clear()
            raise
        if more:
            self._running.rotate(-1)
        else:
            self._running.popleft()
        if self._running and not any(turn.got_on for turn in self._running):
            time.sleep(SECONDS_BETWEEN_LOOKS)

    def close(self) -> None:
        """Hold no run any more."""
        for turn in self._running:
            turn.steps.close()


@dataclass
class _Turn:
    """A job that is under way."""

    job: Job
    steps: Generator[bool, None, FinishedRun]
    stream: torch.cuda.Stream | None
    got_on: bool = True

    def take(self, observer: Observer, device: torch.device) -> bool:
        """Go on for a few steps; whether there are more to come."""
        threads = choose_num_threads(self.job.network.spec, torch.get_num_threads())
        try:
            # As for a job by itself: with other threads, sums on the CPU may be rounded otherwise.
            with torch.cuda.stream(self.stream) if self.stream else use_threads(threads):
                self.got_on = next(self.steps)
        except StopIteration as end:
            observer.finish(self.job, end.value)
        except BrokenPipeError:
            raise  # the observer's own output has no reader any more
        except JOB_ERRORS as error:
            check_after(error, device)
            observer.fail(self.job, reason_of(self.job, error))
        else:
            return True
        return False
