from __future__ import annotations

import pytest
from machines import INTEL, OPENVINO, OTHER, PACKAGE, FakeMachine, PluginMachine

from mnistbench.errors import ProviderError, UnknownDeviceError
from mnistbench.runtime.devices import CPU, expand_devices, plugin_device, require, resolve_device
from mnistbench.runtime.known_providers import BUILT_IN, EVERY_KIND, PROVIDERS
from mnistbench.runtime.machine import Machine
from mnistbench.runtime.providers import find_provider, installed_providers, register_plugin, short_name
from mnistbench.runtime.session import SessionSettings, provider_options


def built(*names):
    """A machine whose onnxruntime was built with these."""
    machine = PluginMachine({}, num_gpus=2)
    machine.available_providers = lambda: [f"{name}ExecutionProvider" for name in (*names, "CPU")]
    return machine


@pytest.mark.parametrize("provider", [*PROVIDERS, *BUILT_IN], ids=lambda provider: provider.name)
@pytest.mark.parametrize("change", [str, str.upper, lambda text: f" {text} "])
def test_known_providers_are_found_by_either_name(provider, change):
    for name in (provider.name, provider.full_name):
        assert find_provider(change(name), machine=PluginMachine({})) is provider
    assert short_name(provider.full_name) == provider.name


def test_any_plugin_and_any_built_in_provider_is_found_too():
    machine = PluginMachine(OTHER)
    machine.available_providers = lambda: ["XnnpackExecutionProvider", "CPUExecutionProvider"]
    acme = find_provider("acme", machine=machine)
    assert (acme.full_name, acme.package) == ("AcmeExecutionProvider", "onnxruntime-ep-acme")
    assert find_provider("xnnpackexecutionprovider", machine=machine).package is None
    assert [p.name for p in installed_providers(machine=machine)] == ["xnnpack", "cpu", "acme"]


@pytest.mark.parametrize(
    ("text", "hint"),
    [("opnvino", "did you mean openvino"), ("cudaa", "did you mean cuda"), ("", "expected one of cpu")],
)
def test_an_unknown_provider(text, hint):
    with pytest.raises(UnknownDeviceError, match=hint):
        find_provider(text, machine=PluginMachine({}))


def test_a_broken_plugin_hides_no_other():
    machine = PluginMachine(INTEL | OTHER, broken=("onnxruntime-ep-acme",))
    assert "openvino" in [p.name for p in installed_providers(machine=machine)]
    assert "acme" not in [p.name for p in installed_providers(machine=machine)]


@pytest.mark.parametrize(("text", "number"), [("cpu", 0), ("gpu", 1), ("gpu:1", 2)])
def test_a_plugin_is_registered_once_and_its_device_chosen_by_hardware(text, number):
    machine = PluginMachine(INTEL)
    device = resolve_device(text, "openvino", machine=machine)
    for _ in range(3):
        require(device, machine=machine)
    assert machine.attempts == 1
    assert plugin_device(device, machine=machine).number == number
    assert device.label == f"{device.text} openvino"
    assert not device.is_default


@pytest.mark.parametrize(
    ("machine", "text", "message"),
    [
        (PluginMachine({}), "cpu", r"not installed; run: pip install 'mnistbench\[openvino\]'"),
        (PluginMachine({PACKAGE: []}), "cpu", "1.2.3 offers none of this machine's devices .it takes Intel's"),
        (PluginMachine({PACKAGE: [(OPENVINO, "GPU")]}), "cpu", "offers gpu"),
        (PluginMachine(INTEL), "gpu:2", "gpu:2 openvino cannot be used"),
        (PluginMachine(INTEL), "npu", "npu:0 openvino cannot be used.*offers cpu, gpu"),
        (
            PluginMachine(INTEL, broken=(PACKAGE,)),
            "cpu",
            "1.2.3 cannot be loaded: libsomething.so.1: cannot",
        ),
    ],
)
def test_a_plugin_that_cannot_be_used_says_why(machine, text, message):
    device = resolve_device(text, "openvino", machine=machine)
    for _ in range(2):  # the second time too, when the library is registered already
        with pytest.raises(ProviderError, match=message) as raised:
            require(device, machine=machine)
        assert "\n" not in str(raised.value)


def test_registering_asks_for_a_package_of_strangers_by_its_own_name():
    machine = PluginMachine(OTHER)
    provider = find_provider("acme", machine=machine)
    machine.plugins = {}
    with pytest.raises(ProviderError, match=r"run: pip install onnxruntime-ep-acme$"):
        register_plugin(provider, machine=machine)


@pytest.mark.parametrize(
    ("text", "providers", "labels"),
    [
        (None, [], ["cpu"]),
        (None, ["openvino"], ["cpu openvino"]),
        (None, ["cuda", "cpu"], ["cuda:0", "cpu"]),
        ("cpu", ["cpu", "openvino", "cpu"], ["cpu", "cpu openvino"]),
        ("all", [], ["cpu", "cuda:0", "cuda:1"]),
        ("all", ["cuda", "tensorrt"], ["cuda:0", "cuda:1", "cuda:0 tensorrt", "cuda:1 tensorrt"]),
        ("all", ["cpu"], ["cpu"]),
        ("cpu,cuda:1,cpu", [], ["cpu", "cuda:1"]),
        ("npu:1", ["openvino"], ["npu:1 openvino"]),
    ],
)
def test_devices_and_providers_are_paired_where_they_fit(text, providers, labels):
    machine = PluginMachine(INTEL, num_gpus=2)
    assert [device.label for device in expand_devices(text, providers, machine=machine)] == labels


@pytest.mark.parametrize(
    ("text", "providers", "message"),
    [
        ("cpu", ["cuda"], "the provider cuda does not run on cpu; expected the device cuda:N"),
        ("cuda:0", ["cpu"], "the provider cpu does not run on cuda:0; expected the device cpu"),
        ("cuda:0", ["openvino"], "the provider openvino does not run on cuda:0; expected the device cpu or gpu or npu"),
        ("gpu:0", [], "gpu:N and npu:N need --provider"),
        ("gpu:0", ["cuda"], "does not run on gpu:0"),
        ("cpu,,", [], "unknown device ''; expected cpu, cuda, cuda:N .* or all$"),
    ],
)
def test_pairs_that_make_no_sense(text, providers, message):
    with pytest.raises(UnknownDeviceError, match=message):
        expand_devices(text, providers, machine=PluginMachine(INTEL, num_gpus=1))


def test_a_gpu_of_another_maker_is_never_called_cuda():
    mixed = {"onnxruntime-ep-acme": [("AcmeExecutionProvider", kind) for kind in ("GPU", "NVIDIA", "GPU", "NVIDIA")]}
    machine = PluginMachine(mixed)
    for text, number in (("cuda:0", 1), ("cuda:1", 3), ("gpu:0", 0), ("gpu:1", 1)):
        device = resolve_device(text, "acme", machine=machine)
        require(device, machine=machine)
        assert plugin_device(device, machine=machine).number == number
    with pytest.raises(ProviderError, match="cuda:2 acme cannot be used"):
        require(resolve_device("cuda:2", "acme", machine=machine), machine=machine)


def test_tensorrt_needs_its_own_libraries_besides_cudas():
    device = resolve_device("cuda", "tensorrt")
    machine = FakeMachine(num_gpus=1, missing=("libnvinfer.so.10", "nvinfer_10.dll"))
    machine.available_providers = lambda: ["TensorrtExecutionProvider"]
    with pytest.raises(ProviderError, match=r"TensorRT cannot be used on cuda:0: .*nvinfer.* cannot be loaded"):
        require(device, machine=machine)
    machine.missing = ()
    require(device, machine=machine)
    machine.available_providers = lambda: ["CUDAExecutionProvider"]
    with pytest.raises(ProviderError, match="built without TensorRT"):
        require(device, machine=machine)


def test_a_built_in_provider_must_be_built_in():
    machine = PluginMachine({})
    machine.available_providers = lambda: ["XnnpackExecutionProvider"]
    device = resolve_device("cpu", "xnnpack", machine=machine)
    require(device, machine=machine)
    machine.available_providers = list
    with pytest.raises(ProviderError, match="built without XnnpackExecutionProvider"):
        require(device, machine=machine)


@pytest.mark.parametrize(
    ("text", "device_type"), [("cpu", "CPU"), ("gpu", "GPU"), ("gpu:1", "GPU.1"), ("npu", "NPU"), ("npu:2", "NPU.2")]
)
def test_openvino_may_be_built_in_as_well(text, device_type):
    machine = PluginMachine({})
    machine.available_providers = lambda: ["OpenVINOExecutionProvider", "CPUExecutionProvider"]
    for name in ("openvino", "OpenVINOExecutionProvider"):
        device = resolve_device(text, name, machine=machine)
        require(device, machine=machine)
        assert (device.source.package, device.provider_options) == (None, {"device_type": device_type})
    assert [(p.name, p.package) for p in installed_providers(machine=machine)] == [("openvino", None), ("cpu", None)]
    given = provider_options(device, SessionSettings(2))
    assert ("load_config" in given, given["device_type"]) == (text == "cpu", device_type)


def test_a_plugin_gets_the_device_itself_and_no_option_for_it():
    for text in ("cpu", "gpu:1", "npu"):
        assert resolve_device(text, "openvino", machine=PluginMachine(INTEL)).provider_options == {}


@pytest.mark.parametrize(
    ("name", "device", "options"),
    [
        ("Dml", "gpu:0", {"device_id": "0"}),
        ("MIGraphX", "gpu:0", {"device_id": "0"}),
        ("ROCM", "gpu:0", {"device_id": "0"}),
        ("CANN", "npu:0", {"device_id": "0"}),
        ("QNN", "npu:0", {"backend_type": "htp"}),
        ("Rknpu", "npu:0", {}),
        ("WebGpu", "gpu:0", {}),
        ("Xnnpack", "cpu", {}),
        ("Dnnl", "cpu", {}),
        ("ACL", "cpu", {}),
        ("ArmNN", "cpu", {}),
    ],
)
def test_a_known_built_in_provider_is_called_by_the_hardware_that_it_runs_on(name, device, options):
    for machine in (built(name), built()):  # known before it is installed, too
        (found,) = expand_devices(None, [name], machine=machine)
        assert (found.text, found.provider, found.provider_options) == (device, f"{name}ExecutionProvider", options)
        assert find_provider(found.provider, machine=machine).hardware[0] == device.partition(":")[0]
    require(found, machine=built(name))
    with pytest.raises(ProviderError, match=f"built without {name}ExecutionProvider"):
        require(found, machine=built())


@pytest.mark.parametrize(
    ("text", "name", "options"),
    [
        ("gpu:3", "dml", {"device_id": "3"}),
        ("cpu", "coreml", {"MLComputeUnits": "CPUOnly"}),
        ("gpu", "coreml", {"MLComputeUnits": "CPUAndGPU"}),
        ("npu:0", "coreml", {"MLComputeUnits": "CPUAndNeuralEngine"}),
        ("cpu", "qnn", {"backend_type": "cpu"}),
        ("gpu", "qnn", {"backend_type": "gpu"}),
        ("npu", "acme", {}),
        ("cuda", "acme", {}),
        ("cpu", "acme", {}),
    ],
)
def test_only_a_provider_with_an_option_for_it_is_told_its_device(text, name, options):
    assert resolve_device(text, name, machine=built("Acme")).provider_options == options


@pytest.mark.parametrize("name", ["acme", "CoreMLExecutionProvider"])
@pytest.mark.parametrize("text", [None, "all", "gpu:0,all"])
def test_where_nothing_tells_the_hardware_the_device_has_to_be_named(name, text):
    machine = built("Acme", "CoreML")
    with pytest.raises(
        UnknownDeviceError, match=r"nothing tells on which device .*; name it with --device: cpu or gpu"
    ):
        expand_devices(text, ["cpu", name], machine=machine)
    (found,) = expand_devices("gpu", [name], machine=machine)
    assert found.label.startswith("gpu:0 ")


def test_an_unknown_built_in_provider_may_be_sent_anywhere_by_name():
    for kind in EVERY_KIND:
        assert resolve_device(kind, "acme", machine=built("Acme")).label.partition(":")[0].split()[0] == kind


@pytest.mark.parametrize(
    ("text", "name"), [("gpu:1", "webgpu"), ("npu:1", "qnn"), ("npu:2", "acme"), ("cuda:1", "acme")]
)
def test_a_second_device_is_refused_where_the_first_would_run_under_its_name(text, name):
    kind = text.partition(":")[0]
    with pytest.raises(UnknownDeviceError, match=f"cannot be told which {kind} to use; expected the device {kind}:0"):
        resolve_device(text, name, machine=built("Acme"))


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("cpu", "dml", "the provider dml does not run on cpu; expected the device gpu"),
        ("all", "dml", "the provider dml does not run on cpu; expected the device gpu"),
        ("cuda:0", "migraphx", "does not run on cuda:0; expected the device gpu"),
        (None, "azure", "azure cannot be used; it runs on another machine: use another provider"),
        ("cpu", "azure", "does not run on cpu; it runs on another machine"),
    ],
)
def test_an_accelerator_is_never_called_cpu(text, name, message):
    with pytest.raises(UnknownDeviceError, match=message):
        expand_devices(text, [name], machine=built("Dml", "Azure"))


def test_a_plug_in_of_a_known_name_is_no_build():
    machine = PluginMachine({"onnxruntime-ep-webgpu": [("WebGpuExecutionProvider", "GPU")]})
    device = resolve_device("gpu", "webgpu", machine=machine)
    assert (device.source.package, device.provider_options) == ("onnxruntime-ep-webgpu", {})
    require(device, machine=machine)


def test_openvino_gets_the_threads_in_its_own_words():
    device = resolve_device("cpu", "openvino")
    given = provider_options(device, SessionSettings(intra_op_num_threads=3))
    assert '"INFERENCE_NUM_THREADS": "3"' in given["load_config"]
    assert provider_options(CPU, SessionSettings()) == {}
    assert "load_config" not in provider_options(resolve_device("gpu", "openvino"), SessionSettings())


def test_the_real_machine_lists_what_it_has():
    machine = Machine()
    assert {"cpu"} <= {provider.name for provider in installed_providers(machine=machine)}
    assert all(name.startswith("onnxruntime-ep-") for name in machine.plugin_packages())
    assert machine.package_version("no-such-package-at-all") == ""
    assert [name for name in machine.onnxruntimes() if machine.package_version(name)]
    assert machine.openvino_hardware() is None  # the tests run on a build without it
    assert {found.ep_name for found in machine.ep_devices()} >= {"CPUExecutionProvider"}
