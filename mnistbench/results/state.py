"""What has become of a training run: one run folder as its files tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from mnistbench.results.base import Result

State = Literal["finished", "running", "unfinished", "diverged", "failed", "damaged"]


STATES: tuple[State, ...] = get_args(State)
"""What can have become of a training run."""


@dataclass(frozen=True)
class RunState(Result):
    """One run folder; ``None`` where its files do not say."""

    kind = "run_state"

    name: str
    """The network's, as the folder above says it."""
    job: str
    """Hash of the configuration: the folder's name."""
    folder: str
    state: State
    """``running`` while a living process holds the folder; ``damaged`` when a file cannot be read."""
    recipe: str | None = None
    seed: int | None = None
    epochs: int | None = None
    """As many as the configuration asks for."""
    learning_rate: float | None = None
    """Constant, or the peak of the cycle."""
    batch_size: int | None = None
    max_shift: int | None = None
    """Random shift of each training image along each axis, at most so many pixels."""
    label_smoothing: float | None = None
    """Part of each target that is spread evenly over the ten classes."""
    initialization: str | None = None
    """Distribution of the initial weights: ``torch``, ``glorot`` or ``he``."""
    max_rotation: float | None = None
    """Random turn of each training image either way, at most so many degrees."""
    max_scaling: float | None = None
    """Random change of each training image's width and height, to ``1/(1+s)`` to ``1/(1-s)`` of them."""
    dropout: float | None = None
    """Rate of the hidden fully connected layers."""
    epochs_done: int = 0
    """Trained, evaluated and saved."""
    evaluated_on: str | None = None
    """``test``, or ``validation`` when training images were held out."""
    error_rate: float | None = None
    """Of the result; before there is one, of the last epoch done."""
    seconds: float | None = None
    """Sum over the epochs done, evaluation and checkpoints excluded."""
    epoch_seconds: float | None = None
    """Median over the epochs after the first (of the only one, if there is one)."""
    when: str | None = None
    """Last change, in UTC, ISO 8601."""
    error: str | None = None
    """Why it diverged or failed, or what is damaged."""
