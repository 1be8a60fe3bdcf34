from __future__ import annotations

import pytest
from machines import FakeMachine

from mnistbench.errors import ProviderError
from mnistbench.runtime.cuda import count_gpus, cuda_libraries
from mnistbench.runtime.devices import CPU, Device, expand_devices, require, resolve_device
from mnistbench.runtime.machine import Machine


@pytest.mark.parametrize(
    ("text", "name", "index"),
    [("cpu", "cpu", None), ("CUDA", "cuda:0", 0), ("cuda:1", "cuda:1", 1), (" cpu ", "cpu", None)],
)
def test_names(text, name, index):
    device = resolve_device(text)
    assert (device.text, device.index, device.is_gpu) == (name, index, index is not None)
    assert resolve_device(device) is device


@pytest.mark.parametrize("text", ["", "gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:9999", "all", "cuda:1\n:", "cuda:²"])
def test_unknown_names(text):
    with pytest.raises(
        ProviderError, match=r"expected cpu, cuda or cuda:N \(N from 0\)(; gpu:N and npu:N need a provider)?$"
    ):
        resolve_device(text)


def test_cuda_options_name_the_device_and_devices_hash():
    assert resolve_device("cuda:3").provider_options["device_id"] == "3"
    assert len({resolve_device("cuda"), resolve_device("cuda:0"), CPU}) == 2


@pytest.mark.parametrize(
    ("machine", "count"),
    [(FakeMachine(num_gpus=2), 2), (FakeMachine(driver=False), 0), (FakeMachine(num_gpus=2, status=100), 0)],
)
def test_gpus_are_counted_by_the_driver(machine, count):
    assert count_gpus(machine=machine) == count


def test_all_is_the_cpu_and_every_gpu():
    assert [d.text for d in expand_devices("all", machine=FakeMachine(num_gpus=2))] == ["cpu", "cuda:0", "cuda:1"]
    assert expand_devices("all", machine=FakeMachine(driver=False)) == (CPU,)
    assert expand_devices("cuda:7") == (resolve_device("cuda:7"),)


@pytest.mark.parametrize(
    ("machine", "missing"),
    [
        (FakeMachine(num_gpus=1, cuda_build=False), "built without CUDA; run: pip uninstall"),
        (FakeMachine(driver=False), r"no NVIDIA driver \((libcuda.so.1|nvcuda.dll) cannot be loaded\)"),
        (FakeMachine(num_gpus=0), "finds no GPU"),
        (
            FakeMachine(num_gpus=1, missing=("libcudnn.so.9", "cudnn64_9.dll")),
            r"used: (libcudnn.so.9|cudnn64_9.dll) cannot",
        ),
        (FakeMachine(num_gpus=1, missing=cuda_libraries("13.0")), "CUDA 13.0 and cuDNN 9.*pip install"),
    ],
)
def test_what_is_missing_is_named(machine, missing):
    with pytest.raises(ProviderError, match=missing) as raised:
        require(resolve_device("cuda"), machine=machine)
    assert "cuda:0" in str(raised.value)


@pytest.mark.parametrize(
    ("installed", "command"),
    [
        (["onnxruntime"], "pip uninstall -y onnxruntime && pip install onnxruntime-gpu"),
        (["onnxruntime-openvino"], "pip uninstall -y onnxruntime-openvino && pip install onnxruntime-gpu"),
        (
            ["onnxruntime-gpu", "onnxruntime-directml", "onnxruntime"],
            "pip uninstall -y onnxruntime-gpu onnxruntime-directml onnxruntime && pip install onnxruntime-gpu",
        ),
        ([], "pip install onnxruntime-gpu"),
    ],
)
@pytest.mark.parametrize("provider", ["cuda", "tensorrt"])
def test_the_build_with_cuda_takes_the_place_of_every_other(installed, command, provider):
    machine = FakeMachine(num_gpus=1, cuda_build=False)
    machine.onnxruntimes = lambda: installed
    with pytest.raises(ProviderError) as raised:
        require(resolve_device("cuda", provider), machine=machine)
    assert str(raised.value).endswith(f"; run: {command}")


@pytest.mark.parametrize(("installed", "package"), [(["ort-nightly-gpu"], "ort-nightly-gpu"), ([], "onnxruntime-gpu")])
def test_cudas_libraries_are_those_of_the_build_that_is_there(installed, package):
    machine = FakeMachine(num_gpus=1, missing=cuda_libraries("13.0"))
    machine.onnxruntimes = lambda: installed
    with pytest.raises(ProviderError) as raised:
        require(resolve_device("cuda"), machine=machine)
    assert str(raised.value).endswith(f"run: pip install '{package}[cuda,cudnn]'")


@pytest.mark.parametrize("installed", [["onnxruntime-openvino"], ["onnxruntime", "onnxruntime-gpu"], []])
def test_packages_that_bring_onnxruntime_are_known_by_name(monkeypatch, installed):
    machine = Machine()
    monkeypatch.setattr(machine, "package_version", lambda package: "1.0" if package in installed else "")
    assert sorted(machine.onnxruntimes()) == installed


def test_a_gpu_that_is_not_there():
    with pytest.raises(ProviderError, match="no cuda:2 on this machine; expected cpu or cuda:0, cuda:1"):
        require(resolve_device("cuda:2"), machine=FakeMachine(num_gpus=2))


def test_what_is_complete_passes():
    machine = FakeMachine(num_gpus=1)
    require(resolve_device("cuda"), machine=machine)
    assert machine.preloaded


def test_the_cpu_asks_nothing_of_the_machine():
    class Untouchable(Machine):
        def load_library(self, name):
            raise AssertionError(name)

        available_providers = cuda_version = preload = load_library

    require(CPU, machine=Untouchable())


def test_libraries_follow_the_build():
    assert any("13" in name for name in cuda_libraries("13.0"))
    assert any("12" in name for name in cuda_libraries("12.8"))
    assert cuda_libraries("") == cuda_libraries("13.0")


def test_the_real_machine_answers_without_printing(capfd):
    machine = Machine()
    assert "CPUExecutionProvider" in machine.available_providers()
    assert isinstance(machine.cuda_version(), str)
    machine.preload()
    assert capfd.readouterr().out == ""
    assert count_gpus() >= 0


def test_a_device_is_frozen():
    with pytest.raises(AttributeError):
        Device("cpu", "CPUExecutionProvider").text = "gpu"
