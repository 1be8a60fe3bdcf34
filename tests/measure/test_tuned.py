from __future__ import annotations

import dataclasses
import hashlib
import json

import pytest
from test_results import ENVIRONMENT
from tunings import NOTHING, TUNING

from mnistbench.errors import ArtifactError, UnknownDeviceError
from mnistbench.measure.tuned import read_tuning, use_tuning
from mnistbench.results import TuningCandidate
from mnistbench.runtime.devices import CPU, resolve_device
from mnistbench.runtime.session import SessionSettings

CONTENT = b"a model"


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "m.onnx"
    path.write_bytes(CONTENT)
    return path


def tuning(**changes):
    values = {"sha256": hashlib.sha256(CONTENT).hexdigest()}
    return dataclasses.replace(TUNING, **(values | changes))


def on_cuda(**changes):
    searched = TuningCandidate(2, True, {"cudnn_conv_algo_search": "EXHAUSTIVE"}, **changes)
    return tuning(device="cuda:1", provider="cuda", candidates=(searched,), best=0, baseline=0)


def use(tuned, path, **changes):
    return use_tuning(tuned, path, **({"environment": ENVIRONMENT} | changes))


def write(path, document):
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_settings_and_device_come_from_the_tuning(model):
    assert use(tuning(), model) == (CPU, SessionSettings(1))
    device, settings = use(tuning(provider="openvino"), model)
    assert (device.text, device.source.name, settings) == ("cpu", "openvino", SessionSettings(1))
    device, settings = use(on_cuda(), model)
    assert (device, dict(settings.provider_options)) == (
        resolve_device("cuda:1"),
        {"cudnn_conv_algo_search": "EXHAUSTIVE"},
    )


def test_a_file_says_the_same_as_its_content(model, tmp_path):
    for document in (tuning().as_dict(), [tuning().as_dict()]):
        file = write(tmp_path / "t.json", document)
        assert use(file, model) == use(str(file), model) == use(tuning(), model)


@pytest.mark.parametrize(
    ("tuned", "asked"),
    [
        (tuning(), {"device": "cpu"}),
        (tuning(), {"device": " CPU ", "provider": "CPUExecutionProvider"}),
        (on_cuda(), {"device": "cuda:1"}),
        (dataclasses.replace(on_cuda(), device="cuda:0"), {"device": "cuda", "provider": "cuda"}),
    ],
)
def test_the_same_device_may_be_said(model, tuned, asked):
    assert use(tuned, model, **asked) == use(tuned, model)


@pytest.mark.parametrize(
    ("tuned", "asked", "texts"),
    [
        (tuning(), {"device": "cuda"}, ["the device cpu, not of cuda:0", "--device cuda:0"]),
        (tuning(), {"provider": "openvino"}, ["the provider cpu, not of openvino", "--provider openvino"]),
        (on_cuda(), {"device": "cuda:0"}, ["the device cuda:1, not of cuda:0"]),
        (tuning(sha256="ab" * 32), {}, ["of another file", "abababababab", "mnistbench bench"]),
        (tuning(mode="graph"), {}, ["mode graph", "e2e"]),
        (NOTHING, {}, ["found no settings", "no NVIDIA driver"]),
    ],
)
def test_what_does_not_fit_is_an_error_that_says_so(model, tuned, asked, texts):
    with pytest.raises(ArtifactError) as caught:
        use(tuned, model, **asked)
    for text in texts:
        assert text in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "text"),
    [({"cpu": "Other CPU"}, "processor Some CPU, here Other CPU"), ({"cpus_usable": 8}, "usable processors 2, here 8")],
)
def test_another_machine_is_an_error_that_says_what_else_can_be_done(model, changes, text):
    here = dataclasses.replace(ENVIRONMENT, **changes)
    with pytest.raises(ArtifactError, match=text) as caught:
        use(tuning(), model, environment=here)
    assert "num_threads=1, allow_spinning=True" in str(caught.value)


def test_another_gpu_matters_to_a_gpu_only(model):
    here = dataclasses.replace(ENVIRONMENT, gpus=())
    assert use(tuning(), model, environment=here) == (CPU, SessionSettings(1))
    with pytest.raises(ArtifactError, match="GPUs GPU, here none") as caught:
        use(on_cuda(), model, environment=here)
    assert "on trust" not in str(caught.value)


def test_another_onnxruntime_is_a_warning(model):
    here = dataclasses.replace(ENVIRONMENT, packages={"onnxruntime": "1.31.0", "numpy": "9"})
    with pytest.warns(UserWarning, match=r"of no onnxruntime, this is onnxruntime 1\.31\.0"):
        assert use(tuning(), model, environment=here) == (CPU, SessionSettings(1))
    # numpy has no part in it.
    use(tuning(), model, environment=dataclasses.replace(ENVIRONMENT, packages={"numpy": "9"}))


@pytest.mark.parametrize("options", [{"user_compute_stream": "4096"}, {"cudnn_conv_algo_search": "/lib/x.so"}])
def test_options_that_no_tuning_tries_are_refused(model, options):
    tuned = on_cuda()
    bad = dataclasses.replace(tuned, candidates=(dataclasses.replace(tuned.candidates[0], provider_options=options),))
    with pytest.raises(ArtifactError, match="which no tuning tries"):
        use(bad, model)


def test_an_unknown_provider_in_the_file(model):
    with pytest.raises(UnknownDeviceError, match="'abacus'"):
        use(tuning(provider="abacus"), model)


def test_a_model_that_is_not_there(tmp_path):
    with pytest.raises(ArtifactError, match=r"none\.onnx"):
        use(tuning(), tmp_path / "none.onnx")


def test_this_machine_is_looked_at_by_default(model):
    with pytest.raises(ArtifactError, match="of another machine: processor Some CPU"):
        use_tuning(tuning(), model)


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff", b"{}", b"3", b"[]", b"[1]", b'{"kind": "bench"}', b"[" * 10_000, b'{"kind": "tuning"}'],
    ids=repr,
)
def test_files_that_are_no_tuning(tmp_path, content):
    file = tmp_path / "t.json"
    file.write_bytes(content)
    with pytest.raises(ArtifactError, match="is not a tuning") as caught:
        read_tuning(file)
    assert "mnistbench bench NAME --tune" in str(caught.value)


def test_a_file_with_several_and_one_that_is_missing(tmp_path):
    with pytest.raises(ArtifactError, match="it has 2 results"):
        read_tuning(write(tmp_path / "t.json", [tuning().as_dict()] * 2))
    with pytest.raises(ArtifactError, match="No such file"):
        read_tuning(tmp_path / "none.json")
