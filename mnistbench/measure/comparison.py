"""Two models on the same images: who errs where, and whether that can be chance.

Knows two classifiers and arrays; nothing of ONNX or of the dataset's files.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mnistbench.measure.accuracy import describe, predict_all
from mnistbench.measure.stats import mcnemar
from mnistbench.results import ComparisonResult
from mnistbench.runtime.classifier import Classifier

SIGNIFICANCE = 0.05
"""Below this p-value a difference is called one."""


def compare_accuracy(
    a: Classifier,
    b: Classifier,
    images: npt.NDArray[np.uint8],
    labels: npt.NDArray[Any],
    *,
    dataset: str,
    dataset_sha256: str,
) -> ComparisonResult:
    """Count on which images each of two models errs.

    Args:
        a: A loaded model.
        b: Another.
        images: uint8 of shape ``(n, 28, 28)``, ``n`` at least 1.
        labels: Integers of shape ``(n,)``, 0 to 9.
        dataset: What the images are called, such as ``mnist``.
        dataset_sha256: Hash of the dataset's files.

    Raises:
        InputError: When images and labels do not fit together.
        ModelError: When a model fails or does not answer with digits.
        ProviderError: When the device has not enough memory.
    """
    answers_a, answers_b = (predict_all(classifier, images, labels) for classifier in (a, b))
    wrong_a, wrong_b = answers_a != labels, answers_b != labels
    only_a, only_b = int((wrong_a & ~wrong_b).sum()), int((wrong_b & ~wrong_a).sum())
    p_value = mcnemar(only_a, only_b)
    better = None
    if p_value < SIGNIFICANCE:
        better = "a" if only_a < only_b else "b"
    facts = {"dataset": dataset, "dataset_sha256": dataset_sha256}
    return ComparisonResult(
        a=describe(a, answers_a, labels, **facts),
        b=describe(b, answers_b, labels, **facts),
        both_right=int((~wrong_a & ~wrong_b).sum()),
        only_a_wrong=only_a,
        only_b_wrong=only_b,
        both_wrong=int((wrong_a & wrong_b).sum()),
        answers_differ=int((answers_a != answers_b).sum()),
        p_value=p_value,
        better=better,
    )
