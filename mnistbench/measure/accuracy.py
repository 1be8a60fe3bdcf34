"""How often a model is wrong on labelled images.

Knows a classifier and arrays; nothing of ONNX, of the dataset's files or of time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mnistbench.errors import InputError
from mnistbench.files import path_in_results
from mnistbench.layers import NUM_CLASSES
from mnistbench.measure.stats import wilson_interval
from mnistbench.results import EvaluationResult
from mnistbench.runtime.classifier import Classifier, metadata_number
from mnistbench.runtime.contract import Progress
from mnistbench.runtime.input_plan import Labels

BATCH_SIZE = 1000
"""Images in a call; a test set of 10,000 then has no ragged last batch."""


def evaluate(
    classifier: Classifier,
    images: npt.NDArray[np.uint8],
    labels: npt.NDArray[Any],
    *,
    dataset: str,
    dataset_sha256: str,
    batch_size: int = BATCH_SIZE,
    on_progress: Progress | None = None,
) -> EvaluationResult:
    """Count the errors of a model on labelled images.

    Args:
        classifier: A loaded model.
        images: uint8 of shape ``(n, 28, 28)``, ``n`` at least 1.
        labels: Integers of shape ``(n,)``, 0 to 9.
        dataset: What the images are called, such as ``mnist``.
        dataset_sha256: Hash of the dataset's files.
        batch_size: Images in a call.
        on_progress: Called after every batch.

    Returns:
        Errors with their Wilson 95% interval and the confusion matrix. Notation, dropout and
        multiply-accumulates are those that the file's metadata names, if any.

    Raises:
        InputError: When images and labels do not fit together.
        ModelError: When the model fails or does not answer with digits.
        ProviderError: When the device has not enough memory.
    """
    answers = predict_all(classifier, images, labels, batch_size=batch_size, on_progress=on_progress)
    return describe(classifier, answers, labels, dataset=dataset, dataset_sha256=dataset_sha256)


def predict_all(
    classifier: Classifier,
    images: npt.NDArray[np.uint8],
    labels: npt.NDArray[Any],
    *,
    batch_size: int = BATCH_SIZE,
    on_progress: Progress | None = None,
) -> Labels:
    """A model's answer to every labelled image, int64 of shape ``(n,)``; arguments and errors as :func:`evaluate`."""
    total = len(images)
    if total == 0 or labels.shape != (total,):
        raise InputError(
            f"images of shape {images.shape} and labels of shape {labels.shape}; expected one label for each image"
        )
    if labels.min() < 0 or labels.max() >= NUM_CLASSES:
        raise InputError(f"labels from {labels.min()} to {labels.max()}; expected 0 to {NUM_CLASSES - 1}")
    return classifier.predict(images, batch_size=batch_size, on_progress=on_progress)


def describe(
    classifier: Classifier, answers: Labels, labels: npt.NDArray[Any], *, dataset: str, dataset_sha256: str
) -> EvaluationResult:
    """What a model's answers are worth, without running it again; see :func:`evaluate`.

    Args:
        classifier: The model that gave the answers.
        answers: Shape ``(n,)``, 0 to 9.
        labels: The truth, of the same shape.
        dataset: What the images are called.
        dataset_sha256: Hash of the dataset's files.
    """
    cells = np.asarray(labels, dtype=np.int64) * NUM_CLASSES + answers
    counts = np.bincount(cells, minlength=NUM_CLASSES**2).reshape(NUM_CLASSES, NUM_CLASSES)
    total = len(labels)
    num_errors = total - int(np.trace(counts))
    low, high = wilson_interval(num_errors, total)
    metadata = classifier.metadata
    macs = metadata_number(metadata, "mnistbench.macs")
    return EvaluationResult(
        name=classifier.name,
        file=path_in_results(classifier.path),
        sha256=classifier.sha256,
        size_bytes=classifier.size_bytes,
        num_parameters=classifier.num_parameters,
        macs=int(macs) if macs is not None else None,
        dataset=dataset,
        dataset_sha256=dataset_sha256,
        num_errors=num_errors,
        num_images=total,
        error_rate=num_errors / total,
        error_rate_low=low,
        error_rate_high=high,
        provider=classifier.provider,
        input=classifier.input_plan.as_dict(),
        notation=metadata.get("mnistbench.notation"),
        dropout=metadata_number(metadata, "mnistbench.dropout"),
        confusion=tuple(map(tuple, counts.tolist())),
    )
