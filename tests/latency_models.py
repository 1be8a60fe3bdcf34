"""Models and plans that the tests of latency share."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from mnistbench.measure.latency.inputs import Inputs
from mnistbench.measure.latency.request import Measured, Request
from mnistbench.measure.steady import Plan
from mnistbench.results import ProcessResult
from mnistbench.runtime.input_plan import InputPlan
from mnistbench.runtime.session import SessionSettings

IMAGES = np.random.default_rng(3).integers(0, 256, (40, 28, 28), dtype=np.uint8)
PLAN = Plan(min_warmup_seconds=0.001, min_samples=70, min_seconds=0.01, max_samples=100)
OWN = InputPlan("image", "N1HW", "uint8", "0..255", None, "label", "label")


class TickingClock:
    """A millisecond passes with every look."""

    def __init__(self) -> None:
        self.now = 0

    def now_ns(self) -> int:
        self.now += 1_000_000
        return self.now


def write_model(path: Path, batch: int | str = "batch", metadata: dict[str, str] | None = None) -> Path:
    """A random linear network with the contract's input and outputs, or a fixed batch."""
    weights = np.random.default_rng(0).standard_normal((784, 10)).astype(np.float32)
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["pixels"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"]),
        helper.make_node("ArgMax", ["logits"], ["label"], axis=1, keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, [batch, 1, 28, 28])],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, [batch, 10]),
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [batch, 10]),
            helper.make_tensor_value_info("label", TensorProto.INT64, [batch]),
        ],
        [numpy_helper.from_array(weights, "w")],
    )
    return _write(graph, path, metadata)


def write_other(path: Path, shape=("batch", 3, 8, "width"), dtype=TensorProto.FLOAT, inputs=("x",)) -> Path:
    """A model that has nothing to do with digits: the largest of its inputs, twice."""
    arguments = [helper.make_tensor_value_info(name, dtype, list(shape)) for name in inputs]
    nodes = [helper.make_node("Max", list(inputs), ["y"]), helper.make_node("Add", ["y", "y"], ["z"])]
    graph = helper.make_graph(nodes, "other", arguments, [helper.make_tensor_value_info("z", dtype, list(shape))])
    return _write(graph, path, None)


def write_chosen(path: Path) -> Path:
    """A model that takes truth values: where ``mask`` holds it gives ``x``, elsewhere 0; and where it does not."""
    float_, bool_ = TensorProto.FLOAT, TensorProto.BOOL
    graph = helper.make_graph(
        [helper.make_node("Where", ["mask", "x", "zero"], ["y"]), helper.make_node("Not", ["mask"], ["off"])],
        "chosen",
        [
            helper.make_tensor_value_info("mask", bool_, ["batch", 3]),
            helper.make_tensor_value_info("x", float_, ["batch", 3]),
        ],
        [
            helper.make_tensor_value_info("y", float_, ["batch", 3]),
            helper.make_tensor_value_info("off", bool_, ["batch", 3]),
        ],
        [numpy_helper.from_array(np.zeros(1, np.float32), "zero")],
    )
    return _write(graph, path, None)


def write_parts(path: Path, dtype=TensorProto.FLOAT, rows: int | str = "batch") -> Path:
    """A model whose answer is a sequence of tensors, one for each row."""
    graph = helper.make_graph(
        [helper.make_node("SplitToSequence", ["x"], ["parts"], axis=0)],
        "parts",
        [helper.make_tensor_value_info("x", dtype, [rows, 3])],
        [helper.make_tensor_sequence_value_info("parts", dtype, None)],
    )
    return _write(graph, path, None)


def write_lookup(path: Path, rows: int = 2) -> Path:
    """A model that looks whole numbers up in a table of so many rows, as networks for texts do."""
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "ids"], ["y"])],
        "lookup",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, ["batch", 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 8, 4])],
        [numpy_helper.from_array(np.ones((rows, 4), np.float32), "table")],
    )
    return _write(graph, path, None)


def request(path: Path, **changes: object) -> Request:
    """A request for a model of :func:`write_model`."""
    values = {
        "path": str(path),
        "name": "net",
        "device": "cpu",
        "provider": "cpu",
        "mode": "e2e",
        "batch_size": 1,
        "inputs": Inputs(("label",), OWN),
        "settings": SessionSettings(1),
        "plan": PLAN,
    }
    return Request(**(values | changes))


def measured(*seconds: float, **changes: object) -> Measured:
    """What a process would have found with these samples."""
    figures = ProcessResult(
        0.5, 0.25, 10, True, len(seconds), "noise", sorted(seconds)[len(seconds) // 2], 1.0, min(seconds)
    )
    return Measured(dataclasses.replace(figures, **changes), seconds, "CPUExecutionProvider", {"CPU": 3}, 16, {})


def _write(graph, path: Path, metadata: dict[str, str] | None) -> Path:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    helper.set_model_props(model, metadata or {})
    path.write_bytes(model.SerializeToString())
    return path
