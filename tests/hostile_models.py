"""ONNX files that are well formed, and take all memory or never end."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from mnistbench.layers import NUM_CLASSES

SOUND_OUTPUT = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", NUM_CLASSES])
IMAGES = helper.make_tensor_value_info("given", TensorProto.UINT8, ["n", 1, 28, 28])


def _model(nodes, constants, outputs=None) -> onnx.ModelProto:
    initializers = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "hostile", [IMAGES], outputs or [SOUND_OUTPUT], initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def _scores(*, times: str = "") -> tuple[list[onnx.NodeProto], dict[str, np.ndarray]]:
    """Scores that are sums of pixels, times a number that the rest computes."""
    nodes = [
        helper.make_node("Cast", ["given"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["pixels"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["plain" if times else "scores"]),
    ]
    if times:
        nodes.append(helper.make_node("Mul", ["plain", times], ["scores"]))
    return nodes, {"weights": np.eye(784, NUM_CLASSES, dtype=np.float32)}


def sound() -> onnx.ModelProto:
    """Nothing is wrong with it."""
    return _model(*_scores())


def takes_memory(gibibytes: int = 16) -> onnx.ModelProto:
    """Adds up so many gibibytes of ones, a number that only the images tell."""
    nodes, constants = _scores(times="sum")
    elements = gibibytes << 28
    before = [
        helper.make_node("Cast", ["given"], ["first"], to=TensorProto.INT64),
        helper.make_node("ReduceMax", ["first"], ["most"], keepdims=0),
        helper.make_node("Mul", ["most", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "elements"], ["shape"]),
        helper.make_node("ConstantOfShape", ["shape"], ["ones"]),
        helper.make_node("ReduceSum", ["ones"], ["sum"], keepdims=0),
    ]
    return _model(before + nodes, {**constants, "zero": np.int64(0), "elements": np.array([elements], np.int64)})


def never_ends() -> onnx.ModelProto:
    """Counts to 2**60."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["go_on"]),
            helper.make_node("Add", ["count", "count"], ["counted"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("index", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("count", TensorProto.FLOAT, []),
        ],
        [
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("counted", TensorProto.FLOAT, []),
        ],
    )
    nodes, constants = _scores(times="end")
    before = [
        helper.make_node("ReduceMax", ["given"], ["most"], keepdims=0),
        helper.make_node("Cast", ["most"], ["start"], to=TensorProto.FLOAT),
        helper.make_node("Loop", ["trips", "yes", "start"], ["end"], body=body),
    ]
    return _model(before + nodes, {**constants, "trips": np.int64(1 << 60), "yes": np.bool_(True)})


def says_too_much() -> onnx.ModelProto:
    """Gives 400 MB for an image."""
    nodes = [
        helper.make_node("ReduceMax", ["given"], ["most"], keepdims=0),
        helper.make_node("Cast", ["most"], ["number"], to=TensorProto.FLOAT),
        helper.make_node("Expand", ["number", "shape"], ["scores"]),
    ]
    return _model(
        nodes,
        {"shape": np.array([10_000_000, 10], np.int64)},
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["m", NUM_CLASSES])],
    )
