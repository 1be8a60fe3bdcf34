"""Several graphs of the contract as one graph whose probabilities are the mean of theirs.

Each member's nodes and initialisers keep their names behind ``member1.``,
``member2.`` and so on; what only its logits or its label need is left out.
Knows nothing of files or images.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import helper, numpy_helper

from mnistbench.training.graph import contract_model

SHARE, SMALLEST = "member_share", "smallest_probability"
"""Scalars of the mean: a member's share, and what stands for a probability of 0 in the logarithm."""


def merge_models(models: Sequence[onnx.ModelProto], *, name: str) -> onnx.ModelProto:
    """One model from ``image`` to the mean of the members' probabilities, their logarithm and the likeliest class.

    The logarithm is used for ``logits``, since the softmax of it is ``probabilities`` again.

    Args:
        models: At least one, each of the contract, without control flow.
        name: Of the graph.
    """
    nodes: list[onnx.NodeProto] = []
    initializers: list[onnx.TensorProto] = []
    for number, model in enumerate(models, start=1):
        _add_member(model.graph, f"member{number}.", nodes, initializers)
    total = "member1.probabilities"
    for number in range(2, len(models) + 1):
        # Sum and Mean take any number of inputs, but fewer providers have them.
        added = f"sum{number}"
        nodes.append(helper.make_node("Add", [total, f"member{number}.probabilities"], [added], name=added))
        total = added
    for key, value in ((SHARE, 1 / len(models)), (SMALLEST, np.finfo(np.float32).tiny)):
        initializers.append(numpy_helper.from_array(np.array(value, np.float32), key))
    nodes += [
        helper.make_node("Mul", [total, SHARE], ["probabilities"], name="probabilities"),
        # A probability can be 0, whose logarithm is no number to calculate with.
        helper.make_node("Clip", ["probabilities", SMALLEST], ["above_zero"], name="above_zero"),
        helper.make_node("Log", ["above_zero"], ["logits"], name="logits"),
        helper.make_node("ArgMax", ["probabilities"], ["label"], name="label", axis=1, keepdims=0),
    ]
    return contract_model(nodes, initializers, name=name)


def _add_member(
    graph: onnx.GraphProto, prefix: str, nodes: list[onnx.NodeProto], initializers: list[onnx.TensorProto]
) -> None:
    """Copy what the probabilities of a graph need, every name but the image's behind ``prefix``."""
    needed, kept = {"probabilities"}, []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            needed.update(node.input)
            kept.append(node)

    def renamed(value: str) -> str:
        return value if value in ("", "image") else prefix + value

    for node in reversed(kept):
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        copy.name = prefix + (node.name or node.output[0])
        copy.input[:] = map(renamed, node.input)
        copy.output[:] = map(renamed, node.output)
        nodes.append(copy)
    for tensor in graph.initializer:
        if tensor.name in needed:
            named = onnx.TensorProto()
            named.CopyFrom(tensor)
            named.name = renamed(tensor.name)
            initializers.append(named)
