from __future__ import annotations

import math

import numpy as np
import pytest
from random_models import IMAGES, plain_model

from mnistbench.catalog import find
from mnistbench.errors import ExportError, ModelError
from mnistbench.training.acceptance import (
    LARGEST_LOSSES,
    Answers,
    Closeness,
    answers_of,
    compare_answers,
    require_accuracy,
    require_consistent,
)
from mnistbench.training.graph import to_bytes

NETWORK = find("2-P-8-10")


def answers(seed: int = 0, count: int = 30) -> Answers:
    logits = np.random.default_rng(seed).normal(0, 3, (count, 10)).astype(np.float32)
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return Answers(logits, powers / powers.sum(1, keepdims=True), logits.argmax(1))


@pytest.mark.parametrize("count", [1, 64])
@pytest.mark.parametrize("input_dtype", ["uint8", "float32"])
def test_a_models_answers(input_dtype: str, count: int) -> None:
    found = answers_of(to_bytes(plain_model(NETWORK, input_dtype)), IMAGES[:count], input_dtype=input_dtype)
    assert (found.logits.shape, found.probabilities.shape, found.labels.shape) == ((count, 10), (count, 10), (count,))
    require_consistent(found, "net")
    assert found.num_errors(found.labels) == 0
    assert found.num_errors((found.labels + 1) % 10) == count


def test_a_file_that_does_not_load_is_a_typed_error() -> None:
    with pytest.raises(ModelError):
        answers_of(b"no model", IMAGES, input_dtype="uint8")


def test_closeness_counts_labels_errors_and_logits() -> None:
    reference = answers()
    logits = reference.logits.copy()
    logits[3] = np.roll(logits[3], 1)
    changed = Answers(logits, reference.probabilities, logits.argmax(1))
    close = compare_answers(changed, reference, reference.labels)
    assert (close.num_images, close.num_errors, close.reference_errors, close.label_differences) == (30, 1, 0, 1)
    assert close.max_logit_difference == pytest.approx(
        np.abs(np.roll(reference.logits[3], 1) - reference.logits[3]).max()
    )
    assert close.error_difference == 1 / 30
    assert compare_answers(reference, changed, reference.labels).error_difference == -1 / 30


@pytest.mark.parametrize(
    ("precision", "more", "passes"),
    [
        ("fp16", 5, True),
        ("fp16", 6, False),
        ("fp16", 0, True),
        ("fp16", -40, True),
        ("int8", 30, True),
        ("int8", 31, False),
        ("web", 30, True),
        ("web", 31, False),
    ],
)
def test_how_much_a_precision_may_lose(precision: str, more: int, passes: bool) -> None:
    closeness = Closeness(10_000, 100 + more, 100, 50, 0.5)
    if passes:
        require_accuracy(closeness, precision, "net")
        return
    with pytest.raises(ExportError) as caught:
        require_accuracy(closeness, precision, "net")
    allowed = "+0.05" if precision == "fp16" else "+0.30"
    assert str(caught.value) == (
        f"net: {100 + more} of 10000 test images are wrong in {precision}, 100 in fp32: +0.{more:02} percentage points "
        f"(allowed: {allowed}); the model is not published"
    )


def test_every_other_precision_has_a_limit() -> None:
    assert LARGEST_LOSSES == {"fp16": 0.0005, "int8": 0.003, "web": 0.003}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_logits_that_are_no_numbers_are_refused(value: float) -> None:
    found = answers()
    found.logits[4, 2] = value
    with pytest.raises(ExportError, match="net: some logits are no finite numbers"):
        require_consistent(found, "net")


def test_outputs_that_contradict_one_another_are_refused() -> None:
    found = answers()
    require_consistent(found, "net")
    wrong = Answers(found.logits, found.probabilities, (found.labels + 1) % 10)
    with pytest.raises(ExportError, match="30 of 30 labels"):
        require_consistent(wrong, "net")
    for probabilities in (found.probabilities * np.float32(1.1), found.probabilities * np.float32(math.nan)):
        with pytest.raises(ExportError, match="probabilities are off by"):
            require_consistent(Answers(found.logits, probabilities, found.labels), "net")
