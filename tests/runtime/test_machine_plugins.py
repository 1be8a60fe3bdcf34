from __future__ import annotations

from types import SimpleNamespace

import pytest

from mnistbench.runtime import machine as module
from mnistbench.runtime.devices import resolve_device
from mnistbench.runtime.machine import Machine
from mnistbench.runtime.session import create_session

CPU, OPENVINO = "CPUExecutionProvider", "OpenVINOExecutionProvider"


@pytest.fixture
def onnxruntime(monkeypatch):
    """One that lists what a plug-in brought with what it was built with, as 1.31 does."""
    names = [CPU]
    stand_in = SimpleNamespace(
        get_available_providers=lambda: list(names),
        register_execution_provider_library=lambda _name, path: names.extend([path, f"{path}.AUTO"]),
    )
    monkeypatch.setattr(module, "import_onnxruntime", lambda: stand_in)
    monkeypatch.setattr(module, "_brought_by_plugins", set())
    return names


def test_what_a_plugin_brought_is_not_built_in(onnxruntime):
    Machine().register_library("some-package", OPENVINO)
    assert onnxruntime == [CPU, OPENVINO, f"{OPENVINO}.AUTO"]
    assert Machine().available_providers() == [CPU]


def test_what_was_built_in_stays_so_beside_a_plugin(onnxruntime):
    onnxruntime.append(OPENVINO)
    Machine().register_library("some-package", OPENVINO)
    assert Machine().available_providers() == [CPU, OPENVINO, OPENVINO]


def test_openvinos_plugin_is_found_a_second_time(tmp_path):
    pytest.importorskip("onnxruntime_ep_openvino")
    from onnx_models import contract_model, save

    path = save(contract_model(), tmp_path / "m.onnx")
    for _ in range(2):
        device = resolve_device("cpu", "openvino")
        assert device.source.package == "onnxruntime-ep-openvino"
        assert create_session(path, device).get_providers()[0] == OPENVINO
