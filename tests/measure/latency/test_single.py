from __future__ import annotations

import json

import numpy as np
import pytest
from latency_models import IMAGES, TickingClock, request, write_chosen, write_lookup, write_model, write_other

from mnistbench.errors import InputError, ModelError, ProviderError
from mnistbench.measure.latency import single
from mnistbench.measure.latency.inputs import Inputs, tensor_inputs
from mnistbench.measure.latency.request import Measured, Request
from mnistbench.measure.latency.single import measure_once
from mnistbench.runtime.devices import CPU, resolve_device
from mnistbench.runtime.gpu_identity import GpuIdentity
from mnistbench.runtime.session import create_session


def test_a_request_and_its_answer_come_back_from_json(tmp_path):
    asked = request(write_model(tmp_path / "m.onnx"), mode="bound", batch_size=4)
    asked = Request.from_dict(json.loads(json.dumps(asked.as_dict())))
    found = measure_once(asked, IMAGES, TickingClock())
    assert Measured.from_dict(json.loads(json.dumps(found.as_dict()))) == found


@pytest.mark.parametrize("mode", ["e2e", "bound"])
@pytest.mark.parametrize("batch_size", [1, 32])
def test_what_is_found(tmp_path, mode, batch_size):
    asked = request(write_model(tmp_path / "m.onnx"), mode=mode, batch_size=batch_size)
    found = measure_once(asked, IMAGES, TickingClock())
    # The clock ticks once between each pair of looks, whatever the machine does.
    figures = found.figures
    assert figures.session_seconds == figures.first_call_seconds == figures.p50_seconds == 0.001
    assert figures.num_samples == len(found.samples_seconds) >= 70
    assert figures.warmup_calls >= 10
    assert (found.provider, found.distinct_inputs) == ("CPUExecutionProvider", 16)
    assert (found.gpu_uuid, found.gpu_name) == (None, None)
    assert sum(found.node_placement.values()) == found.node_placement["CPUExecutionProvider"] > 0


def test_a_model_of_another_kind(tmp_path):
    path = write_other(tmp_path / "m.onnx", shape=("batch", 5))
    inputs = tensor_inputs(create_session(path, CPU))
    found = measure_once(request(path, inputs=inputs, batch_size=3), None, TickingClock())
    assert found.figures.num_samples >= 70


@pytest.mark.parametrize("mode", ["e2e", "bound"])
def test_a_model_that_takes_truth_values(tmp_path, mode):
    path = write_chosen(tmp_path / "m.onnx")
    inputs = tensor_inputs(create_session(path, CPU))
    found = measure_once(request(path, inputs=inputs, batch_size=3, mode=mode), None, TickingClock())
    assert found.figures.num_samples >= 70


def test_what_fails_on_drawn_inputs_is_told_to_be_given_some(tmp_path):
    path = write_lookup(tmp_path / "m.onnx")
    asked = request(path, inputs=tensor_inputs(create_session(path, CPU)), batch_size=4)
    with pytest.raises(
        ModelError, match=r"net fails on a batch of 4: .*indices.*drawn at random .*--input-file"
    ) as raised:
        measure_once(asked, None, TickingClock())
    assert "\n" not in str(raised.value)
    given = tmp_path / "ids.npy"
    np.save(given, np.full((4, 8), 7, np.int64))
    inputs = tensor_inputs(create_session(path, CPU), file=given)
    with pytest.raises(ModelError, match="indices") as raised:
        measure_once(request(path, inputs=inputs, batch_size=4), None, TickingClock())
    assert "--input-file" not in str(raised.value)
    np.save(given, np.ones((4, 8), np.int64))
    assert measure_once(request(path, inputs=inputs, batch_size=4), None, TickingClock())


def test_another_batch_size_than_the_only_one(tmp_path):
    path = write_model(tmp_path / "m.onnx", batch=4)
    plan = request(path).inputs.plan
    assert plan is not None
    fixed = Inputs(("label",), type(plan)(**{**plan.as_dict(), "batch_size": 4}))
    with pytest.raises(ModelError, match="net takes batches of 4 only, not of 1"):
        measure_once(request(path, inputs=fixed), IMAGES, TickingClock())
    assert measure_once(request(path, inputs=fixed, batch_size=4), IMAGES, TickingClock())


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"mode": "graph"}, ProviderError, "CUDA graph"),
        ({"mode": "quick"}, ProviderError, "unknown mode"),
        ({"device": "cuda:0", "provider": "cuda"}, ProviderError, "cuda:0"),
        ({"device": "cpu", "provider": "cuda"}, ProviderError, "does not run on cpu"),
    ],
)
def test_what_cannot_be_had(tmp_path, changes, error, message):
    with pytest.raises(error, match=message):
        measure_once(request(write_model(tmp_path / "m.onnx"), **changes), IMAGES, TickingClock())


def test_digits_need_images(tmp_path):
    with pytest.raises(InputError, match="no images"):
        measure_once(request(write_model(tmp_path / "m.onnx")), None, TickingClock())


class Session:
    """Fails or changes its mind after some calls."""

    def __init__(self, failure, after):
        self.failure, self.after, self.calls = failure, after, 0

    def get_providers(self):
        return ["CPUExecutionProvider"]

    def run(self, _outputs, feed):
        self.calls += 1
        if self.calls > self.after:
            if isinstance(self.failure, Exception):
                raise self.failure
            return [np.full(len(feed["image"]), self.calls % 10)]
        return [np.zeros(len(feed["image"]), np.int64)]


@pytest.mark.parametrize("after", [0, 20, 50])
@pytest.mark.parametrize(
    ("failure", "error", "message"),
    [
        (RuntimeError("Failed to allocate memory"), ProviderError, "cpu has not enough memory for net at batch 32"),
        (MemoryError(), ProviderError, "not enough memory"),
        (RuntimeError("kernel exploded"), ModelError, "net fails on a batch of 32: kernel exploded"),
        ("changes", ModelError, "answers to the same inputs changed"),
    ],
)
def test_a_failure_at_any_moment_is_a_typed_error(tmp_path, monkeypatch, failure, error, message, after):
    sessions(monkeypatch, Session(failure, after))
    with pytest.raises(error, match=message):
        measure_once(request(write_model(tmp_path / "m.onnx"), batch_size=32), IMAGES, TickingClock())


def test_a_session_that_answers_otherwise_than_the_plain_one_is_found_out(tmp_path, monkeypatch):
    sessions(monkeypatch, steady(), Session("changes", after=0))
    with pytest.raises(ModelError, match="changed"):
        measure_once(request(write_model(tmp_path / "m.onnx")), IMAGES, TickingClock())


def sessions(monkeypatch, *made):
    """Hands out sessions in turn, as their devices ask for them; the last one for ever."""
    asked = []

    def create(_path, device, *, opening=None, extra_options=None, **_others):
        asked.append((device.label, dict(extra_options or {})))
        session = made[min(len(asked), len(made)) - 1]
        return opening(lambda: session) if opening is not None else session

    monkeypatch.setattr(single, "create_session", create)
    return asked


def steady():
    return Session(None, after=10**6)


class Wrong(Session):
    """Always the same wrong answers."""

    def __init__(self, share):
        super().__init__(None, after=10**6)
        self.share = share

    def run(self, outputs, feed):
        (labels,) = super().run(outputs, feed)
        labels[: int(len(labels) * self.share)] = 7
        return [labels]


def test_another_provider_has_to_agree_with_the_cpu(tmp_path, monkeypatch):
    asked = request(write_model(tmp_path / "m.onnx"), device="cuda:0", provider="cuda", batch_size=200)
    made = sessions(monkeypatch, steady(), steady(), steady())
    measure_once(asked, IMAGES, TickingClock())
    assert [label for label, _ in made] == ["cuda:0", "cpu", "cuda:0"]
    sessions(monkeypatch, Wrong(0.005), steady(), Wrong(0.005))
    assert measure_once(asked, IMAGES, TickingClock())  # rounding turns a label here and there
    sessions(monkeypatch, Wrong(0.5), steady(), Wrong(0.5))
    with pytest.raises(ModelError, match=r"1600 of 3200 answers on cuda:0 are others than on the CPU"):
        measure_once(asked, IMAGES, TickingClock())


def test_only_the_opening_of_the_session_is_timed(tmp_path, monkeypatch):
    clock = TickingClock()
    slow = steady()
    sessions(monkeypatch, slow)
    assert measure_once(request(write_model(tmp_path / "m.onnx")), IMAGES, clock).figures.session_seconds == 0.001


def test_the_provider_says_what_it_was_given(tmp_path, monkeypatch):
    sessions(monkeypatch, steady())
    asked = request(write_model(tmp_path / "m.onnx"), device="cuda:0", provider="cuda")
    options = measure_once(asked, IMAGES, TickingClock()).provider_options
    assert options == dict(resolve_device("cuda:0").provider_options)


@pytest.mark.parametrize("probe", ["nvml_probe", "smi_probe"])
def test_the_gpu_is_named_and_looked_at_by_nvml_or_else_by_nvidia_smi(tmp_path, monkeypatch, probe):
    class Probe:
        def __init__(self, bus):
            self.bus, self.looks = bus, 0

        def look(self):
            self.looks += 1
            return {"bus": self.bus, "looks": self.looks}

    sessions(monkeypatch, steady())
    monkeypatch.setattr(single, "identify_gpu", lambda device: GpuIdentity("GPU-1", device.text, "0000:17:00.0"))
    monkeypatch.setattr(single, "nvml_probe", lambda _bus: None)
    monkeypatch.setattr(single, probe, Probe)
    asked = request(write_model(tmp_path / "m.onnx"), device="cuda:1", provider="cuda")
    found = measure_once(asked, IMAGES, TickingClock())
    assert (found.gpu_uuid, found.gpu_name) == ("GPU-1", "cuda:1")
    before, after = ({"bus": "0000:17:00.0", "looks": looks} for looks in (1, 2))
    assert found.figures.conditions["gpu"] == {"before": before, "after": after}
    assert Measured.from_dict(json.loads(json.dumps(found.as_dict()))) == found
