from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest
from machines import FakeMachine
from onnx import TensorProto, helper, numpy_helper
from onnx_models import contract_model, save

from mnistbench.errors import ProviderError
from mnistbench.runtime.devices import CPU, resolve_device
from mnistbench.runtime.placement import check_placement, node_placement
from mnistbench.runtime.session import create_session

CUDA = resolve_device("cuda")
HERE, THERE = CUDA.provider, CPU.provider


class Session:
    """Says which provider got how many nodes, in parts of a graph."""

    def __init__(self, *parts: tuple[str, int]) -> None:
        self.parts = parts

    def get_providers(self) -> list[str]:
        return [HERE, THERE]

    def get_inputs(self) -> list:
        return []

    get_outputs = get_inputs

    def get_provider_graph_assignment_info(self) -> list:
        return [
            SimpleNamespace(ep_name=name, get_nodes=lambda count=count: [object()] * count)
            for name, count in self.parts
        ]


class OldSession:
    """Of an onnxruntime from before it could tell."""


def test_nodes_are_counted_by_provider():
    assert node_placement(Session((HERE, 2), (THERE, 1), (HERE, 3))) == {HERE: 5, THERE: 1}
    assert node_placement(Session()) == node_placement(OldSession()) == {}


@pytest.mark.parametrize("session", [Session((HERE, 1)), Session((HERE, 2), (HERE, 7)), OldSession()])
def test_all_on_the_device_that_was_asked_for(session):
    check_placement(session, CUDA, "m.onnx")


@pytest.mark.parametrize(
    ("session", "message"),
    [
        (Session((THERE, 3), (HERE, 2)), f"m.onnx would not run wholly on cuda:0: 3 nodes on {THERE}"),
        (Session((THERE, 3)), "would not run wholly on cuda:0"),
        (Session(), f"m.onnx leaves cuda:0 nothing to run: no node of it was given to {HERE}.*use the device cpu"),
        (Session((HERE, 0)), "leaves cuda:0 nothing to run"),
    ],
)
def test_nothing_passes_for_the_device_that_it_did_not_run_on(session, message):
    with pytest.raises(ProviderError, match=message) as raised:
        check_placement(session, CUDA, "m.onnx")
    assert "\n" not in str(raised.value)
    check_placement(session, CPU, "m.onnx")  # who asks for the CPU gets it in any case


def test_a_session_is_made_only_where_its_device_has_work(tmp_path, monkeypatch):
    path = save(contract_model(), tmp_path / "m.onnx")
    for parts, refused in (((), True), (((HERE, 4),), False)):
        monkeypatch.setattr(onnxruntime, "InferenceSession", lambda *_, parts=parts, **__: Session(*parts))
        if refused:
            with pytest.raises(ProviderError, match="leaves cuda:0 nothing to run"):
                create_session(path, CUDA, machine=FakeMachine(num_gpus=1))
        else:
            assert create_session(path, CUDA, machine=FakeMachine(num_gpus=1)).parts == parts


def test_a_constant_model_runs_on_the_cpu_and_has_no_node_left(tmp_path):
    graph = helper.make_graph(
        [helper.make_node("Add", ["c", "c"], ["z"])],
        "constant",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, [2])],
        [numpy_helper.from_array(np.ones(2, np.float32), "c")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    session = create_session(save(model, tmp_path / "m.onnx"), CPU)
    assert node_placement(session) == {}
    assert session.run(None, {"x": np.zeros(1, np.float32)})[0].tolist() == [2, 2]
