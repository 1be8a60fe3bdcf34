"""Which nodes of a profile compute which layers of a network of ours, and so their multiply-accumulates.

Pure. onnxruntime renames and fuses nodes, but their order is that of the layers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mnistbench import catalog
from mnistbench.errors import MnistbenchError
from mnistbench.layers import Conv2d, Linear
from mnistbench.measure.breakdown.profile import NodeTime
from mnistbench.results import KernelClock, OperatorTime
from mnistbench.spec import NetworkSpec

CONVOLUTIONS = frozenset({"Conv", "FusedConv", "NhwcConv", "NhwcFusedConv", "QLinearConv"})
PRODUCTS = frozenset({"Gemm", "FusedGemm", "MatMul", "FusedMatMul", "QLinearMatMul", "QGemm"})


def spec_of(metadata: Mapping[str, str]) -> NetworkSpec | None:
    """The network that a file's metadata names, if it says the same number of multiply-accumulates."""
    try:
        spec = catalog.find(metadata["mnistbench.name"]).spec
    except (KeyError, MnistbenchError):
        return None
    return spec if metadata.get("mnistbench.macs") == str(spec.macs) else None


def operator_times(
    nodes: Sequence[NodeTime], spec: NetworkSpec | None, batch_size: int, clock: KernelClock
) -> tuple[OperatorTime, ...]:
    """Nodes with the layers that they compute, where the network is known and has as many layers as nodes of a kind.

    Args:
        nodes: In the order of execution.
        spec: The network; ``None`` for any other.
        batch_size: Images in a run.
        clock: Whose time theirs is; nothing is said of arithmetic on ``launch``.
    """
    layers = _layers(nodes, spec)
    return tuple(
        OperatorTime(
            name=node.name,
            op_type=node.op_type,
            provider=node.provider,
            seconds=node.seconds,
            calls=node.calls,
            layer=layer,
            macs=macs,
            flops_per_second=None
            if macs is None or clock == "launch" or node.seconds <= 0
            else 2 * macs * batch_size / node.seconds,
        )
        for node, (layer, macs) in zip(nodes, layers, strict=True)
    )


def seconds_by_op_type(operators: Sequence[OperatorTime]) -> dict[str, float]:
    """Sums over the operators of a type, the longest first."""
    sums: dict[str, float] = {}
    for operator in operators:
        sums[operator.op_type] = sums.get(operator.op_type, 0.0) + operator.seconds
    return dict(sorted(sums.items(), key=lambda pair: -pair[1]))


def _layers(nodes: Sequence[NodeTime], spec: NetworkSpec | None) -> list[tuple[str | None, int | None]]:
    """Name and multiply-accumulates of each node's layer."""
    found: list[tuple[str | None, int | None]] = [(None, None)] * len(nodes)
    if spec is None:
        return found
    for kind, name, op_types in ((Conv2d, "conv", CONVOLUTIONS), (Linear, "fc", PRODUCTS)):
        macs = [
            layer.macs(shape) for layer, shape in zip(spec.layers, spec.shapes, strict=False) if isinstance(layer, kind)
        ]
        positions = [position for position, node in enumerate(nodes) if node.op_type in op_types]
        if len(positions) == len(macs) and all(nodes[position].calls == 1 for position in positions):
            for number, position in enumerate(positions):
                found[position] = f"{name}{number + 1}", macs[number]
    return found
