"""What an ensemble must pass before it is published: its answers are the mean of its members' own. Knows no torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mnistbench.errors import ExportError
from mnistbench.runtime.devices import resolve_device
from mnistbench.runtime.session import create_session
from mnistbench.training.member import Member

MAX_PROBABILITY_DIFFERENCE = 1e-6
"""Largest difference of a probability between the ensemble and the mean of its members."""

_BATCH = 500

Progress = Callable[[int, int], None]
"""Gets the number of images done and of all images."""


@dataclass(frozen=True)
class Agreement:
    """How far an ensemble's answers are from the mean of its members.

    Attributes:
        num_images: Images compared.
        num_errors: Wrong answers of the ensemble.
        member_errors: Wrong answers of each member.
        label_differences: Images on which the label is not that of the largest probability, or not that of the
            largest mean where the largest two are further apart than the limit.
        max_probability_difference: Largest absolute difference of a probability from the mean, and of the softmax
            of the logits from the probability.
    """

    num_images: int
    num_errors: int
    member_errors: tuple[int, ...]
    label_differences: int
    max_probability_difference: float


def compare_with_members(
    content: bytes,
    members: Sequence[Member],
    images: npt.NDArray[np.uint8],
    labels: npt.NDArray[np.integer],
    *,
    on_progress: Progress | None = None,
) -> Agreement:
    """Run the ensemble and each member by itself on the same images.

    Args:
        content: The merged model.
        members: In the order of the merged model.
        images: uint8 ``(n, 28, 28)``, ``n`` at least 1.
        labels: Integers ``(n,)``.
        on_progress: Called after every batch.

    Raises:
        ModelError: When onnxruntime cannot run one of them.
    """
    device = resolve_device("cpu")
    session = create_session(content, device)
    alone = [create_session(member.content, device) for member in members]
    errors, differences, largest = 0, 0, 0.0
    member_errors = np.zeros(len(members), dtype=np.int64)
    for first in range(0, len(images), _BATCH):
        batch, truth = images[first : first + _BATCH, None], labels[first : first + _BATCH]
        logits, probabilities, label = session.run(["logits", "probabilities", "label"], {"image": batch})
        mean = np.zeros(probabilities.shape)
        for index, member in enumerate(alone):
            scores, answer = member.run(["probabilities", "label"], {"image": batch})
            mean += scores
            member_errors[index] += int((answer != truth).sum())
        mean /= len(members)
        for got, wanted in ((probabilities, mean), (_softmax(logits), probabilities)):
            # np.maximum hands NaN on, where max would drop it.
            largest = float(np.maximum(largest, np.abs(got - wanted).max()))
        chosen = mean[np.arange(len(mean)), label]
        behind = mean.max(axis=1) - chosen > MAX_PROBABILITY_DIFFERENCE
        differences += int(((label != probabilities.argmax(axis=1)) | behind).sum())
        errors += int((label != truth).sum())
        if on_progress is not None:
            on_progress(first + len(batch), len(images))
    return Agreement(len(images), errors, tuple(map(int, member_errors)), differences, largest)


def require_agreement(agreement: Agreement) -> None:
    """Refuse an ensemble whose answers are not the mean of its members'.

    Raises:
        ExportError: When a label differs or a probability is too far off.
    """
    # A comparison with NaN is false either way round; only this form refuses it.
    close = agreement.max_probability_difference <= MAX_PROBABILITY_DIFFERENCE
    if agreement.label_differences or not close:
        raise ExportError(
            f"the ensemble and its members disagree on {agreement.label_differences} of {agreement.num_images} labels, "
            f"largest probability difference {agreement.max_probability_difference:.2g} (allowed: 0 labels, "
            f"{MAX_PROBABILITY_DIFFERENCE:g}); nothing is written"
        )


def _softmax(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    normalised: npt.NDArray[np.float64] = shifted / shifted.sum(axis=1, keepdims=True)
    return normalised
