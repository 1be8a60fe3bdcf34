from __future__ import annotations

import json

import numpy as np
import pytest
from machines import INTEL, OTHER, PACKAGE, FakeMachine, PluginMachine
from onnxruntime.capi import onnxruntime_pybind11_state

from mnistbench.artifacts import bundled_zoo, read_manifest
from mnistbench.errors import ProviderError
from mnistbench.measure.doctor import answers
from mnistbench.measure.doctor.answers import Installed, Ran, answer, offered, read_provider
from mnistbench.measure.doctor.images import drawn_digits

CPU_RUN = {"what": "run", "device": "cpu", "provider": "cpu"}


class StillClock:
    """Set back by a second at each look."""

    now = 0

    def now_ns(self):
        self.now -= 1_000_000_000
        return self.now


def through_json(document):
    return json.loads(json.dumps(document, allow_nan=False))


@pytest.mark.parametrize("entry", read_manifest(bundled_zoo()), ids=lambda entry: entry.name)
def test_every_bundled_model_reads_the_drawn_digits(entry):
    (found,) = answer({**CPU_RUN, "models": [str(bundled_zoo() / entry.file)]})["ran"]
    found = Ran.from_dict(through_json(found))
    assert found.labels == (0, 0, 0, 0, 1, 1, 1, 1)
    assert np.shape(found.scores) == (8, 10)
    assert np.argmax(found.scores, 1).tolist() == list(found.labels)
    assert set(found.node_placement) == {"CPUExecutionProvider"}
    assert found.session_seconds > 0


def test_drawn_digits_are_images_of_mnists_kind():
    images, truth = drawn_digits()
    assert (images.dtype, images.shape, truth.tolist()) == (np.uint8, (8, 28, 28), [0] * 4 + [1] * 4)
    assert all((image.min(), image.max()) == (0, 255) for image in images)
    assert len({image.tobytes() for image in images}) == 8
    # Within the 20x20 field of MNIST.
    assert not images[:, :4].any()
    assert not images[:, :, -4:].any()


def test_without_a_model_the_identity_runs():
    (found,) = answer({**CPU_RUN, "models": [None]}, clock=StillClock())["ran"]
    images, truth = drawn_digits()
    assert np.array_equal(found["scores"], images.reshape(8, -1))
    assert found["labels"] == tuple(truth.tolist())
    assert found["session_seconds"] == 0


def test_one_broken_model_does_not_stop_the_other(tmp_path):
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"nothing")
    first, second = answer({**CPU_RUN, "models": [str(broken), None]})["ran"]
    assert "broken.onnx" in first["error"]
    assert second["error"] is None


def test_a_model_that_fails_or_gives_nan_is_said_as_it_is(monkeypatch):
    class Session:
        def __init__(self, value):
            self.value = value

        def run(self, outputs, feed):
            if self.value is None:
                raise RuntimeError("CUDA failure 700: an illegal memory access")
            return [np.full((8, 10), self.value, np.float32), np.zeros(8, np.int64)]

    for value, error in ((np.nan, None), (np.inf, None), (None, "m.onnx fails on a batch of 8: CUDA failure 700")):
        monkeypatch.setattr(answers, "create_session", lambda *_, value=value, **__: Session(value))
        (found,) = through_json(answer({**CPU_RUN, "models": ["m.onnx"]})["ran"])
        assert found["scores"] is None
        assert (found["error"] or "").startswith(error or "")
        assert (found["error"] is None) == (error is None)
        assert Ran.from_dict(found).labels == (() if error else (0,) * 8)


def test_what_is_installed_and_how_many_gpus_there_are():
    machine = PluginMachine(INTEL | OTHER, num_gpus=3, broken=(PACKAGE,))
    found = Installed.from_dict(through_json(answer({"what": "installed"}, machine=machine)["installed"]))
    assert [provider.name for provider in found.providers] == ["cuda", "cpu"]
    assert found.plugin_packages == ("onnxruntime-ep-acme", PACKAGE)
    assert found.onnxruntime
    assert answer({"what": "gpus"}, machine=machine) == {"gpus": 3}


@pytest.mark.parametrize(
    ("listed", "devices"),
    [
        (["CPU"], ["cpu"]),
        (["CPU", "GPU", "NPU"], ["cpu", "gpu:0", "npu:0"]),
        (["CPU", "GPU.0", "GPU.1", "GNA"], ["cpu", "gpu:0", "gpu:1"]),
        ([], None),
        (RuntimeError("no libopenvino.so"), None),
    ],
)
def test_where_a_built_in_openvino_finds_hardware(monkeypatch, listed, devices):
    def ids():
        if isinstance(listed, Exception):
            raise listed
        return listed

    monkeypatch.setattr(onnxruntime_pybind11_state, "get_available_openvino_device_ids", ids, raising=False)
    assert answer({"what": "openvino"}) == {"devices": devices}


def test_what_a_plugin_offers():
    machine = PluginMachine(INTEL | OTHER)
    ((document, devices),) = through_json(answer({"what": "plugin", "package": PACKAGE}, machine=machine)["offered"])
    assert (read_provider(document).name, devices) == ("openvino", ["cpu", "gpu:0", "gpu:1"])
    ((provider, devices),) = offered("onnxruntime-ep-acme", machine)
    assert (provider.name, provider.package, devices) == ("acme", "onnxruntime-ep-acme", ["npu:0"])
    nothing = PluginMachine({PACKAGE: []})
    assert [devices for _, devices in offered(PACKAGE, nothing)] == [[]]


@pytest.mark.parametrize(
    ("question", "machine", "missing"),
    [
        (
            {"what": "plugin", "package": PACKAGE},
            PluginMachine(INTEL, broken=(PACKAGE,)),
            "cannot be imported: libsome",
        ),
        ({**CPU_RUN, "provider": "openvino", "models": []}, PluginMachine({}), "not installed; run: pip install"),
        ({**CPU_RUN, "device": "cuda:0", "provider": "cuda", "models": []}, FakeMachine(driver=False), "NVIDIA driver"),
        ({**CPU_RUN, "device": "cuda:9", "provider": "cuda", "models": []}, FakeMachine(num_gpus=1), "no cuda:9"),
    ],
)
def test_what_is_missing_is_an_answer_too(question, machine, missing):
    text = answer(question, machine=machine)["missing"]
    assert missing in text
    assert "\n" not in text


def test_a_plugin_that_cannot_be_loaded():
    machine = PluginMachine(INTEL)
    machine.register_library = lambda name, path: (_ for _ in ()).throw(RuntimeError("undefined symbol"))
    with pytest.raises(ProviderError, match="cannot be loaded: undefined symbol"):
        offered(PACKAGE, machine)
