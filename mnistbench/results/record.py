"""The compact record of a training run, which is committed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mnistbench.results.base import Result
from mnistbench.results.checks import check_count, check_number, check_texts

_TEXTS = (
    "name",
    "recipe",
    "selection",
    "device",
    "precision",
    "dataset",
    "job",
    "weights_sha256",
    "environment",
    "initialization",
)


_LEAST_COUNTS = {
    "seed": 0,
    "epochs": 1,
    "batch_size": 1,
    "max_shift": 0,
    "selected_epoch": 1,
    "num_errors": 0,
    "num_images": 1,
    "num_threads": 0,
}


@dataclass(frozen=True)
class RunRecord(Result):
    """What is worth keeping of one finished training run: small enough to be committed."""

    kind = "run"

    name: str
    recipe: str
    seed: int
    epochs: int
    batch_size: int
    learning_rate: float | None
    """Constant, or the peak of the cycle; ``None`` when the run did not note it."""
    max_shift: int
    """Random shift of each training image along each axis, at most so many pixels; 0 for none."""
    dropout: float
    selection: str
    """``last`` epoch, or ``best_on_test`` as the paper does."""
    selected_epoch: int
    num_errors: int
    """Of the selected epoch's weights, on the test images."""
    num_images: int
    epoch_errors: tuple[int, ...]
    """Wrong answers on the test images after each epoch."""
    epoch_losses: tuple[float, ...]
    """Mean cross-entropy over each epoch in nats, with dropout active; five digits behind the point."""
    epoch_seconds: float
    """Median over the epochs after the first."""
    device: str
    precision: str
    num_threads: int
    dataset: str
    job: str
    """Hash of the configuration."""
    weights_sha256: str
    environment: str
    """Key of the machine among the ``environments`` of the file."""
    label_smoothing: float = 0.0
    """Part of each target that was spread evenly over the classes."""
    initialization: str = "torch"
    """Distribution of the initial weights: ``torch``, ``glorot`` or ``he``."""
    max_rotation: float = 0.0
    """Random turn of each training image either way, at most so many degrees; 0 for none."""
    max_scaling: float = 0.0
    """Random change of each training image's width and height, to ``1/(1+s)`` to ``1/(1-s)`` of them; 0 for none."""

    def __post_init__(self) -> None:
        # What the tables count with; a file can be edited by hand, and NaN cannot be saved as JSON.
        check_texts(self, _TEXTS)
        for key, least in _LEAST_COUNTS.items():
            check_count(key, getattr(self, key), least)
        if self.selected_epoch > self.epochs:
            raise ValueError(f"selected_epoch is {self.selected_epoch}; expected 1 to {self.epochs}")
        for errors in (self.num_errors, *self.epoch_errors):
            if type(errors) is not int or not 0 <= errors <= self.num_images:
                raise ValueError(f"{errors!r:.60} errors of {self.num_images} images")
        if len(self.epoch_errors) != len(self.epoch_losses):
            raise ValueError(f"errors of {len(self.epoch_errors)} epochs, losses of {len(self.epoch_losses)}")
        for loss in self.epoch_losses:
            check_number("an epoch's loss", loss)
        check_number("epoch_seconds", self.epoch_seconds, least=0)
        if self.learning_rate is not None:
            check_number("learning_rate", self.learning_rate, least=0)
        for key in ("dropout", "label_smoothing", "max_scaling"):
            check_number(key, getattr(self, key), least=0, below=1)
        check_number("max_rotation", self.max_rotation, least=0, below=360)

    @property
    def error_rate(self) -> float:
        """Wrong answers as a fraction."""
        return self.num_errors / self.num_images

    @classmethod
    def _revive(cls, values: dict[str, Any]) -> dict[str, Any]:
        return values | {key: tuple(values[key]) for key in ("epoch_errors", "epoch_losses") if key in values}
