"""One run of training that several processes train at once, and what may be seen of it at any moment."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import torch
from kill_train_all import damage

from mnistbench.catalog import find
from mnistbench.data import Dataset, load_dataset
from mnistbench.errors import ArtifactError
from mnistbench.training.checkpoint import read_checkpoint
from mnistbench.training.job import Job, make_job
from mnistbench.training.recipes import find_recipe
from mnistbench.training.run import run_job

EPOCHS = 40
CPU = torch.device("cpu")
FINISHED = ["job.json", "result.json", "weights.safetensors"]


@functools.cache
def _job(folder: Path) -> tuple[Job, Dataset]:
    torch.set_num_threads(1)
    dataset = load_dataset(folder / "digits")
    job = make_job(
        find("8-10"),
        find_recipe("paper"),  # keeps its best weights too
        dataset=dataset.name,
        dataset_sha256=dataset.sha256,
        device="cpu",
        precision="float32",
        epochs=EPOCHS,
        batch_size=100,
    )
    return job, dataset


def train(folder: Path, work_dir: Path) -> str:
    """Train the run on a folder's digits to its end; the hash of its weights."""
    job, dataset = _job(folder)
    return run_job(job, dataset, CPU, work_dir).result.weights_sha256


def torn(folder: Path, work_dir: Path) -> list[str]:
    """Why the checkpoint of the moment cannot be read."""
    job, _ = _job(folder)
    try:
        read_checkpoint(job.folder(work_dir), job)
    except ArtifactError as error:
        return [str(error)]
    return []


def wrong(folder: Path, work_dir: Path) -> list[str]:
    """What is not as one process alone leaves it."""
    job, _ = _job(folder)
    run = job.folder(work_dir)
    names = sorted(path.name for path in run.iterdir())
    problems = damage(work_dir) + ([] if names == FINISHED else [f"files: {names}"])
    if names == FINISHED:
        epochs = [entry["epoch"] for entry in json.loads((run / "result.json").read_bytes())["history"]]
        if epochs != list(range(1, EPOCHS + 1)):
            problems.append(f"epochs: {epochs}")
        if json.loads((run / "result.json").read_bytes())["weights_sha256"] != train(folder, folder / "alone"):
            problems.append("other weights than of one process alone")
    return problems
