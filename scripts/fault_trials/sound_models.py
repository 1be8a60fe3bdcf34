"""Small ONNX models whose bytes are damaged: this project's own kind, a float one, and one in 8-bit integers."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from mnistbench.catalog import find
from mnistbench.training.graph import build_model, to_bytes
from mnistbench.training.module import build_module


def sound_models() -> dict[str, bytes]:
    """Content by what it is."""
    generator = np.random.default_rng(0)
    models = {}
    for name in ("8-10", "2-P-4-P-8-10"):
        spec = find(name).spec
        weights = {key: tensor.numpy() for key, tensor in build_module(spec, 0).state_dict().items()}
        models[f"own {name}"] = to_bytes(build_model(spec, weights, name=name, input_dtype="uint8"))
    models["foreign"] = _foreign(generator).SerializeToString()
    return models


def _foreign(generator: np.random.Generator) -> onnx.ModelProto:
    """With operators that this project's own have not: loops over lengths, shapes that are computed, 8-bit weights."""
    weights = generator.integers(-100, 100, (784, 10)).astype(np.int8)
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Gather", ["shape", "zero"], ["batch"]),
        helper.make_node("Concat", ["batch", "minus_one"], ["flat_shape"], axis=0),
        helper.make_node("Reshape", ["x", "flat_shape"], ["flat"]),
        helper.make_node("DequantizeLinear", ["weights", "scale", "zero_point"], ["real_weights"]),
        helper.make_node("MatMul", ["flat", "real_weights"], ["product"]),
        helper.make_node("Tile", ["product", "once"], ["y"]),
    ]
    constants = {
        "zero": np.zeros(1, np.int64),
        "minus_one": np.array([-1], np.int64),
        "once": np.ones(2, np.int64),
        "weights": weights,
        "scale": np.float32(0.01),
        "zero_point": np.int8(0),
    }
    graph = helper.make_graph(
        nodes,
        "foreign",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 1, 28, 28])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 10])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
