"""A run that was stopped after its first epoch, and the same run finished: what checkpoints are damaged in."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

import torch
from kill_train_all import write_dataset

from mnistbench.catalog import find
from mnistbench.data import Dataset, load_dataset
from mnistbench.training.job import Job, make_job
from mnistbench.training.recipes import find_recipe
from mnistbench.training.run import EpochDone, Event, run_job


class _StoppedError(Exception):
    """Ends a run from outside."""


@dataclass(frozen=True)
class Runs:
    """The runs, and what trained them."""

    job: Job
    dataset: Dataset
    device: torch.device
    stopped_work: Path
    finished_work: Path

    @property
    def checkpoint(self) -> Path:
        """Tensors after the first epoch."""
        (file,) = self.job.folder(self.stopped_work).glob("epoch-0001-*.safetensors")
        return file

    @property
    def weights(self) -> bytes:
        """Of the finished run."""
        return (self.job.folder(self.finished_work) / "weights.safetensors").read_bytes()


def stopped_and_finished(folder: Path, name: str = "8-10") -> Runs:
    """Train a tiny network on drawn patterns, twice."""
    torch.set_num_threads(1)
    device = torch.device("cpu")
    dataset = load_dataset(write_dataset(folder / "digits", 0, {"train": 60, "t10k": 20}))
    job = make_job(
        find(name),
        find_recipe("default"),
        dataset=dataset.name,
        dataset_sha256=dataset.sha256,
        device="cpu",
        precision="float32",
        epochs=2,
        batch_size=20,
        learning_rate=0.01,
    )

    def stop(event: Event) -> None:
        if isinstance(event, EpochDone):
            raise _StoppedError

    with contextlib.suppress(_StoppedError):
        run_job(job, dataset, device, folder / "stopped", on_event=stop)
    run_job(job, dataset, device, folder / "finished")
    return Runs(job, dataset, device, folder / "stopped", folder / "finished")
