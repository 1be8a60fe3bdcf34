"""What a card says of the numbers its file computes with: precision, calibration, how close its answers came.

Knows nothing of training, whose own arithmetic is another matter.
"""

from __future__ import annotations

import math

from mnistbench.report import units
from mnistbench.report.card.facts import CardFacts
from mnistbench.report.card.words import known, plain

_CLOSENESS = (
    ("parity_logit_difference_below", "torch's", "logit"),
    ("parity_probability_difference_below", "the mean of its members'", "probability"),
)
"""Key of the limit that answers kept, whose they were compared with where the file names none, and of what."""


def precision_rows(facts: CardFacts) -> list[tuple[str, str]]:
    """Precision of the file and, where it was calibrated, on what; pairs of name and text."""
    rows = [("precision", known(facts.precision))]
    images, method, seed = map(facts.calibration, ("num_images", "method", "seed"))
    if (images, method, seed) != (None, None, None):
        rows.append(
            (
                "calibrated on",
                f"{_count(images)} training images, drawn with the seed {known(seed)}; method {known(method)}",
            )
        )
    return rows


def closeness(facts: CardFacts) -> list[str]:
    """Sentences on how far the file's answers are from those it was made to give; none where it does not say."""
    images = facts.said("parity_images")
    if images is None:
        return []
    reference = facts.said("parity_reference")
    sentences = []
    for key, usual, what in _CLOSENESS:
        if (limit := facts.said(key)) is None:
            continue
        whose = usual if reference is None else f"those of the same weights in {plain(reference)}"
        parts = [
            *_labels(facts.said("parity_label_differences")),
            f"each {what} within {plain(limit)}",
            *_error(facts.said("error_difference_points")),
        ]
        sentences.append(
            f"Before it was published, its answers to {_count(images)} test images were compared with {whose}: "
            f"{', '.join(parts)}."
        )
    return sentences


def _labels(differences: str | None) -> list[str]:
    """How many labels differ; nothing where the file does not say."""
    if differences is None:
        return []
    return {"0": ["labels equal"], "1": ["1 label differs"]}.get(differences, [f"{_count(differences)} labels differ"])


def _error(points: str | None) -> list[str]:
    """How much more often it errs, from a text such as ``+0.0300``; nothing where the file does not say."""
    if points is None:
        return []
    try:
        difference = float(points)
    except ValueError:
        difference = math.nan
    if not math.isfinite(difference):
        return [f"test error other by {plain(points)} percentage points"]
    if difference == 0:
        return ["test error the same"]
    return [f"test error {abs(difference):.2f} percentage points {'higher' if difference > 0 else 'lower'}"]


def _count(text: str | None) -> str:
    is_number = text is not None and text.isascii() and text.isdecimal() and len(text) < 19
    return units.count(int(text)) if text is not None and is_number else known(text)
