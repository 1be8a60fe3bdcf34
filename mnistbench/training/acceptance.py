"""What a model in another precision must keep: the contract's outputs, and nearly the accuracy in fp32.

Knows nothing of how the model was made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mnistbench.errors import ExportError
from mnistbench.runtime.devices import resolve_device
from mnistbench.runtime.images import Images
from mnistbench.runtime.session import create_session
from mnistbench.training.calibration import feed
from mnistbench.training.graph import InputDtype

LARGEST_LOSSES = {"fp16": 0.0005, "int8": 0.003, "web": 0.003}
"""By how much the error rate may rise above that in fp32, as a fraction of the test images."""

_BATCH = 500
_SOFTMAX_TOLERANCE = 1e-5


@dataclass(frozen=True)
class Answers:
    """All that a model says of ``n`` images."""

    logits: npt.NDArray[np.float32]
    """Shape ``(n, 10)``."""
    probabilities: npt.NDArray[np.float32]
    """Shape ``(n, 10)``."""
    labels: npt.NDArray[np.int64]
    """Shape ``(n,)``."""

    def num_errors(self, truth: npt.NDArray[Any]) -> int:
        """Labels that are not those of ``truth``, of shape ``(n,)``."""
        return int((self.labels != truth).sum())


@dataclass(frozen=True)
class Closeness:
    """How far a model's answers are from those of the same weights in fp32.

    Attributes:
        num_images: Images compared.
        num_errors: Wrong answers of the model.
        reference_errors: Wrong answers in fp32.
        label_differences: Images on which the labels differ.
        max_logit_difference: Largest absolute difference of a logit.
    """

    num_images: int
    num_errors: int
    reference_errors: int
    label_differences: int
    max_logit_difference: float

    @property
    def error_difference(self) -> float:
        """Error rate above that in fp32, as a fraction; below 0 where the model errs less often."""
        return (self.num_errors - self.reference_errors) / self.num_images


def answers_of(content: bytes, images: Images, *, input_dtype: InputDtype) -> Answers:
    """Run a model on images, on the CPU.

    Args:
        content: The ONNX file.
        images: uint8 ``(n, 28, 28)``, ``n`` at least 1.
        input_dtype: What the model takes.

    Raises:
        ModelError: When onnxruntime cannot load the model.
    """
    session = create_session(content, resolve_device("cpu"))
    parts = [
        session.run(["logits", "probabilities", "label"], {"image": feed(images[first : first + _BATCH], input_dtype)})
        for first in range(0, len(images), _BATCH)
    ]
    logits, probabilities, labels = (np.concatenate(output) for output in zip(*parts, strict=True))
    return Answers(logits, probabilities, labels)


def compare_answers(answers: Answers, reference: Answers, truth: npt.NDArray[Any]) -> Closeness:
    """How far answers are from those in fp32 to the same images; ``truth`` has their labels."""
    return Closeness(
        len(truth),
        answers.num_errors(truth),
        reference.num_errors(truth),
        int((answers.labels != reference.labels).sum()),
        # NaN comes through np.max, and is refused with the outputs.
        float(np.abs(answers.logits - reference.logits).max()),
    )


def require_consistent(answers: Answers, what: str) -> None:
    """Refuse a model whose outputs contradict one another.

    Raises:
        ExportError: When logits are no numbers, labels not where they are largest, or probabilities not their softmax.
    """
    if not np.isfinite(answers.logits).all():
        raise ExportError(f"{what}: some logits are no finite numbers; the model is not published")
    powers = np.exp(answers.logits - answers.logits.max(1, keepdims=True))
    off = float(np.abs(powers / powers.sum(1, keepdims=True) - answers.probabilities).max())
    wrong = int((answers.labels != answers.logits.argmax(1)).sum())
    if wrong or not off <= _SOFTMAX_TOLERANCE:
        raise ExportError(
            f"{what}: {wrong} of {len(answers.labels)} labels are not where the logits are largest, and probabilities "
            f"are off by {off:.2g} (allowed: 0 labels, {_SOFTMAX_TOLERANCE:g}); the model is not published"
        )


def require_accuracy(closeness: Closeness, precision: str, what: str) -> None:
    """Refuse a model that lost too much.

    Args:
        closeness: On the test images.
        precision: A key of :data:`LARGEST_LOSSES`.
        what: What to call the model.

    Raises:
        ExportError: When its error rate is too far above that in fp32.
    """
    allowed = LARGEST_LOSSES[precision]
    if not closeness.error_difference <= allowed:
        raise ExportError(
            f"{what}: {closeness.num_errors} of {closeness.num_images} test images are wrong in {precision}, "
            f"{closeness.reference_errors} in fp32: {100 * closeness.error_difference:+.2f} percentage points "
            f"(allowed: {100 * allowed:+.2f}); the model is not published"
        )
