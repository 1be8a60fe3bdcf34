from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from onnx_models import contract_model, save

from mnistbench.runtime.devices import CPU, resolve_device
from mnistbench.runtime.session import SessionSettings, create_session
from mnistbench.runtime.snippet import session_snippet

OPENVINO = resolve_device("cpu", "openvino")
CUDA = resolve_device("cuda:1")


def run(code):
    names: dict = {}
    exec(compile(code, "snippet", "exec"), names)
    return names


@pytest.mark.parametrize(
    "settings",
    [SessionSettings(1), SessionSettings(2), SessionSettings(2, False), SessionSettings(3, True, "basic")],
    ids=str,
)
@pytest.mark.parametrize("name", ["m.onnx", 'a "b" c\\d.onnx', "größe.onnx"])
def test_it_makes_the_same_session_as_the_package(tmp_path, settings, name):
    path = save(contract_model(), tmp_path / name)
    session = run(session_snippet(path, CPU, settings))["session"]
    own = create_session(path, CPU, settings)
    assert session.get_providers() == own.get_providers()
    theirs, ours = session.get_session_options(), own.get_session_options()
    assert theirs.intra_op_num_threads == ours.intra_op_num_threads == settings.intra_op_num_threads
    assert theirs.graph_optimization_level == ours.graph_optimization_level
    if settings.intra_op_num_threads > 1:
        key = "session.intra_op.allow_spinning"
        assert theirs.get_session_config_entry(key) == ours.get_session_config_entry(key)
    images = np.random.default_rng(0).integers(0, 256, (5, 1, 28, 28), dtype=np.uint8)
    for answer, expected in zip(session.run(None, {"image": images}), own.run(None, {"image": images}), strict=True):
        np.testing.assert_array_equal(answer, expected)


def test_cuda_gets_its_options_and_no_fallback(monkeypatch):
    made = []
    monkeypatch.setattr(onnxruntime, "preload_dlls", lambda: made.append("preload"))
    monkeypatch.setattr(onnxruntime, "InferenceSession", lambda *args: made.append(args))
    settings = SessionSettings(2, provider_options={"cudnn_conv_algo_search": "EXHAUSTIVE"})
    code = session_snippet(Path("m.onnx"), CUDA, settings, {"enable_cuda_graph": "1"})
    run(code)
    preload, (path, options, providers) = made
    assert (preload, path) == ("preload", "m.onnx")
    assert options.get_session_config_entry("session.disable_cpu_ep_fallback") == "1"
    ((name, given),) = providers
    assert name == "CUDAExecutionProvider"
    wanted = {"device_id": "1", "cudnn_conv_algo_search": "EXHAUSTIVE", "use_tf32": "0", "enable_cuda_graph": "1"}
    assert given == wanted
    assert "run_with_iobinding" in code
    assert "run_with_iobinding" not in session_snippet(Path("m.onnx"), CUDA, settings)


def test_a_plug_in_is_registered_and_its_device_chosen():
    code = session_snippet(Path("m.onnx"), OPENVINO, SessionSettings(3))
    ast.parse(code)
    assert "import onnxruntime_ep_openvino as plugin" in code
    assert 'register_execution_provider_library("onnxruntime-ep-openvino", library)' in code
    assert 'found.device.type.name == "CPU"' in code
    assert "INFERENCE_NUM_THREADS" in code
    second = session_snippet(Path("m.onnx"), resolve_device("gpu:1", "openvino"), SessionSettings(3))
    assert 'found.device.type.name == "GPU"' in second
    assert "][1:2]" in second


def test_openvino_really_runs(tmp_path):
    pytest.importorskip("onnxruntime_ep_openvino")
    import subprocess
    import sys

    path = save(contract_model(), tmp_path / "m.onnx")
    code = session_snippet(path, OPENVINO, SessionSettings(1)) + "assert session.get_providers()[0] == 'OpenVINO"
    subprocess.run([sys.executable, "-c", code + "ExecutionProvider'\n"], check=True)
