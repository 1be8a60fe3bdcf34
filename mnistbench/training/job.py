"""One training run: everything that decides its weights, the hash of that, and its folder.

The same configuration always has the same folder, so that repeating a command
does only what is missing. Knows nothing of torch.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mnistbench.catalog import Network
from mnistbench.errors import ArtifactError, TrainingError
from mnistbench.files import read_json
from mnistbench.results import TrainingResult
from mnistbench.training.recipes import INITIALIZATIONS, Initialization, Recipe

REVISION = 1
"""Raised whenever a change in ``training`` changes the weights that a configuration gives.

Not raised for the recorded step of GPUs, whose rate is rounded to float32: no run on a GPU had been published.
"""

LATER_FIELDS = {"initialization": "torch", "max_rotation": 0.0, "max_scaling": 0.0}
"""Fields of a configuration that came after the first runs, and what these did without a choice."""

MAX_SHIFT = 8
"""Pixels; beyond that parts of most digits leave the field."""

MAX_EPOCHS = 10_000
"""Far beyond the last epoch in which any of these networks still learns."""

MAX_ROTATION = 45.0
"""Degrees; beyond that digits turn into others."""

MAX_SCALING = 0.5
"""At which a digit becomes twice as wide, and leaves the field."""

MAX_SEED = 2**32 - 1

Precision = Literal["float32", "bfloat16"]


@dataclass(frozen=True)
class Job:
    """A complete training configuration.

    The number of threads is no part of it: with another one the sums of the CPU
    may be rounded otherwise, and weights differ in their last bits.

    Attributes:
        recipe: Name of the recipe; the values it stands for are the fields below.
        betas, max_shift, label_smoothing, initialization, max_rotation, max_scaling: As in
            :mod:`mnistbench.training.recipes`.
        device: Kind of device, ``cpu`` or ``cuda``: its arithmetic is part of the result.
        evaluated_on: ``test``, or ``validation`` when training images are held out.
    """

    network: Network
    recipe: str
    optimizer: str
    betas: tuple[float, float]
    weight_decay: float
    schedule: Literal["constant", "one_cycle"]
    selection: str
    epochs: int
    learning_rate: float
    max_shift: int
    label_smoothing: float
    batch_size: int
    seed: int
    device: str
    precision: Precision
    dataset: str
    dataset_sha256: str
    evaluated_on: str
    initialization: Initialization = "torch"
    max_rotation: float = 0.0
    max_scaling: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """JSON types; what :func:`key_of` makes the key from."""
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "network"}
        fields["betas"] = list(self.betas)
        return {"revision": REVISION, "name": self.network.name, **self.network.spec.as_dict(), **fields}

    @property
    def key(self) -> str:
        """Twelve hexadecimal digits that stand for the whole configuration."""
        return key_of(self.as_dict())

    def folder(self, work_dir: Path) -> Path:
        """Where this run keeps its files below the work directory."""
        return work_dir / "training" / self.network.name / self.key


def key_of(document: Mapping[str, Any]) -> str:
    """The hash of a configuration, as :meth:`Job.as_dict` gives it or an earlier version did."""
    # A field that came later counts only where it departs from what was so before: earlier runs keep their hash.
    counted = {key: value for key, value in document.items() if LATER_FIELDS.get(key, ...) != value}
    canonical = json.dumps(counted, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def make_job(
    network: Network,
    recipe: Recipe,
    *,
    dataset: str,
    dataset_sha256: str,
    device: str,
    precision: Precision,
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    max_shift: int | None = None,
    label_smoothing: float | None = None,
    initialization: Initialization | None = None,
    max_rotation: float | None = None,
    max_scaling: float | None = None,
    seed: int = 0,
    evaluated_on: str = "test",
) -> Job:
    """The run of one network with a recipe; ``None`` takes what the recipe says.

    Raises:
        TrainingError: When a number is out of range.
    """
    settings = recipe.settings(network.spec)
    job = Job(
        network=network,
        recipe=recipe.name,
        optimizer=recipe.optimizer,
        betas=recipe.betas,
        weight_decay=recipe.weight_decay,
        schedule=recipe.schedule,
        # Without a look at the test set there is no best epoch on it.
        selection="last" if evaluated_on != "test" else recipe.selection,
        epochs=settings.epochs if epochs is None else epochs,
        learning_rate=float(settings.learning_rate if learning_rate is None else learning_rate),
        max_shift=settings.max_shift if max_shift is None else max_shift,
        # Adding zero makes -0.0 the 0.0 that it equals, which has another spelling and so another hash.
        label_smoothing=float(settings.label_smoothing if label_smoothing is None else label_smoothing) + 0.0,
        batch_size=recipe.batch_size if batch_size is None else batch_size,
        seed=seed,
        device=device,
        precision=precision,
        dataset=dataset,
        dataset_sha256=dataset_sha256,
        evaluated_on=evaluated_on,
        initialization=settings.initialization if initialization is None else initialization,
        max_rotation=float(settings.max_rotation if max_rotation is None else max_rotation) + 0.0,
        max_scaling=float(settings.max_scaling if max_scaling is None else max_scaling) + 0.0,
    )
    for name, value, least in (("epochs", job.epochs, 1), ("batch size", job.batch_size, 1), ("seed", job.seed, 0)):
        if value < least:
            raise TrainingError(f"{name} {value} is too small; expected {least} or more")
    for name, value, most in (("epochs", job.epochs, MAX_EPOCHS), ("seed", job.seed, MAX_SEED)):
        if value > most:
            raise TrainingError(f"{name} {value} is too large; expected {most} or less")
    if not 0 < job.learning_rate < float("inf"):
        raise TrainingError(f"learning rate {job.learning_rate} is out of range; expected a positive number")
    if not 0 <= job.max_shift <= MAX_SHIFT:
        raise TrainingError(f"shift {job.max_shift} is out of range; expected 0 to {MAX_SHIFT} pixels")
    if not 0 <= job.max_rotation <= MAX_ROTATION:
        raise TrainingError(f"rotation {job.max_rotation} is out of range; expected 0 to {MAX_ROTATION:g} degrees")
    if not 0 <= job.max_scaling <= MAX_SCALING:
        raise TrainingError(f"scaling {job.max_scaling} is out of range; expected 0 to {MAX_SCALING:g}")
    if job.initialization not in INITIALIZATIONS:
        raise TrainingError(
            f"unknown initialization {job.initialization!r}; expected one of {', '.join(INITIALIZATIONS)}"
        )
    if not 0 <= job.label_smoothing < 1:
        raise TrainingError(f"label smoothing {job.label_smoothing} is out of range; expected 0 to less than 1")
    return job


@dataclass(frozen=True)
class FinishedRun:
    """A run that ended well: its folder, its result and its weights."""

    folder: Path
    result: TrainingResult

    @property
    def weights(self) -> Path:
        """Safetensors file with one float32 tensor a parameter."""
        return self.folder / "weights.safetensors"


def read_finished(folder: Path) -> FinishedRun | None:
    """The finished run in a folder, or ``None`` when there is none.

    Raises:
        ArtifactError: When its result cannot be read.
    """
    file = folder / "result.json"
    if not file.is_file() or not (folder / "weights.safetensors").is_file():
        return None
    try:
        return FinishedRun(folder, TrainingResult.from_dict(read_json(file)))
    except (OSError, ValueError, ArtifactError) as error:
        raise ArtifactError(f"{file} is damaged ({error}); delete the folder {folder} and train again") from None


def find_finished(
    work_dir: Path, name: str, *, seed: int | None = None, recipe: str | None = None
) -> FinishedRun | None:
    """The newest finished run of a network, or ``None``.

    Args:
        work_dir: Folder that holds ``training/``.
        name: Stable name of the network.
        seed: Only runs with this seed.
        recipe: Only runs with this recipe.

    Raises:
        ArtifactError: When a result cannot be read.
    """
    parent = work_dir / "training" / name
    folders = [folder for folder in parent.iterdir() if folder.is_dir()] if parent.is_dir() else []
    runs = [run for run in map(read_finished, folders) if run is not None]
    fitting = [
        run
        for run in runs
        if seed in (None, run.result.seed)
        and recipe in (None, run.result.recipe)
        # Weights that never saw 10,000 of the training images are for choosing settings, not for use.
        and run.result.evaluated_on == "test"
    ]
    return max(fitting, key=lambda run: (run.folder / "result.json").stat().st_mtime_ns, default=None)
