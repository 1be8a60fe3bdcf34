"""Tiny ONNX models of every shape the tests need, built with the onnx package.

The classifier in all of them is the same: ten prototypes, one a digit, which
the scores compare an image with. Images of :func:`digits` are answered rightly
only when they arrive in the value range that the model was built for.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_GENERATOR = np.random.default_rng(7)
PROTOTYPES = np.zeros((10, 28, 28), dtype=np.uint8)
PROTOTYPES[:, 6:22, 6:22] = np.where(_GENERATOR.random((10, 16, 16)) < 0.3, 255, 0)

TYPES = {
    "uint8": TensorProto.UINT8,
    "int8": TensorProto.INT8,
    "int32": TensorProto.INT32,
    "int64": TensorProto.INT64,
    "float16": TensorProto.FLOAT16,
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
}

AFFINE = {
    "0..255": (255.0, 0.0),
    "0..1": (1.0, 0.0),
    "-1..1": (2.0, -1.0),
    "standardised": (1 / 0.3081, -0.1307 / 0.3081),
    "-128..127": (255.0, -128.0),
}


def digits(count: int, *, seed: int = 1, noise: float = 0.25) -> tuple[np.ndarray, np.ndarray]:
    """Noisy prototypes, uint8 ``(count, 28, 28)``, and which they are."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 10, count)
    flipped = generator.random((count, 28, 28)) < noise
    images = np.where(flipped, 255 - PROTOTYPES[labels], PROTOTYPES[labels])
    images[:, :6], images[:, 22:], images[:, :, :6], images[:, :, 22:] = 0, 0, 0, 0
    return images.astype(np.uint8), labels


def contract_model(*, metadata: dict[str, str] | None = None, opset: int = 18, ir: int = 8) -> onnx.ModelProto:
    """A model of this project's contract, with 784*10 + 10 weights."""
    return _save_parts(
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", 1, 28, 28])],
        [
            helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["pixels", "pixel_scale"], ["scaled"]),
            helper.make_node("Flatten", ["scaled"], ["flat"]),
            helper.make_node("Gemm", ["flat", "fc1.weight", "fc1.bias"], ["logits"]),
            helper.make_node("Softmax", ["logits"], ["probabilities"], axis=-1),
            helper.make_node("ArgMax", ["logits"], ["label"], axis=1, keepdims=0),
        ],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 10]),
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 10]),
            helper.make_tensor_value_info("label", TensorProto.INT64, ["batch"]),
        ],
        [numpy_helper.from_array(np.float32(1 / 255).reshape(()), "pixel_scale"), *_weights()],
        metadata=metadata,
        opset=opset,
        ir=ir,
    )


def foreign_model(
    shape: Sequence[int | str],
    *,
    dtype: str = "float32",
    value_range: str = "0..1",
    inverted: bool = False,
    answer: str = "scores",
    flat_batch: int = -1,
    metadata: dict[str, str] | None = None,
) -> onnx.ModelProto:
    """A model with another input; ``answer`` is ``scores``, ``label`` or ``single`` (scores without a batch).

    Pixels that are neither black nor white in its own value range make it answer 0,
    so that no other range passes for the right one.
    """
    factor, offset = AFFINE[value_range]
    scalars = {"factor": factor, "offset": offset, "one": 1.0, "steep": 50.0, "half": 0.5}
    constants = [numpy_helper.from_array(np.float32(number).reshape(()), key) for key, number in scalars.items()]
    constants += [
        numpy_helper.from_array(np.array([flat_batch, 784], np.int64), "flat_shape"),
        numpy_helper.from_array(np.array([1], np.int64), "last_axis"),
        numpy_helper.from_array(np.where(np.arange(10) == 0, 1e4, 0).astype(np.float32).reshape(1, 10), "to_zero"),
    ]
    nodes = [
        helper.make_node("Cast", ["given"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["pixels", "offset"], ["moved"]),
        helper.make_node("Div", ["moved", "factor"], ["unit"]),
        helper.make_node("Reshape", ["unit", "flat_shape"], ["flat"]),
        *_closeness("flat", "black"),
        helper.make_node("Sub", ["one", "flat"], ["from_white"]),
        *_closeness("from_white", "white"),
        helper.make_node("Add", ["black", "white"], ["either"]),
        helper.make_node("Sub", ["half", "either"], ["neither"]),
        helper.make_node("Relu", ["neither"], ["odd"]),
        helper.make_node("ReduceSum", ["odd", "last_axis"], ["oddness"], keepdims=1),
        helper.make_node("Mul", ["oddness", "to_zero"], ["penalty"]),
        helper.make_node("Gemm", ["black" if inverted else "white", "fc1.weight", "fc1.bias"], ["seen"]),
        helper.make_node("Add", ["seen", "penalty"], ["scores"]),
    ]
    batch = shape[0] if len(shape) in (3, 4) or shape[-1] == 784 else 1
    outputs = [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [batch, 10])]
    if answer == "label":
        nodes.append(helper.make_node("ArgMax", ["scores"], ["digit"], axis=1, keepdims=0))
        outputs = [helper.make_tensor_value_info("digit", TensorProto.INT64, [batch])]
    if answer == "single":
        constants.append(numpy_helper.from_array(np.array([10], np.int64), "ten"))
        nodes.append(helper.make_node("Reshape", ["scores", "ten"], ["single"]))
        outputs = [helper.make_tensor_value_info("single", TensorProto.FLOAT, [10])]
    given = helper.make_tensor_value_info("given", TYPES[dtype], list(shape))
    return _save_parts([given], nodes, outputs, [*constants, *_weights()], metadata=metadata)


def save(model: onnx.ModelProto, path: Path) -> Path:
    path.write_bytes(model.SerializeToString())
    return path


def _closeness(given: str, to: str) -> list[onnx.NodeProto]:
    """1 where ``given`` is 0, falling to 0 at a distance of 0.02."""
    return [
        helper.make_node("Abs", [given], [f"{to}_distance"]),
        helper.make_node("Mul", [f"{to}_distance", "steep"], [f"{to}_steps"]),
        helper.make_node("Sub", ["one", f"{to}_steps"], [f"{to}_raw"]),
        helper.make_node("Relu", [f"{to}_raw"], [to]),
    ]


def _weights() -> list[onnx.TensorProto]:
    ink = PROTOTYPES.reshape(10, 784).astype(np.float32) / 255
    # Squared distance to each prototype, up to what is the same for all of them.
    return [
        numpy_helper.from_array(np.ascontiguousarray((2 * ink).T), "fc1.weight"),
        numpy_helper.from_array(-ink.sum(axis=1), "fc1.bias"),
    ]


def _save_parts(inputs, nodes, outputs, initializers, *, metadata=None, opset=18, ir=8) -> onnx.ModelProto:
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir)
    if metadata:
        helper.set_model_props(model, metadata)
    return model
