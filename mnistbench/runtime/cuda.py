"""What NVIDIA's providers need of a machine: a driver, a GPU, and libraries, each asked for by name.

GPUs are counted through the driver itself, so no other package is needed.
"""

from __future__ import annotations

import ctypes
import sys

from mnistbench.errors import ProviderError
from mnistbench.runtime.machine import Machine, driver_name

GPU_BUILD = "onnxruntime-gpu"
"""The package with onnxruntime built for CUDA and TensorRT."""


def count_gpus(*, machine: Machine | None = None) -> int:
    """NVIDIA GPUs that CUDA sees; 0 without a driver."""
    try:
        driver = (machine or Machine()).load_library(driver_name())
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return 0
    return count.value


def require_cuda(text: str, index: int, provider: str, machine: Machine) -> None:
    """Make sure that onnxruntime can use an NVIDIA GPU.

    Args:
        text: The device as the user says it.
        index: Number of the GPU.
        provider: onnxruntime's name of the provider: CUDA's or TensorRT's.
        machine: What is asked.

    Raises:
        ProviderError: When something is missing; the message names it and says what to do.
    """
    if provider not in machine.available_providers():
        raise ProviderError(
            f"{text} cannot be used: the installed onnxruntime is built without "
            f"{'TensorRT' if provider.startswith('Tensorrt') else 'CUDA'}; run: {install_gpu_build(machine)}"
        )
    try:
        machine.load_library(driver_name())
    except OSError:
        raise ProviderError(
            f"{text} cannot be used: there is no NVIDIA driver ({driver_name()} cannot be loaded); "
            "install it, in a container also pass the GPU in, or use the device cpu"
        ) from None
    num_gpus = count_gpus(machine=machine)
    if num_gpus == 0:
        raise ProviderError(
            f"{text} cannot be used: the NVIDIA driver finds no GPU; "
            "check nvidia-smi and CUDA_VISIBLE_DEVICES, or use the device cpu"
        )
    if index >= num_gpus:
        known = ", ".join(f"cuda:{number}" for number in range(num_gpus))
        raise ProviderError(f"there is no {text} on this machine; expected cpu or {known}")
    machine.preload()
    missing = missing_libraries(cuda_libraries(machine.cuda_version()), machine)
    if missing:
        raise ProviderError(
            f"{text} cannot be used: {', '.join(missing)} cannot be loaded (onnxruntime is built for "
            f"CUDA {machine.cuda_version() or 'of an unknown version'} and cuDNN 9); "
            f"run: pip install '{(machine.onnxruntimes() or [GPU_BUILD])[0]}[cuda,cudnn]'"
        )
    if provider.startswith("Tensorrt") and (missing := missing_libraries(tensorrt_libraries(), machine)):
        raise ProviderError(
            f"TensorRT cannot be used on {text}: {', '.join(missing)} cannot be loaded; "
            "install TensorRT 10 (pip install tensorrt) and put its libraries on the loader's path, "
            "or use the provider cuda"
        )


def install_gpu_build(machine: Machine) -> str:
    """The command that puts the build with CUDA in the place of every other: two would overwrite each other's files."""
    install = f"pip install {GPU_BUILD}"
    others = machine.onnxruntimes()
    return f"pip uninstall -y {' '.join(others)} && {install}" if others else install


def missing_libraries(names: tuple[str, ...], machine: Machine) -> list[str]:
    """Those of some libraries that cannot be loaded."""
    missing = []
    for name in names:
        try:
            machine.load_library(name)
        except OSError:
            missing.append(name)
    return missing


def cuda_libraries(cuda_version: str) -> tuple[str, ...]:
    """Libraries that the CUDA provider needs, in the order in which they depend on each other.

    Source: the NEEDED entries of ``libonnxruntime_providers_cuda.so``; cuDNN is loaded by it later.
    """
    major = cuda_version.partition(".")[0] or "13"
    if sys.platform == "win32":
        return (f"cudart64_{major}.dll", f"cublasLt64_{major}.dll", f"cublas64_{major}.dll", "cudnn64_9.dll")
    return (
        f"libcudart.so.{major}",
        f"libcublasLt.so.{major}",
        f"libcublas.so.{major}",
        "libcurand.so.10",
        "libcudnn.so.9",
    )


def tensorrt_libraries() -> tuple[str, ...]:
    """Libraries that the TensorRT provider needs besides CUDA's.

    Source: the NEEDED entries of ``libonnxruntime_providers_tensorrt.so``.
    """
    if sys.platform == "win32":
        return ("nvinfer_10.dll", "nvonnxparser_10.dll")
    return ("libnvinfer.so.10", "libnvonnxparser.so.10")
