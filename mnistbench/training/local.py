"""The engine that trains in the process that calls it: one job after another, or several in turns."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from mnistbench.training.executor import Sweep
from mnistbench.training.sweep import Observer, run_one_by_one
from mnistbench.training.together import run_together


@dataclass(frozen=True)
class LocalExecutor:
    """Trains in this process; as :class:`mnistbench.training.executor.Executor`.

    Attributes:
        device: For all jobs.
        at_once: Jobs in turns; only GPUs gain by it.
    """

    device: torch.device
    at_once: int = 1

    def train(self, sweep: Sweep, observer: Observer) -> None:
        """Train every job."""
        dataset, at_once = sweep.load(), min(self.at_once, len(sweep.jobs))
        if at_once <= 1:
            run_one_by_one(sweep.jobs, dataset, self.device, sweep.work_dir, resume=sweep.resume, observer=observer)
        else:
            run_together(
                sweep.jobs,
                dataset,
                self.device,
                sweep.work_dir,
                num_runs=at_once,
                resume=sweep.resume,
                observer=observer,
            )
