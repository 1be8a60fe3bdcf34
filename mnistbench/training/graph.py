"""The ONNX graph of a spec with given weights, built node by node.

Written out rather than traced, so that every name explains itself in a viewer,
no Shape node breaks a CUDA graph, and the same weights always give the same
bytes. Source: the contract under
"Embedding a model" in the README.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from mnistbench.errors import ExportError
from mnistbench.layers import NUM_CLASSES, Conv2d, Linear, MaxPool2d
from mnistbench.spec import NetworkSpec

OPSET = 18
IR_VERSION = 8
"""Newer ones are what breaks older hosts."""

PIXEL_SCALE_NAME = "pixel_scale"
"""The only initialiser that is no parameter."""

InputDtype = Literal["uint8", "float32"]


def build_model(
    spec: NetworkSpec,
    weights: Mapping[str, np.ndarray],
    *,
    name: str,
    input_dtype: InputDtype = "uint8",
    half: bool = False,
) -> onnx.ModelProto:
    """A model from ``image`` to ``logits``, ``probabilities`` and ``label``.

    Args:
        spec: The network.
        weights: Float32 arrays by name: ``conv1.weight`` ``(out, in, k, k)``, ``fc1.weight`` ``(out, in)``,
            biases ``(out,)``.
        name: Of the graph.
        input_dtype: ``uint8`` takes 0..255 and scales inside the graph; ``float32`` takes 0..1.
        half: Whether weights and arithmetic, up to the logits, are float16; inputs and outputs stay as they are.

    Raises:
        KeyError: When a weight is missing.
    """
    number, number_type = (np.float16, TensorProto.FLOAT16) if half else (np.float32, TensorProto.FLOAT)
    nodes: list[onnx.NodeProto] = []
    used: list[str] = []

    def add(op: str, node: str, inputs: list[str], **attributes: Any) -> str:
        nodes.append(helper.make_node(op, inputs, [node], name=node, **attributes))
        return node

    value, initializers = "image", []
    if input_dtype == "uint8":
        initializers.append(numpy_helper.from_array(np.array(1 / 255, number), PIXEL_SCALE_NAME))
        value = add("Mul", "scale", [add("Cast", "cast", [value], to=number_type), PIXEL_SCALE_NAME])
    elif half:
        value = add("Cast", "cast", [value], to=number_type)
    convs = pools = fcs = relus = 0
    for index, (layer, shape) in enumerate(zip(spec.layers, spec.shapes, strict=False)):
        match layer:
            case Conv2d():
                convs, relus = convs + 1, relus + 1
                used += [f"conv{convs}.weight", f"conv{convs}.bias"]
                size, pad = layer.kernel_size, layer.padding
                value = add("Conv", f"conv{convs}", [value, *used[-2:]], kernel_shape=[size] * 2, pads=[pad] * 4)
                value = add("Relu", f"relu{relus}", [value])
            case MaxPool2d():
                pools += 1
                size = layer.kernel_size
                value = add("MaxPool", f"pool{pools}", [value], kernel_shape=[size] * 2, strides=[size] * 2)
            case Linear():
                fcs += 1
                if len(shape) > 1:
                    value = add("Flatten", "flatten", [value], axis=1)
                used += [f"fc{fcs}.weight", f"fc{fcs}.bias"]
                if index == len(spec.layers) - 1 and half:
                    add(
                        "Cast", "logits", [add("Gemm", f"fc{fcs}", [value, *used[-2:]], transB=1)], to=TensorProto.FLOAT
                    )
                elif index == len(spec.layers) - 1:
                    nodes.append(helper.make_node("Gemm", [value, *used[-2:]], ["logits"], name=f"fc{fcs}", transB=1))
                else:
                    relus += 1
                    value = add("Gemm", f"fc{fcs}", [value, *used[-2:]], transB=1)
                    value = add("Relu", f"relu{relus}", [value])
    add("Softmax", "probabilities", ["logits"], axis=-1)
    add("ArgMax", "label", ["logits"], axis=1, keepdims=0)
    initializers += [numpy_helper.from_array(np.ascontiguousarray(weights[key], number), key) for key in used]
    return contract_model(nodes, initializers, name=name, input_dtype=input_dtype)


def contract_model(
    nodes: Sequence[onnx.NodeProto],
    initializers: Sequence[onnx.TensorProto],
    *,
    name: str,
    input_dtype: InputDtype = "uint8",
) -> onnx.ModelProto:
    """A model with the inputs, outputs and versions of the contract around nodes that compute them."""
    dtype = TensorProto.UINT8 if input_dtype == "uint8" else TensorProto.FLOAT
    scores: list[str | int | None] = ["batch", NUM_CLASSES]
    return make_model(
        nodes,
        name,
        inputs=[helper.make_tensor_value_info("image", dtype, ["batch", 1, 28, 28])],
        outputs=[
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, scores),
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, scores),
            helper.make_tensor_value_info("label", TensorProto.INT64, ["batch"]),
        ],
        initializers=initializers,
    )


def make_model(
    nodes: Iterable[onnx.NodeProto],
    name: str,
    inputs: Iterable[onnx.ValueInfoProto],
    outputs: Iterable[onnx.ValueInfoProto],
    initializers: Iterable[onnx.TensorProto],
) -> onnx.ModelProto:
    """A model of the opset and IR version that all of ours have; the graph is called ``name``."""
    graph = helper.make_graph([*nodes], name, [*inputs], [*outputs], [*initializers])
    return helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="mnistbench",
        producer_version="",
    )


def check_model(model: onnx.ModelProto, what: str) -> None:
    """ONNX's own checker, shapes included.

    Raises:
        ExportError: When it refuses the model, which the message calls ``what``.
    """
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ExportError(f"{what}: the ONNX checker refuses the model: {error}") from None


def to_bytes(model: onnx.ModelProto) -> bytes:
    """The model's bytes; the same model always gives the same."""
    return bytes(model.SerializeToString(deterministic=True))
