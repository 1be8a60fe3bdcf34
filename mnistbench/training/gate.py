"""What a model must pass before it is published: the checker, its counts, parity with torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import numpy as np
import onnx
import torch
from torch import Tensor

from mnistbench.errors import ExportError
from mnistbench.runtime.devices import resolve_device
from mnistbench.runtime.session import create_session
from mnistbench.spec import NetworkSpec
from mnistbench.training.graph import IR_VERSION, OPSET, InputDtype, check_model
from mnistbench.training.module import PIXEL_SCALE, build_module

MAX_LOGIT_DIFFERENCE = 1e-4
"""Largest difference of a logit between torch and onnxruntime, both in float32."""

_BATCH = 500


@dataclass(frozen=True)
class Parity:
    """How far the exported model's answers are from torch's.

    Attributes:
        num_images: Images compared.
        num_errors: Wrong answers of the exported model.
        label_differences: Images on which the labels differ.
        max_logit_difference: Largest absolute difference of a logit.
    """

    num_images: int
    num_errors: int
    label_differences: int
    max_logit_difference: float


def check_structure(model: onnx.ModelProto, spec: NetworkSpec) -> None:
    """The checker, opset, IR version and domain, and as many parameters in the graph as the spec counts.

    Raises:
        ExportError: When one of them fails.
    """
    check_model(model, spec.notation)
    opsets = {opset.domain: opset.version for opset in model.opset_import}
    foreign = sorted({node.domain for node in model.graph.node} - {""})
    if opsets != {"": OPSET} or model.ir_version > IR_VERSION or foreign:
        raise ExportError(
            f"{spec.notation}: opsets {opsets}, IR version {model.ir_version} and domains {foreign}; expected opset "
            f"{OPSET} of the default domain only, and IR version {IR_VERSION} at most"
        )
    # The scale of the pixels, and those of integers with their zero points, are no parameters.
    others = ("_scale", "_zero_point")
    counted = sum(prod(i.dims) for i in model.graph.initializer if not i.name.endswith(others))
    if counted != spec.num_parameters:
        raise ExportError(f"{spec.notation}: the graph has {counted} parameters, the network {spec.num_parameters}")


def compare_with_torch(
    content: bytes,
    spec: NetworkSpec,
    weights: Mapping[str, Tensor],
    images: np.ndarray,
    labels: np.ndarray,
    *,
    input_dtype: InputDtype = "uint8",
) -> Parity:
    """Run both on the same images.

    Args:
        content: The exported model.
        spec: Its network.
        weights: Its weights, as torch has them.
        images: uint8 ``(n, 28, 28)``.
        labels: Integers ``(n,)``.
        input_dtype: What the model takes.

    Raises:
        ModelError: When onnxruntime cannot run the model.
    """
    module = build_module(spec, seed=0)
    module.load_state_dict(dict(weights))
    module.eval()
    session = create_session(content, resolve_device("cpu"))
    errors = differences = 0
    largest = 0.0
    for first in range(0, len(images), _BATCH):
        # A copy, since torch warns about arrays that cannot be written.
        batch = np.array(images[first : first + _BATCH])[:, None]
        pixels = torch.mul(torch.from_numpy(batch), PIXEL_SCALE)
        feed = batch if input_dtype == "uint8" else pixels.numpy()
        logits, probabilities, label = session.run(["logits", "probabilities", "label"], {"image": feed})
        with torch.inference_mode():
            answer = module(pixels)
            expected, expected_probabilities = answer.numpy(), answer.softmax(1).numpy()
        for got, wanted in ((logits, expected), (probabilities, expected_probabilities)):
            # np.maximum hands NaN on, where max would drop it.
            largest = float(np.maximum(largest, np.abs(got - wanted).max()))
        differences += int((label != expected.argmax(1)).sum())
        errors += int((label != labels[first : first + _BATCH]).sum())
    return Parity(len(images), errors, differences, largest)


def require_parity(parity: Parity, what: str) -> None:
    """Refuse a model whose answers are not torch's.

    Raises:
        ExportError: When a label differs or a logit is too far off.
    """
    # A comparison with NaN is false either way round; only this form refuses it.
    close = parity.max_logit_difference <= MAX_LOGIT_DIFFERENCE
    if parity.label_differences or not close:
        raise ExportError(
            f"{what}: onnxruntime and torch disagree on {parity.label_differences} of {parity.num_images} labels, "
            f"largest logit difference {parity.max_logit_difference:.2g} (allowed: 0 labels, "
            f"{MAX_LOGIT_DIFFERENCE:g}); the model is not published"
        )
