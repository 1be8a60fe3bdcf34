from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import onnxruntime
import pytest
from machines import FakeMachine
from onnx_models import contract_model, foreign_model, save

from mnistbench.errors import ModelError, ProviderError
from mnistbench.runtime.devices import CPU, resolve_device
from mnistbench.runtime.session import (
    SessionSettings,
    create_session,
    one_line,
    onnxruntime_errors,
    run_error,
    usable_cpus,
)


def run(session):
    return session.run(["label"], {"image": np.zeros((3, 1, 28, 28), np.uint8)})[0]


def test_settings_default_to_the_cpus_of_this_process_and_are_data():
    assert SessionSettings().as_dict() == {
        "intra_op_num_threads": usable_cpus(),
        "allow_spinning": True,
        "graph_optimization": "all",
        "provider_options": {},
    }
    if hasattr(os, "sched_getaffinity"):
        assert usable_cpus() == len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    "values", [{"intra_op_num_threads": 0}, {"intra_op_num_threads": 2**31}, {"graph_optimization": "most"}]
)
def test_settings_that_are_not_possible(values):
    with pytest.raises(ProviderError, match="expected"):
        SessionSettings(**values)


def test_a_session_from_a_path_and_from_bytes(tmp_path):
    path = save(contract_model(), tmp_path / "m.onnx")
    for source in (path, str(path), path.read_bytes()):
        session = create_session(source, CPU)
        assert session.get_providers() == ["CPUExecutionProvider"]
        assert run(session).shape == (3,)


@pytest.mark.parametrize("level", ["all", "extended", "basic", "none"])
def test_settings_reach_onnxruntime(tmp_path, level):
    path = save(contract_model(), tmp_path / "m.onnx")
    session = create_session(path, CPU, SessionSettings(1, allow_spinning=False, graph_optimization=level))
    options = session.get_session_options()
    assert options.intra_op_num_threads == 1
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
    names = {"all": "ENABLE_ALL", "extended": "ENABLE_EXTENDED", "basic": "ENABLE_BASIC", "none": "DISABLE_ALL"}
    assert options.graph_optimization_level.name == f"ORT_{names[level]}"


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (contract_model(opset=999), "uses opset 999, newer than onnxruntime .* knows"),
        (contract_model(ir=999), "IR version 999, newer than onnxruntime .* reads"),
    ],
)
def test_models_that_are_too_new(tmp_path, model, message):
    path = save(model, tmp_path / "new.onnx")
    with pytest.raises(ModelError, match=message) as raised:
        create_session(path, CPU)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_model_that_parses_but_makes_no_sense(tmp_path):
    model = contract_model()
    model.graph.node[2].op_type = "NoSuchOperator"
    with pytest.raises(ModelError, match="NoSuchOperator") as raised:
        create_session(save(model, tmp_path / "m.onnx"), CPU)
    assert "/onnxruntime" not in str(raised.value)


@pytest.mark.parametrize("cut", [0, 1, 100, 5000, 31000])
def test_a_truncated_file(tmp_path, cut):
    path = tmp_path / "cut.onnx"
    path.write_bytes(contract_model().SerializeToString()[:cut])
    with pytest.raises(ModelError, match=r"cut\.onnx"):
        create_session(path, CPU)


def with_external_weights(folder):
    model = contract_model()
    weights = model.graph.initializer[1]
    (folder / "weights.bin").write_bytes(weights.raw_data)
    weights.ClearField("raw_data")
    weights.data_location = 1
    weights.external_data.add(key="location", value="weights.bin")
    return save(model, folder / "m.onnx")


def test_a_model_is_read_as_onnx_whatever_it_is_called_or_says(tmp_path):
    """onnxruntime would choose its own format for such a name, and for content with ORTM at the fifth byte."""
    content = contract_model().SerializeToString()
    path = tmp_path / "model.ort"
    path.write_bytes(content)
    for source in (path, b"\x12\x06abORTM" + content):
        assert run(create_session(source, CPU)).shape == (3,)


def test_external_data_is_refused_unless_allowed(tmp_path):
    path = with_external_weights(tmp_path)
    with pytest.raises(ModelError, match="keeps weights in other files"):
        create_session(path, CPU)
    with pytest.raises(ModelError, match="keeps weights in other files"):
        create_session(path.read_bytes(), CPU, allow_external_data=True)
    assert run(create_session(path, CPU, allow_external_data=True)).shape == (3,)


def test_external_data_that_is_not_there(tmp_path):
    path = with_external_weights(tmp_path)
    (tmp_path / "weights.bin").unlink()
    with pytest.raises(ModelError, match=r"weights\.bin"):
        create_session(path, CPU, allow_external_data=True)


def test_nothing_is_printed_by_onnxruntime(tmp_path):
    save(contract_model(opset=999), tmp_path / "m.onnx")
    script = (
        "import sys\nfrom mnistbench.runtime.session import create_session\n"
        "from mnistbench.runtime.devices import CPU\nfrom mnistbench.errors import ModelError\n"
        "try: create_session(sys.argv[1], CPU)\nexcept ModelError: pass\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "m.onnx")], capture_output=True, check=True)
    assert done.stdout == b""


class FakeSession:
    """Stands for an onnxruntime session that chose a provider by itself."""

    made: tuple = ()

    def __init__(self, source, options, providers, **keywords):
        type(self).made = (options, providers, keywords)

    def get_providers(self):
        return ["CPUExecutionProvider"]


def test_a_gpu_that_turns_out_to_be_the_cpu_is_an_error(tmp_path, monkeypatch):
    path = save(contract_model(), tmp_path / "m.onnx")
    monkeypatch.setattr(onnxruntime, "InferenceSession", FakeSession)
    with pytest.raises(ProviderError, match="cuda:0 was asked for, but onnxruntime chose CPUExecutionProvider"):
        create_session(path, resolve_device("cuda"), machine=FakeMachine(num_gpus=1))
    options, providers, keywords = FakeSession.made
    assert options.get_session_config_entry("session.disable_cpu_ep_fallback") == "1"
    assert [name for name, _ in providers] == ["CUDAExecutionProvider"]
    assert keywords == {"enable_fallback": 0}


@pytest.mark.parametrize(
    ("raised", "kind", "message"),
    [
        ("fallback to CPU EP has been explicitly disabled by the user.", ProviderError, "cannot run wholly on cuda:0"),
        ("CUDA failure 2: out of memory", ProviderError, "cuda:0 cannot load"),
        ("Type Error: bad", ModelError, "cannot be loaded"),
    ],
)
def test_what_a_gpu_session_may_raise(tmp_path, monkeypatch, raised, kind, message):
    path = save(contract_model(), tmp_path / "m.onnx")

    def fail(*_args, **_keywords):
        raise RuntimeError(raised)

    monkeypatch.setattr(onnxruntime, "InferenceSession", fail)
    with pytest.raises(kind, match=message):
        create_session(path, resolve_device("cuda"), machine=FakeMachine(num_gpus=1))


def test_a_missing_gpu_is_named_before_onnxruntime_is_asked(tmp_path):
    path = save(contract_model(), tmp_path / "m.onnx")
    with pytest.raises(ProviderError, match="no NVIDIA driver"):
        create_session(path, resolve_device("cuda"), machine=FakeMachine(driver=False))


def test_messages_become_one_readable_line():
    text = (
        "[ONNXRuntimeError] : 1 : FAIL : /onnxruntime_src/onnxruntime/core/graph/model.cc:256 "
        "onnxruntime::Model::Model(onnx::ModelProto&&, const Logger&) Unsupported model\nIR version: 99\n"
    )
    assert one_line(RuntimeError(text)) == "Unsupported model IR version: 99"
    assert one_line(MemoryError()) == "MemoryError"
    assert len(one_line(RuntimeError("x" * 9999))) == 400


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (MemoryError(), ProviderError),
        (RuntimeError("Failed to allocate memory for requested buffer of size 99"), ProviderError),
        (RuntimeError("CUDA error: out of memory"), ProviderError),
        (RuntimeError("Invalid dimensions"), ModelError),
    ],
)
def test_failures_of_a_run(error, kind):
    result = run_error(error, name="m", device=CPU, batch_size=1024, advice="; give others")
    assert isinstance(result, kind)
    assert "1,024" in str(result)
    # Other inputs make no more memory.
    assert str(result).endswith("; give others") == (kind is ModelError)


def test_onnxruntime_errors_cover_what_it_raises(tmp_path):
    session = create_session(save(foreign_model(["n", 784]), tmp_path / "m.onnx"), CPU)
    for feed in ({"given": np.zeros((1, 783), np.float32)}, {"given": np.zeros((1, 784))}, {}, {"given": "text"}):
        with pytest.raises(onnxruntime_errors()):
            session.run(None, feed)
