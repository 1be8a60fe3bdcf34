"""Results of training: an epoch, a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mnistbench.results.base import Result
from mnistbench.results.checks import check_count, check_number, check_texts
from mnistbench.results.environment import Environment


@dataclass(frozen=True)
class EpochResult(Result):
    """One pass over the training images."""

    kind = "epoch"

    epoch: int
    """Counted from 1."""
    loss: float
    """Mean cross-entropy over the epoch, in nats, with dropout active."""
    num_errors: int
    """Wrong answers on the evaluation images after the epoch."""
    num_images: int
    """Evaluation images."""
    seconds: float
    """Wall time of the training steps; evaluation and checkpoint excluded."""

    def __post_init__(self) -> None:
        for key, least in (("epoch", 1), ("num_images", 1), ("num_errors", 0)):
            check_count(key, getattr(self, key), least)
        if self.num_errors > self.num_images:
            raise ValueError(f"{self.num_errors} errors of {self.num_images} images")
        check_number("loss", self.loss)
        check_number("seconds", self.seconds, least=0)

    @property
    def error_rate(self) -> float:
        """Wrong answers as a fraction."""
        return self.num_errors / self.num_images


_TEXTS = (
    "name",
    "notation",
    "recipe",
    "device",
    "precision",
    "dataset",
    "dataset_sha256",
    "evaluated_on",
    "selection",
    "weights_sha256",
    "job",
    "initialization",
)

_LEAST_COUNTS = {"seed": 0, "epochs": 1, "batch_size": 1, "selected_epoch": 1, "num_threads": 0, "max_shift": 0}


@dataclass(frozen=True)
class TrainingResult(Result):
    """One finished training run."""

    kind = "training"

    name: str
    notation: str
    dropout: float
    recipe: str
    seed: int
    epochs: int
    batch_size: int
    device: str
    """Such as ``cpu`` or ``cuda:0``."""
    precision: str
    """``float32`` or ``bfloat16`` (mixed, weights stay float32)."""
    num_threads: int
    dataset: str
    """``mnist``, or the name of the user's own folder."""
    dataset_sha256: str
    evaluated_on: str
    """``test``, or ``validation`` when training images were held out."""
    selection: str
    """``last`` epoch, or ``best_on_test`` as the paper does."""
    selected_epoch: int
    num_errors: int
    """Of the selected epoch's weights."""
    num_images: int
    error_rate: float
    error_rate_low: float
    """Lower end of the Wilson 95% interval."""
    error_rate_high: float
    epoch_seconds: float
    """Median over the epochs after the first (of the only one, if there is one)."""
    first_epoch_seconds: float
    """Carries what happens once: capture, compilation, allocation."""
    history: tuple[EpochResult, ...]
    weights_sha256: str
    job: str
    """Hash of the configuration, which names the folder."""
    environment: Environment
    learning_rate: float | None = None
    """Constant, or the peak of the cycle; ``None`` in results of before it was noted."""
    max_shift: int = 0
    """Random shift of each training image along each axis, at most so many pixels; 0 for none."""
    label_smoothing: float = 0.0
    """Part of each target that was spread evenly over the classes; the loss counts it in."""
    initialization: str = "torch"
    """Distribution of the initial weights: ``torch``, ``glorot`` or ``he``."""
    max_rotation: float = 0.0
    """Random turn of each training image either way, at most so many degrees; 0 for none."""
    max_scaling: float = 0.0
    """Random change of each training image's width and height, to ``1/(1+s)`` to ``1/(1-s)`` of them; 0 for none."""
    captured: bool | None = None
    """Whether the steps were replayed from a CUDA graph; ``None`` when an earlier process trained all of them."""

    def __post_init__(self) -> None:
        # What is shown as soon as a run is found to be finished, and what its model says of itself; a file can be
        # edited by hand.
        check_texts(self, _TEXTS)
        for key, least in _LEAST_COUNTS.items():
            check_count(key, getattr(self, key), least)
        check_count("num_images", self.num_images, 1)
        check_count("num_errors", self.num_errors, 0)
        if self.num_errors > self.num_images:
            raise ValueError(f"num_errors is more than the {self.num_images} images")
        for key in ("error_rate", "error_rate_low", "error_rate_high", "epoch_seconds", "first_epoch_seconds"):
            check_number(key, getattr(self, key), least=0)

    @classmethod
    def _revive(cls, values: dict[str, Any]) -> dict[str, Any]:
        revived = dict(values)
        if "history" in values:
            revived["history"] = tuple(EpochResult(**EpochResult._known(entry)) for entry in values["history"])
        if "environment" in values:
            revived["environment"] = Environment(**Environment._known(values["environment"]))
        return revived
