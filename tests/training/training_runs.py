"""What the tests of training runs share: short runs, and ones that are stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import CONVOLUTIONAL, DENSE

from mnistbench.data.dataset import Dataset
from mnistbench.training.job import FinishedRun, Job
from mnistbench.training.run import EpochDone, Event, run_job

CPU = torch.device("cpu")
HERE = Path(__file__).parent
ROOT = HERE.parent.parent
FINISHED = ["job.json", "result.json", "weights.safetensors"]

each_kind = pytest.mark.parametrize("text", [DENSE, CONVOLUTIONAL])
each_recipe = pytest.mark.parametrize("recipe", ["default", "paper"])


class StoppedError(Exception):
    """What a test stops a run with."""


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def start(job: Job, dataset: Dataset, work_dir: Path, **keywords: Any) -> FinishedRun:
    return run_job(job, dataset, CPU, work_dir, **keywords)


def stop_after(job: Job, dataset: Dataset, work_dir: Path, epoch: int) -> None:
    """Train until an epoch is saved, then stop."""

    def stop(event: Event) -> None:
        if isinstance(event, EpochDone) and event.result.epoch == epoch:
            raise StoppedError

    with pytest.raises(StoppedError):
        start(job, dataset, work_dir, on_event=stop)
