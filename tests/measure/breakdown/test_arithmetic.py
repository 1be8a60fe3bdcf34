from __future__ import annotations

import pytest

from mnistbench.catalog import NETWORKS, find
from mnistbench.layers import Conv2d, Linear
from mnistbench.measure.breakdown.arithmetic import operator_times, seconds_by_op_type, spec_of
from mnistbench.measure.breakdown.profile import NodeTime

LENET = find("lenet5")


def node(name: str, op_type: str, seconds: float = 1e-3, calls: int = 1) -> NodeTime:
    return NodeTime(name, op_type, "CPUExecutionProvider", seconds, calls)


def optimised(network) -> list[NodeTime]:
    """The nodes that onnxruntime makes of a network on the CPU."""
    nodes = [node("cast", "Cast")]
    for layer in network.spec.layers:
        if isinstance(layer, Conv2d):
            nodes.append(node(f"relu{len(nodes)}_nchwc", "Conv"))
        elif isinstance(layer, Linear):
            nodes.append(node("fused", "FusedGemm" if layer is not network.spec.layers[-1] else "Gemm"))
        else:
            nodes.append(node("pool", "MaxPool"))
    return [*nodes, node("label", "ArgMax")]


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_every_layer_of_every_network_finds_its_node(network):
    operators = operator_times(optimised(network), network.spec, 1, "host")
    assert sum(operator.macs or 0 for operator in operators) == network.spec.macs
    kinds = ((Conv2d, "conv"), (Linear, "fc"))
    names = [
        f"{name}{number + 1}"
        for kind, name in kinds
        for number in range(sum(isinstance(layer, kind) for layer in network.spec.layers))
    ]
    assert [operator.layer for operator in operators if operator.layer is not None] == names
    assert {operator.macs for operator in operators if operator.op_type in ("Cast", "MaxPool", "ArgMax")} <= {None}


def test_rates_count_two_operations_for_every_image():
    (_, conv1, *_) = operator_times(optimised(LENET), LENET.spec, 32, "host")
    assert (conv1.layer, conv1.macs) == ("conv1", 117_600)
    assert conv1.flops_per_second == pytest.approx(2 * 117_600 * 32 / 1e-3)


def test_a_launch_says_nothing_of_arithmetic():
    operators = operator_times(optimised(LENET), LENET.spec, 1, "launch")
    assert {operator.flops_per_second for operator in operators} == {None}
    assert sum(operator.macs or 0 for operator in operators) == LENET.spec.macs


def test_no_time_has_no_rate():
    (operator,) = operator_times([node("fc1", "Gemm", 0.0)], find("16-10").spec, 1, "host")[:1]
    assert operator.flops_per_second is None


@pytest.mark.parametrize(
    "nodes",
    [
        optimised(LENET)[:3],  # fewer convolutions than layers
        [*optimised(LENET), node("more", "Gemm"), node("more", "Conv")],
        [node("OpenVINO_subgraph_1", "OpenVINO_subgraph_1")],
        [],
    ],
    ids=["fewer", "more", "all in one", "none"],
)
def test_where_nodes_and_layers_do_not_match_nothing_is_guessed(nodes):
    operators = operator_times(nodes, LENET.spec, 1, "host")
    assert [operator.macs for operator in operators] == [None] * len(nodes)


def test_a_node_in_a_loop_is_no_layer():
    nodes = [node("fc1", "Gemm", calls=2), node("fc2", "Gemm")]
    assert {operator.macs for operator in operator_times(nodes, find("16-10").spec, 1, "host")} == {None}


def test_another_network_has_no_layers():
    assert {operator.layer for operator in operator_times(optimised(LENET), None, 1, "host")} == {None}


def test_types_of_operators_the_longest_first():
    operators = operator_times([node("a", "Add", 1.0), node("c", "Conv", 2.0), node("b", "Add", 3.0)], None, 1, "host")
    assert list(seconds_by_op_type(operators).items()) == [("Add", 4.0), ("Conv", 2.0)]
    assert seconds_by_op_type([]) == {}


@pytest.mark.parametrize(
    ("metadata", "known"),
    [
        ({"mnistbench.name": LENET.name, "mnistbench.macs": str(LENET.spec.macs)}, True),
        ({"mnistbench.name": LENET.name, "mnistbench.macs": "1"}, False),
        ({"mnistbench.name": LENET.name}, False),
        ({"mnistbench.name": "no network", "mnistbench.macs": "1"}, False),
        ({"mnistbench.name": "9" * 10_000, "mnistbench.macs": "1"}, False),
        ({}, False),
    ],
)
def test_a_network_is_known_by_what_its_file_says(metadata, known):
    assert spec_of(metadata) == (LENET.spec if known else None)
