from __future__ import annotations

import dataclasses

import pytest
from doctor_machines import CPU, MODELS, WITH_GPU, Asked, extras, fine, ran
from machines import INTEL, OTHER, PACKAGE, FakeMachine, PluginMachine

from mnistbench.errors import ProviderError
from mnistbench.measure.doctor.answers import Ran, installed
from mnistbench.measure.doctor.devices import check_devices, split_remedy
from mnistbench.measure.doctor.patient import Patient

NO_PLUGINS = PluginMachine({})
CUDA = "CUDAExecutionProvider"
DIED = ProviderError("the process that tried it died (signal 11): Segmentation fault")


def check(machine=NO_PLUGINS, environment=CPU, *, models=MODELS, gpus_hidden=False, num_gpus=0, **scripted):
    """Findings and rows by device and provider, and what was asked."""
    ask = Asked(machine, **scripted)
    patient = Patient(
        ask, models, installed(machine), num_gpus, environment, extras(environment), gpus_hidden=gpus_hidden
    )
    told = []
    findings, rows = check_devices(patient, told.append)
    by_place = {}
    for row in rows:
        by_place.setdefault(f"{row.device} {row.provider}", []).append(row)
    return {found.subject: found for found in findings}, by_place, ask, told


def cuda(*runs):
    return {"num_gpus": 1, "environment": WITH_GPU, "cuda:0_cuda": ran(*runs)}


def test_a_machine_without_gpu_or_plugins():
    findings, rows, ask, told = check(FakeMachine(driver=False))
    assert findings["device cpu"].severity == "ok"
    assert findings["device cpu"].text == "every node of small and of large runs on CPUExecutionProvider"
    assert [row.severity for row in rows["cpu cpu"]] == ["ok", "ok"]
    assert findings["device cuda:0"].severity == "missing"
    assert "NVIDIA driver" in findings["device cuda:0"].text
    assert findings["device cuda:0"].remedy == ""
    # TensorRT is known, but this onnxruntime is built without it.
    assert findings["device cuda:0 tensorrt"].severity == "missing"
    assert ask.tried == ["cpu cpu", "cuda:0 cuda", "cuda:0 tensorrt"]
    assert told == ["cpu", "cuda:0", "cuda:0 tensorrt"]
    (row,) = rows["cpu openvino"]
    assert (row.severity, row.model, "not installed" in row.error) == ("missing", None, True)


def test_a_gpu_that_runs_is_compared_with_the_cpu():
    findings, rows, _, _ = check(**cuda(fine(1e-5, provider=CUDA), fine(0.01, provider=CUDA)))
    assert findings["device cuda:0"].severity == "note"
    first, second = rows["cuda:0 cuda"]
    assert (first.severity, first.label_differences, first.node_placement) == ("ok", 0, {CUDA: 9})
    assert first.max_logit_difference == pytest.approx(1e-4)
    assert (second.severity, "reduced precision" in second.error) == ("note", True)


@pytest.mark.parametrize(
    ("broken", "text"),
    [
        (fine(0.5, provider=CUDA), "its answers are wrong: other digits on 0 of 8 images, logits off by 50.0%"),
        (dataclasses.replace(fine(provider=CUDA), scores=None), "not finite"),
        (fine(labels=(5,) * 8), "its answers are wrong: other digits on 8 of 8 images"),
        (Ran(error="large.onnx would not run wholly on cuda:0: 3 nodes on CPUExecutionProvider"), "3 nodes on CPU"),
    ],
)
def test_a_gpu_with_wrong_answers_or_a_fallback_is_a_problem(broken, text):
    findings, rows, _, _ = check(**cuda(fine(provider=CUDA), broken))
    assert findings["device cuda:0"].severity == "problem"
    assert text in findings["device cuda:0"].text
    assert [row.severity for row in rows["cuda:0 cuda"]] == ["ok", "problem"]


def test_every_gpu_is_tried_by_each_of_its_providers():
    _, _, ask, _ = check(FakeMachine(driver=False), num_gpus=2)
    assert ask.tried[1:] == ["cuda:0 cuda", "cuda:1 cuda", "cuda:0 tensorrt", "cuda:1 tensorrt"]


@pytest.mark.parametrize(
    ("missing", "hidden", "severity", "remedy"),
    [
        ("no cudnn; run: pip install 'onnxruntime-gpu[cuda,cudnn]'", False, "missing", "pip install 'onnxruntime-gpu"),
        ("the NVIDIA driver finds no GPU; check nvidia-smi", False, "problem", ""),
        ("the NVIDIA driver finds no GPU; check nvidia-smi", True, "missing", ""),
    ],
)
def test_a_gpu_that_cuda_cannot_use(missing, hidden, severity, remedy):
    scripted = {"cuda:0_cuda": {"missing": missing}}
    findings, rows, _, _ = check(environment=WITH_GPU, gpus_hidden=hidden, **scripted)
    found = findings["device cuda:0"]
    assert (found.severity, found.remedy.startswith(remedy)) == (severity, True)
    assert bool(found.remedy) == bool(remedy)
    assert "run:" not in found.text
    assert rows["cuda:0 cuda"][0].severity == severity


def test_a_package_is_not_recommended_to_who_has_no_gpu():
    findings, _, _, _ = check(FakeMachine(cuda_build=False))
    assert (findings["device cuda:0"].severity, findings["device cuda:0"].remedy) == ("missing", "")


@pytest.mark.parametrize("place", ["cpu_cpu", "cuda:0_cuda"])
def test_a_crash_is_one_finding_and_the_others_go_on(place):
    findings, rows, ask, _ = check(environment=WITH_GPU, num_gpus=1, **{place: DIED})
    device, _, provider = place.partition("_")
    assert findings[f"device {device}"].severity == "problem"
    assert "signal 11" in rows[f"{device} {provider}"][0].error
    assert ask.tried == ["cpu cpu", "cuda:0 cuda", "cuda:0 tensorrt"]


def test_without_the_cpus_answers_nothing_can_be_compared():
    scripted = {"cpu_cpu": DIED, "cuda:0_cuda": ran(fine(provider=CUDA), fine(provider=CUDA))}
    findings, rows, _, _ = check(environment=WITH_GPU, num_gpus=1, **scripted)
    assert [row.severity for row in rows["cuda:0 cuda"]] == ["note", "note"]
    assert findings["device cuda:0"].severity == "note"
    assert rows["cuda:0 cuda"][0].label_differences is None


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (fine(labels=(0, 0, 0, 0, 1, 1, 1, 9)), "it misreads 1 of 8 plain digits"),
        (dataclasses.replace(fine(), scores=None), "not finite"),
        (Ran(error="small.onnx cannot be loaded"), "cannot be loaded"),
    ],
)
def test_a_cpu_that_computes_wrongly_is_a_problem(one, text):
    findings, rows, _, _ = check(models={"small": None}, cpu_cpu=ran(one))
    assert findings["device cpu"].severity == "problem"
    assert text in findings["device cpu"].text
    assert rows["cpu cpu"][0].severity == "problem"


def test_an_onnxruntime_that_does_not_tell_where_nodes_run():
    findings, rows, _, _ = check(models={"small": None}, cpu_cpu=ran(dataclasses.replace(fine(), node_placement={})))
    assert (findings["device cpu"].severity, "does not say" in findings["device cpu"].text) == ("note", True)
    assert rows["cpu cpu"][0].severity == "ok"


@pytest.mark.parametrize(
    ("packages", "remedy"),
    [
        ({"onnxruntime-openvino": "1.23.0"}, "pip install --upgrade onnxruntime-openvino"),
        ({"onnxruntime-gpu": "1.23.0"}, "pip install --upgrade onnxruntime-gpu"),
        ({"onnxruntime-gpu": "1.23.0", "onnxruntime": "1.22.0"}, ""),
        ({}, ""),
    ],
)
def test_a_newer_onnxruntime_is_one_of_the_same_build(packages, remedy):
    environment = dataclasses.replace(CPU, packages=CPU.packages | packages)
    silent = ran(dataclasses.replace(fine(), node_placement={}))
    findings, _, _, _ = check(environment=environment, models={"small": None}, cpu_cpu=silent)
    assert findings["device cpu"].remedy == remedy


def test_a_plugin_is_tried_on_each_device_that_it_takes():
    scripted = dict.fromkeys(("cpu_openvino", "gpu:0_openvino", "gpu:1_openvino"), ran(fine(0.01), fine()))
    findings, rows, ask, _ = check(PluginMachine(INTEL), **scripted)
    assert ask.tried[3:] == ["cpu openvino", "gpu:0 openvino", "gpu:1 openvino"]
    assert [row.severity for row in rows["gpu:1 openvino"]] == ["note", "ok"]
    assert findings["device cpu openvino"].severity == "note"


def test_a_plugin_that_takes_nothing_here_is_a_note():
    findings, rows, ask, _ = check(PluginMachine({PACKAGE: []}))
    # The fake's package names a provider of its own when it has no device.
    assert findings["plug-in empty"].severity == "note"
    assert rows["cpu empty"][0].severity == "note"
    assert "cpu empty" not in ask.tried


@pytest.mark.parametrize("scripted", [{}, {"plugin": DIED}])
def test_a_broken_plugin_is_a_problem_and_reinstalled(scripted):
    findings, rows, ask, _ = check(PluginMachine(INTEL, broken=() if scripted else (PACKAGE,)), **scripted)
    found = findings[PACKAGE]
    assert (found.severity, found.remedy) == ("problem", f"pip install --force-reinstall --no-deps {PACKAGE}")
    assert rows["cpu openvino"][0].severity == "problem"
    assert "cpu openvino" not in ask.tried


def test_of_a_strangers_provider_nobody_knows_whether_it_should_run_our_models():
    scripted = {"npu:0_acme": ran(Ran(error="no kernel for ArgMax"), fine(provider="AcmeExecutionProvider"))}
    findings, rows, _, _ = check(PluginMachine(OTHER), **scripted)
    assert findings["device npu:0 acme"].severity == "note"
    assert [row.severity for row in rows["npu:0 acme"]] == ["note", "ok"]


def test_a_driver_that_does_not_answer_is_asked_for_nothing_more():
    findings, rows, ask, _ = check(num_gpus=None)
    assert findings["device cuda:0"].severity == "problem"
    assert rows["cuda:0 tensorrt"][0].severity == "problem"
    assert ask.tried == ["cpu cpu"]


def test_a_built_in_provider_that_is_not_known_is_tried_where_it_usually_runs():
    machine = FakeMachine(driver=False)
    machine.available_providers = lambda: ["XnnpackExecutionProvider", "CPUExecutionProvider"]
    _, rows, ask, _ = check(machine, cpu_xnnpack=ran(Ran(error="would not run wholly"), Ran(error="so")))
    assert "cpu xnnpack" in ask.tried
    assert [row.severity for row in rows["cpu xnnpack"]] == ["note", "note"]


def built(*names):
    """A machine without GPUs whose onnxruntime was built with these."""
    machine = FakeMachine(driver=False)
    machine.available_providers = lambda: [f"{name}ExecutionProvider" for name in (*names, "CPU")]
    return machine


def test_a_built_in_provider_that_nothing_is_known_of_is_not_tried_under_any_name():
    findings, rows, ask, _ = check(built("Acme", "Azure"))
    assert not [place for place in ask.tried if "acme" in place or "azure" in place]
    assert "nothing tells on which device it runs" in findings["provider acme"].text
    assert [row.severity for row in rows["unknown acme"]] == ["note"]
    assert not [place for place in rows if "azure" in place]


def test_core_ml_is_tried_on_each_kind_of_device():
    runs = {f"{device}_coreml": ran(Ran(error="no"), fine()) for device in ("cpu", "gpu:0", "npu:0")}
    _, rows, ask, _ = check(built("CoreML"), **runs)
    assert ask.tried[-3:] == ["cpu coreml", "gpu:0 coreml", "npu:0 coreml"]
    # Nobody knows whether it can run our models.
    assert [row.severity for row in rows["npu:0 coreml"]] == ["note", "ok"]


@pytest.mark.parametrize(
    ("hardware", "devices"),
    [
        (["cpu"], ["cpu"]),
        (["cpu", "gpu", "npu"], ["cpu", "gpu:0", "npu:0"]),
        (["cpu", "gpu", "gpu"], ["cpu", "gpu:0", "gpu:1"]),
    ],
)
def test_a_built_in_openvino_is_tried_on_what_it_finds(hardware, devices):
    machine = built("OpenVINO")
    machine.openvino_hardware = lambda: hardware
    runs = {f"{device}_openvino": ran(fine(), fine()) for device in devices}
    _, rows, ask, _ = check(machine, **runs)
    assert [place for place in ask.tried if "openvino" in place] == [f"{device} openvino" for device in devices]
    assert all([row.severity for row in rows[f"{device} openvino"]] == ["ok", "ok"] for device in devices)


@pytest.mark.parametrize(("scripted", "reason"), [({"openvino": DIED}, "signal 11"), ({}, "it does not say")])
def test_a_built_in_openvino_that_cannot_be_asked_is_tried_on_the_cpu(scripted, reason):
    machine = built("OpenVINO")
    machine.openvino_hardware = lambda: None
    findings, rows, ask, _ = check(machine, cpu_openvino=ran(fine(), fine()), **scripted)
    assert [place for place in ask.tried if "openvino" in place] == ["cpu openvino"]
    for device in ("gpu:0", "npu:0"):
        assert findings[f"device {device} openvino"].severity == "note"
        assert reason in findings[f"device {device} openvino"].text
        assert rows[f"{device} openvino"][0].severity == "note"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("no such; run: pip install x", ("no such", "pip install x")),
        ("a; b; run: pip install 'm[o]' (or pip install o)", ("a; b", "pip install 'm[o]'")),
        ("nothing to run", ("nothing to run", "")),
        ("", ("", "")),
    ],
)
def test_the_command_in_an_error(text, parts):
    assert split_remedy(text) == parts
