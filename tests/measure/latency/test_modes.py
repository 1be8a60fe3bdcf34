from __future__ import annotations

from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
from latency_models import IMAGES, OWN, write_model, write_other

from mnistbench.errors import ProviderError
from mnistbench.measure.latency import modes
from mnistbench.measure.latency.inputs import Inputs, tensor_inputs
from mnistbench.measure.latency.modes import MODES, check_mode, make_call, mode_options
from mnistbench.measure.latency.workload import make_workload
from mnistbench.runtime.devices import CPU, resolve_device
from mnistbench.runtime.session import create_session

CUDA = resolve_device("cuda:1")


@pytest.mark.parametrize("mode", ["e2e", "bound"])
def test_the_modes_of_the_cpu_give_the_models_own_answers(tmp_path, mode):
    session = create_session(write_model(tmp_path / "m.onnx"), CPU)
    workload = make_workload(Inputs(("label",), OWN), 3, IMAGES)
    right = [session.run(["label"], dict(feed))[0] for feed in workload.feeds]
    call = make_call(check_mode(mode, CPU), session, CPU, workload, [right[0]])
    for index in (0, 1, 15, 16, 20):
        call.prepare(index)
        (labels,) = call.answer(call(index))
        assert np.array_equal(labels, right[index % 16])
    assert len({labels.tobytes() for labels in right}) > 1


def test_bound_takes_several_inputs(tmp_path):
    session = create_session(write_other(tmp_path / "m.onnx", shape=("n", 2), inputs=("a", "b")), CPU)
    workload = make_workload(tensor_inputs(session), 3, None)
    call = make_call("bound", session, CPU, workload, [])
    (found,) = call.answer(call(5))
    feed = workload.feeds[5]
    assert np.array_equal(found, 2 * np.maximum(feed["a"], feed["b"]))


def test_a_graph_is_only_for_cuda():
    assert check_mode("graph", CUDA) == "graph"
    for device in (CPU, resolve_device("cuda", "tensorrt"), resolve_device("cpu", "openvino")):
        with pytest.raises(ProviderError, match=f"replays a CUDA graph, which {device.label} does not have"):
            check_mode("graph", device)
    with pytest.raises(ProviderError, match="unknown mode 'fast'; expected e2e, bound, graph"):
        check_mode("fast", CUDA)


def test_only_a_graph_changes_what_the_provider_is_given():
    assert [dict(mode_options(mode)) for mode in MODES] == [{}, {}, {"enable_cuda_graph": "1"}]


class Value:
    """Stands for an OrtValue: a copy on a device, at an address that stays."""

    made: ClassVar[list[tuple[str, int]]] = []

    def __init__(self, array, device_type, device_id):
        self.array, self.place = np.array(array), (device_type, device_id)
        self.made.append(self.place)

    def update_inplace(self, array):
        assert array.shape == self.array.shape
        self.array[...] = array

    def numpy(self):
        return self.array.copy()


class Binding:
    def __init__(self):
        self.inputs, self.outputs = {}, {}

    def bind_ortvalue_input(self, name, value):
        self.inputs[name] = value

    def bind_ortvalue_output(self, name, value):
        self.outputs[name] = value

    def bind_output(self, name, device_type, device_id):
        self.outputs[name] = Value(np.zeros(2), device_type, device_id)

    def copy_outputs_to_cpu(self):
        return [value.numpy() for value in self.outputs.values()]


class Session:
    """Doubles its input, into the output that is bound."""

    def io_binding(self):
        return Binding()

    def run_with_iobinding(self, binding):
        binding.outputs["z"].array[...] = 2 * binding.inputs["x"].array


@pytest.fixture
def stand_in(monkeypatch):
    Value.made.clear()
    fake = SimpleNamespace(OrtValue=SimpleNamespace(ortvalue_from_numpy=Value))
    monkeypatch.setattr(modes, "import_onnxruntime", lambda: fake)


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize("mode", ["bound", "graph"])
def test_on_a_gpu_everything_lies_on_that_gpu_and_inputs_take_turns(mode):
    workload = make_workload(Inputs(("z",), None, {"x": (2,)}, {"x": "float32"}), 2, None)
    example = [np.full(2, 7, np.float32)]
    call = make_call(mode, Session(), CUDA, workload, example)
    assert set(Value.made) == {("cuda", 1)}
    addresses = [id(value) for value in getattr(call, "_inputs", {}).values()]
    for index in (0, 3, 17):
        call.prepare(index)
        (found,) = call.answer(call(index))
        assert np.array_equal(found, 2 * workload.feeds[index % 16]["x"])
    assert addresses == [id(value) for value in getattr(call, "_inputs", {}).values()]


@pytest.mark.usefixtures("stand_in")
def test_a_graph_never_shows_the_example_for_an_answer():
    workload = make_workload(Inputs(("z",), None, {"x": (2,)}, {"x": "float32"}), 2, None)
    session = Session()
    session.run_with_iobinding = lambda _binding: None  # a replay that does nothing
    call = make_call("graph", session, CUDA, workload, [np.full(2, 7, np.float32)])
    assert np.array_equal(call.answer(call(0))[0], np.zeros(2))


@pytest.mark.usefixtures("stand_in")
def test_a_plug_in_on_the_cpu_is_bound_to_its_memory():
    workload = make_workload(Inputs(("z",), None, {"x": (2,)}, {"x": "float32"}), 2, None)
    make_call("bound", Session(), resolve_device("cpu", "openvino"), workload, [])
    assert set(Value.made) == {("cpu", 0)}


def test_bound_is_refused_where_its_memory_is_not_known():
    for text in ("gpu:0", "npu:0"):
        with pytest.raises(ProviderError, match="the mode bound is not known"):
            check_mode("bound", resolve_device(text, "openvino"))
    assert check_mode("bound", resolve_device("cpu", "openvino")) == "bound"
