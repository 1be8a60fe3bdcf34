"""What the doctor knows before anything is run on a device, and what is to be run there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mnistbench import catalog
from mnistbench.artifacts import read_manifest
from mnistbench.errors import ArtifactError
from mnistbench.measure.doctor.answers import Installed
from mnistbench.measure.doctor.ask import Ask
from mnistbench.precisions import PLAIN
from mnistbench.results import Environment, Finding

IDENTITY = "identity"
"""What is run where there is no model: it does nothing."""

SMALL = "lenet5"


@dataclass(frozen=True)
class Patient:
    """What is known before anything is run."""

    ask: Ask
    """Answers questions, each in a process of its own."""
    models: Mapping[str, Path | None]
    """Names and files; ``None`` for the model that does nothing."""
    installed: Installed | None
    """What onnxruntime has; ``None`` when it could not say."""
    num_gpus: int | None
    """NVIDIA GPUs that CUDA sees; ``None`` when the driver could not say."""
    environment: Environment
    extras: Mapping[str, Finding]
    """Finding on each extra, by its name."""
    gpus_hidden: bool = False
    """Whether the user chose which GPUs CUDA sees."""


def choose_models(zoo: Path) -> dict[str, Path | None]:
    """LeNet-5 and the largest model of a zoo, which have every operator of ours; the identity where there is none."""
    try:
        plain = [entry for entry in read_manifest(zoo) if entry.precision == PLAIN]
        entries = [entry for entry in plain if (zoo / Path(entry.file).name).is_file()]
    except ArtifactError:
        entries = []
    small = [entry for entry in entries if entry.name == catalog.find(SMALL).name]
    largest = sorted(entries, key=lambda entry: entry.num_parameters)[-1:]
    chosen: dict[str, Path | None] = {entry.name: zoo / Path(entry.file).name for entry in small + largest}
    return chosen or {IDENTITY: None}
