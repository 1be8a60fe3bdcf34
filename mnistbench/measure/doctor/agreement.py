"""Compares a model's answers on one device with those of onnxruntime's own provider for the CPU. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mnistbench.measure.doctor.answers import Ran
from mnistbench.results import Severity

MOST_OFF = 0.05
"""Distance of logits, as a part of the largest of them, above which answers are wrong. bfloat16, which some
providers compute in by themselves, stays some way below."""

REDUCED_PRECISION = 1e-3
"""Likewise, above which a provider does not compute in float32."""


@dataclass(frozen=True)
class Agreement:
    """How far two answers to the same images are apart."""

    severity: Severity
    label_differences: int
    max_logit_difference: float | None
    """``None`` where one has a logit that is not finite, or they are of another shape."""
    text: str = ""
    """What is wrong or worth knowing."""


def compare_answers(ran: Ran, reference: Ran) -> Agreement:
    """Judge answers beside the right ones; both ran."""
    wrong = count_differences(ran.labels, reference.labels)
    ours, theirs = ran.scores, reference.scores
    if ours is None:
        return Agreement("problem", wrong, None, "some of its answers are not finite numbers")
    if theirs is None or list(map(len, ours)) != list(map(len, theirs)):
        return Agreement("problem", wrong, None, "its answers cannot be compared with the CPU provider's")
    pairs = [pair for rows in zip(ours, theirs, strict=True) for pair in zip(*rows, strict=True)]
    farthest = max((abs(own - other) for own, other in pairs), default=0.0)
    largest = max((abs(other) for _, other in pairs), default=0.0)
    part = farthest / largest if largest else float(farthest > 0)
    if wrong or part > MOST_OFF:
        text = f"its answers are wrong: other digits on {wrong} of {len(ran.labels)} images, logits off by {part:.1%}"
        return Agreement("problem", wrong, farthest, text)
    if part > REDUCED_PRECISION:
        return Agreement("note", 0, farthest, f"computes in reduced precision: logits off by {part:.1%}")
    return Agreement("ok", 0, farthest)


def count_differences(labels: Sequence[int], others: Sequence[int]) -> int:
    """Positions at which two answers differ, those that only one has among them."""
    differing = sum(one != other for one, other in zip(labels, others, strict=False))
    return differing + abs(len(labels) - len(others))
