"""Golden vectors: a few pictures, and what onnxruntime answers to them here.

A runtime elsewhere has to give the same answers. Beside one clear picture of each digit stand a few that the model is
unsure of: their probabilities show differences that an answer of 1.0000 hides.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mnistbench.embed.model import EmbeddedModel
from mnistbench.errors import DataError, ModelError
from mnistbench.runtime.ort import import_onnxruntime
from mnistbench.runtime.session import one_line, onnxruntime_errors

CANDIDATES = 1000
"""Test images that are looked at."""

UNSURE = 3

CLEAR_MARGIN = 0.02
"""Between the best and the second-best probability: a picture with less is clear in no precision."""

TOLERANCES = {"fp32": 1e-4, "fp16": 1e-2}
"""Largest difference of a probability between runtimes."""

COARSE_TOLERANCE = 5e-2
"""As ``TOLERANCES``, for integer arithmetic, which processors round differently."""


@dataclass(frozen=True, eq=False)
class GoldenCase:
    """One picture and the answer to it.

    Attributes:
        name: Such as ``digit-7``.
        image: uint8 of shape ``(28, 28)``.
        truth: What the dataset says it shows, 0 to 9.
        label: What the model says.
        probabilities: float32 of shape ``(10,)``.
    """

    name: str
    image: npt.NDArray[np.uint8]
    truth: int
    label: int
    probabilities: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Golden:
    """All cases of a kit, how closely they have to be met, and where they are from."""

    cases: tuple[GoldenCase, ...]
    tolerance: float
    dataset: str
    computed_with: str


def make_golden(
    model: EmbeddedModel, images: npt.NDArray[np.uint8], truths: npt.NDArray[np.int64], *, dataset: str
) -> Golden:
    """Choose pictures and compute the answers to them.

    Args:
        model: What answers.
        images: Test images, uint8 of shape ``(n, 28, 28)``; the first ``CANDIDATES`` are looked at.
        truths: Their digits, of shape ``(n,)``.
        dataset: Its name.

    Raises:
        DataError: When there is no image.
        ModelError: When the model fails, or answers with what are no probabilities.
    """
    if not len(images):
        raise DataError(f"the dataset {dataset} has no test image to make golden vectors of; name another --data-dir")
    session = model.session()
    candidates = images[:CANDIDATES]
    _, scores = _answers(session, candidates, model)
    tolerance = TOLERANCES.get(model.precision, COARSE_TOLERANCE)
    chosen = _choose(scores, truths[:CANDIDATES], clear_margin(tolerance))
    # Once more, one by one, as the kits' programs ask.
    cases = []
    for name, position in chosen:
        labels, probabilities = _answers(session, candidates[position : position + 1], model)
        truth = int(truths[position])
        cases.append(GoldenCase(name, candidates[position], truth, int(labels[0]), probabilities[0]))
    return Golden(tuple(cases), tolerance, dataset, f"onnxruntime {import_onnxruntime().__version__}")


def clear_margin(tolerance: float) -> float:
    """The margin between the best and the second-best probability above which a picture is clear.

    Elsewhere both may differ by the tolerance, towards each other: with no more than twice of it between them, a
    runtime within the tolerance could name the other digit, which a kit counts as a failure.

    Args:
        tolerance: Largest difference of a probability between runtimes.
    """
    return max(CLEAR_MARGIN, 2 * tolerance)


def _choose(
    scores: npt.NDArray[np.float32], truths: npt.NDArray[np.int64], least_margin: float
) -> list[tuple[str, int]]:
    """Names and positions: the first clear picture of each digit, then those least sure and still clear."""
    ordered = np.sort(scores, axis=1)
    margins = ordered[:, -1] - ordered[:, -2]
    chosen: dict[int, str] = {}
    for digit in np.unique(truths):
        of_digit = np.flatnonzero(truths == digit)
        clear = of_digit[margins[of_digit] > least_margin]
        first = clear[0] if len(clear) else of_digit[np.argmax(margins[of_digit])]
        chosen[int(first)] = f"digit-{digit}"
    doubtful = [int(position) for position in np.argsort(ordered[:, -1], kind="stable")]
    doubtful = [position for position in doubtful if position not in chosen and margins[position] > least_margin]
    chosen |= {position: f"unsure-{number}" for number, position in enumerate(doubtful[:UNSURE], start=1)}
    return [(name, position) for position, name in chosen.items()]


def _answers(
    session: Any, images: npt.NDArray[np.uint8], model: EmbeddedModel
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    try:
        labels, probabilities = session.run(["label", "probabilities"], {"image": images[:, np.newaxis]})
    except onnxruntime_errors() as error:
        raise ModelError(f"{model.file.path} fails on 28x28 images: {one_line(error)}; export it again") from None
    sums = probabilities.sum(axis=1)
    if not np.isfinite(probabilities).all() or not all(math.isclose(total, 1, abs_tol=1e-3) for total in sums):
        raise ModelError(f"{model.file.path} answers with what are no probabilities; train and export it again")
    return labels, probabilities
