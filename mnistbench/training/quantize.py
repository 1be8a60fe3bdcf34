"""A float32 model to one of 8-bit integers: static QDQ, written by onnxruntime.quantization and tidied up here.

Scaling the pixels, the logits, softmax and argmax stay in float. Knows nothing
of accuracy: which ranges are good enough is decided elsewhere.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.quant_utils import add_pre_process_metadata

from mnistbench.runtime.images import Images
from mnistbench.training.calibration import QUANTIZED_OPS, Batches, Method, Ranges
from mnistbench.training.graph import InputDtype, make_model

EightBit = Literal["int8", "web"]


@dataclass(frozen=True)
class _Kind:
    activations: QuantType
    weights: QuantType
    seven_bits: bool


_KINDS: dict[EightBit, _Kind] = {
    # On x86 processors without VNNI the sum of two products saturates at 16 bits. With weights of seven bits it
    # cannot, so that a file's answers are the same everywhere.
    "int8": _Kind(QuantType.QInt8, QuantType.QInt8, seven_bits=True),
    # onnxruntime's matrix kernels for WebAssembly take unsigned activations only, and its ConvInteger unsigned weights
    # only; unsigned by unsigned has to be converted nowhere, and does not saturate with eight bits either.
    "web": _Kind(QuantType.QUInt8, QuantType.QUInt8, seven_bits=False),
}


def quantize(
    model: onnx.ModelProto, ranges: Ranges, kind: EightBit, *, method: Method, input_dtype: InputDtype
) -> onnx.ModelProto:
    """The model with 8-bit weights, one scale a channel, and 8-bit activations, one scale a tensor.

    ReLU is no node any more: its output's zero is the lowest integer, where what
    is below saturates.

    Args:
        model: As :func:`mnistbench.training.graph.build_model` makes it, in float32.
        ranges: As :func:`mnistbench.training.calibration.find_ranges` gives them.
        kind: ``int8`` is signed by signed, ``web`` unsigned by unsigned.
        method: Says which layers stay in float.
        input_dtype: What the model takes.
    """
    types = _KINDS[kind]
    marked = onnx.ModelProto()
    marked.CopyFrom(model)
    add_pre_process_metadata(marked)  # it is as plain as pre-processing would make it; said, so that nothing warns
    # quantize_static insists on images of its own; the ranges that it finds with one are overridden.
    blank: Images = np.zeros((1, 28, 28), np.uint8)
    overrides = {
        name: [{"rmin": np.array(low, np.float32), "rmax": np.array(high, np.float32)}]
        for name, (low, high) in ranges.items()
    }
    with tempfile.TemporaryDirectory(prefix="mnistbench-") as folder:
        before, after = Path(folder) / "float.onnx", Path(folder) / "integer.onnx"
        onnx.save(marked, before)
        quantize_static(
            before,
            after,
            Batches(blank, input_dtype),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=[*QUANTIZED_OPS],
            per_channel=True,
            reduce_range=types.seven_bits,
            activation_type=types.activations,
            weight_type=types.weights,
            nodes_to_exclude=_ends(model) if method.float_ends else [],
            extra_options={"TensorQuantOverrides": overrides},
        )
        quantized = onnx.load(after)
    return _tidied(quantized.graph, model.graph)


def can_leave_ends(model: onnx.ModelProto) -> bool:
    """Whether a model has layers besides the first and the last."""
    return len(_weighted(model)) > 2


def _weighted(model: onnx.ModelProto) -> list[str]:
    return [node.name for node in model.graph.node if node.op_type in ("Conv", "Gemm")]


def _ends(model: onnx.ModelProto) -> list[str]:
    names = _weighted(model)
    return [names[0], names[-1]]


def _tidied(graph: onnx.GraphProto, original: onnx.GraphProto) -> onnx.ModelProto:
    """Logits in float, no zero points of biases, only initialisers that are used, our own header."""
    nodes = []
    for node in graph.node:
        if node.name in ("logits_QuantizeLinear", "logits_DequantizeLinear"):
            continue
        # ONNX has no zero point for int32, and WebGPU refuses one.
        inputs = [name for name in node.input if not name.endswith(".bias_quantized_zero_point")]
        outputs = ["logits" if name == "logits_QuantizeLinear_Input" else name for name in node.output]
        del node.input[:], node.output[:]
        node.input.extend(inputs)
        node.output.extend(outputs)
        nodes.append(node)
    used = {name for node in nodes for name in node.input}
    initializers = sorted((i for i in graph.initializer if i.name in used), key=lambda tensor: tensor.name)
    return make_model(nodes, original.name, original.input, original.output, initializers)
