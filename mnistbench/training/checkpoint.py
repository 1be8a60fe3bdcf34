"""A resumable state on disk after every epoch: tensors in safetensors, the rest in JSON.

``state.json`` is written last and names the tensor files with their hashes, so
that a kill at any moment leaves either the old state or the new one. No two
states share a file, so that this is true even where two processes train one run.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor

from mnistbench.errors import ArtifactError
from mnistbench.files import atomic_write, read_json, write_json
from mnistbench.results import SCHEMA_VERSION, EpochResult
from mnistbench.training.job import Job, key_of
from mnistbench.training.states import STATE_FILE, remove_tensors, tensors_named
from mnistbench.training.writers import is_of_epoch, tensor_file, writing


@dataclass(frozen=True)
class Checkpoint:
    """The state of a run after an epoch.

    Attributes:
        history: One entry for each epoch done.
        tensors: What :meth:`Trainer.state` gave after the last of them.
        best_epoch: Epoch with the fewest errors so far, where the recipe takes the best.
        best_weights: The weights after that epoch.
    """

    history: tuple[EpochResult, ...]
    tensors: dict[str, Tensor]
    best_epoch: int | None = None
    best_weights: dict[str, Tensor] | None = None


def write_checkpoint(folder: Path, job: Job, checkpoint: Checkpoint) -> None:
    """Write a checkpoint, then remove the tensor files of the one before.

    Raises:
        OSError: When the folder cannot be written; the checkpoint before it then still stands.
    """
    before, epoch = tensors_named(folder), len(checkpoint.history)
    with writing() as writer:
        files = {"tensors": _write_tensors(folder / tensor_file("epoch", epoch, writer), checkpoint.tensors, {})}
        if checkpoint.best_weights is not None:
            assert checkpoint.best_epoch is not None
            best = folder / tensor_file("best", epoch, writer)
            files["best"] = _write_tensors(best, checkpoint.best_weights, before)
        document = {
            "schema_version": SCHEMA_VERSION,
            "kind": "checkpoint",
            "job": job.as_dict(),
            "history": [dataclasses.asdict(entry) for entry in checkpoint.history],
            "best_epoch": checkpoint.best_epoch,
            "files": files,
        }
        write_json(folder / STATE_FILE, document)
    remove_tensors(folder, done_with=before)


def read_checkpoint(folder: Path, job: Job) -> Checkpoint | None:
    """The checkpoint in a folder, or ``None`` when there is none.

    Raises:
        ArtifactError: When it is damaged or of another configuration.
    """
    file = folder / STATE_FILE
    document: Any = None
    try:
        while True:
            before = document
            try:
                document = read_json(file)
            except FileNotFoundError:
                return None
            try:
                return _checkpoint_in(folder, job, document)
            except FileNotFoundError:
                # Where locks have no effect, another process may have got on meanwhile.
                if document == before:
                    raise
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        ArtifactError,
        safetensors.SafetensorError,
    ) as error:
        raise ArtifactError(f"{file} is damaged: {error}; start over with --no-resume") from None


def _checkpoint_in(folder: Path, job: Job, document: Any) -> Checkpoint:
    """The checkpoint that a document tells of, which may be anything."""
    if document["schema_version"] != SCHEMA_VERSION or key_of(document["job"]) != job.key:
        raise ArtifactError("it is of another configuration")
    files, best_epoch = document["files"], document["best_epoch"]
    history = tuple(EpochResult(**entry) for entry in document["history"])
    if not history or [entry.epoch for entry in history] != list(range(1, min(len(history), job.epochs) + 1)):
        raise ArtifactError(f"its history does not have the first of {job.epochs} epochs in their order")
    if not is_of_epoch(files["tensors"]["file"], len(history)):
        raise ArtifactError(f"its history of {len(history)} epochs does not fit {files['tensors']['file']!r:.60}")
    if ("best" in files) != (best_epoch is not None) or best_epoch not in (None, *range(1, len(history) + 1)):
        raise ArtifactError(f"its best epoch {best_epoch!r:.60} does not fit its files and its {len(history)} epochs")
    return Checkpoint(
        history=history,
        tensors=_read_tensors(folder, files["tensors"]),
        best_epoch=best_epoch,
        best_weights=_read_tensors(folder, files["best"]) if "best" in files else None,
    )


def _write_tensors(file: Path, tensors: dict[str, Tensor], before: Mapping[str, str]) -> dict[str, Any]:
    """Write a new file, or give a second name to one of the checkpoint before that holds the same."""
    content = safetensors.torch.save(tensors)
    digest = hashlib.sha256(content).hexdigest()
    # The best weights are the same for many epochs.
    if not any(_linked(file.with_name(name), file, digest) for name, known in before.items() if known == digest):
        atomic_write(file, content)
    return {"file": file.name, "sha256": digest}


def _linked(old: Path, new: Path, digest: str) -> bool:
    """Make a second name of a file that has a hash, as young as a new file; whether that could be done."""
    try:
        if hashlib.sha256(old.read_bytes()).hexdigest() != digest:
            return False
        os.link(old, new)
        os.utime(new)
    except OSError:  # not every file system has links
        return False
    return True


def _read_tensors(folder: Path, entry: dict[str, Any]) -> dict[str, Tensor]:
    name = entry["file"]
    if Path(name).name != name:
        raise ArtifactError(f"it names a file outside its folder: {name!r:.60}")
    content = (folder / name).read_bytes()
    if hashlib.sha256(content).hexdigest() != entry["sha256"]:
        raise ArtifactError(f"{name} does not have the hash that was written down")
    tensors: dict[str, Tensor] = safetensors.torch.load(content)
    return tensors
