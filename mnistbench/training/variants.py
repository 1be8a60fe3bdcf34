"""A network's weights in another precision: built, and for 8 bits calibrated, on training images alone.

Whether the result is good enough to be published is asked elsewhere, on test images.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import onnx

from mnistbench.spec import NetworkSpec
from mnistbench.training.acceptance import answers_of
from mnistbench.training.calibration import METHODS, Method, TrainingSample, find_ranges
from mnistbench.training.graph import InputDtype, build_model, to_bytes
from mnistbench.training.quantize import EightBit, can_leave_ends, quantize

GOOD_ENOUGH = 0.001
"""Fraction of the judged training images by which errors may rise for a method to be taken without trying others."""


@dataclass(frozen=True)
class Variant:
    """A model in a precision.

    Attributes:
        precision: One of :data:`mnistbench.precisions.PRECISIONS`.
        model: The graph, without metadata.
        calibration: ``method, num_images, seed`` where ranges were calibrated, else ``None``.
    """

    precision: str
    model: onnx.ModelProto
    calibration: dict[str, Any] | None = None


def build_variant(
    spec: NetworkSpec,
    weights: Mapping[str, np.ndarray],
    sample: TrainingSample,
    *,
    name: str,
    precision: str,
    input_dtype: InputDtype = "uint8",
) -> Variant:
    """A network's weights in a precision.

    Args:
        spec: The network.
        weights: As :func:`mnistbench.training.graph.build_model` takes them.
        sample: What 8 bits are calibrated on.
        name: Of the graph.
        precision: One of :data:`mnistbench.precisions.PRECISIONS`.
        input_dtype: What the model takes.
    """
    if precision in ("fp32", "fp16"):
        half = precision == "fp16"
        return Variant(precision, build_model(spec, weights, name=name, input_dtype=input_dtype, half=half))
    plain = build_model(spec, weights, name=name, input_dtype=input_dtype)
    method, model = choose_method(plain, sample, cast(EightBit, precision), input_dtype=input_dtype)
    calibration = {"method": method.name, "num_images": len(sample.calibration), "seed": sample.seed}
    return Variant(precision, model, calibration)


def choose_method(
    model: onnx.ModelProto, sample: TrainingSample, kind: EightBit, *, input_dtype: InputDtype
) -> tuple[Method, onnx.ModelProto]:
    """The first way of calibrating that is good enough on training images, else the best, and what it gives.

    Args:
        model: In float32.
        sample: Images for calibrating, and others for judging.
        kind: As for :func:`mnistbench.training.quantize.quantize`.
        input_dtype: What the model takes.
    """

    def errors(candidate: onnx.ModelProto) -> int:
        answers = answers_of(to_bytes(candidate), sample.judged, input_dtype=input_dtype)
        return answers.num_errors(sample.judged_labels)

    enough = errors(model) + GOOD_ENOUGH * len(sample.judged)
    tried: list[tuple[int, Method, onnx.ModelProto]] = []
    for method in METHODS:
        if method.float_ends and not can_leave_ends(model):
            continue
        ranges = find_ranges(model, sample.calibration, method, input_dtype=input_dtype)
        candidate = quantize(model, ranges, kind, method=method, input_dtype=input_dtype)
        tried.append((errors(candidate), method, candidate))
        if tried[-1][0] <= enough:
            break
    # What was good enough errs least, being the last; of equally bad ones min() takes the plainest.
    _, chosen, best = min(tried, key=lambda trial: trial[0])
    return chosen, best
