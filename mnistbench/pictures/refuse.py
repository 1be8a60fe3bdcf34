"""Is it a digit at all? A small network over three judges' scores and the shape of the ink.

The networks of MNIST answer a letter with much confidence; that three of them, trained apart, do so for the same
digit, and that the ink has a digit's shape, is what tells digits from the rest. The coefficients were fitted on
training images and on others made for it (``bench/pictures/fit_refusal.py``), never on a test image.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mnistbench.files import read_json
from mnistbench.pictures.features import SHAPE_FEATURES, all_features
from mnistbench.pictures.resample import Grey

JUDGES = ("32-32-P-64-64-P-256-128-64-10-dropout", "32-P-32-P-100-50-10-dropout", "6-P-16-P-120-84-10")
"""Bundled networks whose scores are looked at, whichever model gives the label."""

REFUSAL = Path(__file__).with_name("refusal.json")
"""The coefficients."""

THICKEST = 7.0
"""Pixels of the widest stroke that is one; of MNIST's training images one in six thousand has a wider."""


@dataclass(frozen=True, eq=False)
class Refusal:
    """The decision's coefficients.

    Attributes:
        threshold: The least score of a digit.
        mean: Of each feature.
        spread: Likewise.
        hidden_weights: Shape ``(hidden, features)``.
        hidden_bias: Shape ``(hidden,)``.
        output_weights: Shape ``(hidden,)``.
        output_bias: A number.
    """

    threshold: float
    mean: Grey
    spread: Grey
    hidden_weights: Grey
    hidden_bias: Grey
    output_weights: Grey
    output_bias: float

    def scores(self, features: Grey) -> Grey:
        """How much each row of features is a digit, as log odds less the threshold: at least 0 is a digit.

        ``tanh((x - mean) / spread · Wᵀ + b) · v + c - threshold``.
        """
        standard = (features - self.mean) / self.spread
        hidden = np.tanh(standard @ self.hidden_weights.T + self.hidden_bias)
        scores: Grey = hidden @ self.output_weights + self.output_bias - self.threshold
        return scores


@functools.cache
def load_refusal() -> Refusal:
    """The coefficients of this version, read once."""
    document = read_json(REFUSAL)
    names = ("mean", "spread", "hidden_weights", "hidden_bias", "output_weights")
    arrays = {name: np.array(document[name], dtype=np.float64) for name in names}
    return Refusal(threshold=document["threshold"], output_bias=document["output_bias"], **arrays)


def digit_scores(shapes: Grey, logits: Sequence[npt.NDArray[np.float32]]) -> Grey:
    """How much each image is a digit: at least 0 is one.

    Args:
        shapes: :func:`mnistbench.pictures.features.shape_features` of each image, shape ``(n, 58)``.
        logits: Of each of :data:`JUDGES`, shape ``(n, 10)``.
    """
    scores = load_refusal().scores(all_features(shapes, logits))
    # Some zeros of MNIST are nearly filled, so that networks take discs for zeros.
    too_thick = shapes[:, SHAPE_FEATURES.index("stroke_width")] * 4 - THICKEST
    return np.where(too_thick > 0, np.minimum(scores, -1.0 - too_thick), scores)
