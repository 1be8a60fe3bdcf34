"""Devices by name, and whether onnxruntime can really use them.

``cpu``, ``cuda`` and ``cuda:N`` are understood; GPUs are counted through the
NVIDIA driver itself, so no other package is needed. A device that cannot be
used raises an error that names what is missing: nothing falls back. Knows
nothing of models.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mnistbench.errors import ProviderError, UnknownDeviceError
from mnistbench.runtime.ort import import_onnxruntime

CPU_PROVIDER = "CPUExecutionProvider"
CUDA_PROVIDER = "CUDAExecutionProvider"

_CUDA_OPTIONS = {
    # The default, EXHAUSTIVE, searches anew for every shape: each batch size would pay for it.
    "cudnn_conv_algo_search": "HEURISTIC",
    # fp32 models answer in fp32; TensorFloat-32 would round their inputs to 10 bits.
    "use_tf32": "0",
}


@dataclass(frozen=True)
class Device:
    """One place to run a model.

    ``cuda:N`` counts as CUDA does: fastest first, unless ``CUDA_DEVICE_ORDER=PCI_BUS_ID``
    makes it count as ``nvidia-smi`` does; ``CUDA_VISIBLE_DEVICES`` hides devices from both counts.
    """

    text: str
    """``cpu`` or ``cuda:N``."""
    provider: str
    """onnxruntime's name of the execution provider."""
    index: int | None = None
    """Number of the GPU; ``None`` for the CPU."""
    provider_options: Mapping[str, str] = field(default_factory=dict, hash=False)
    """What onnxruntime is given for the provider."""

    @property
    def is_gpu(self) -> bool:
        """Whether it is not the CPU."""
        return self.index is not None


CPU = Device("cpu", CPU_PROVIDER)


class Machine:
    """What this file asks of the machine and of the installed onnxruntime; a test gives its own."""

    def load_library(self, name: str) -> Any:
        """A shared library by name, loaded.

        Raises:
            OSError: When it cannot be loaded.
        """
        return ctypes.CDLL(name)

    def available_providers(self) -> list[str]:
        """What the installed onnxruntime was built with, usable or not."""
        return list(import_onnxruntime().get_available_providers())

    def cuda_version(self) -> str:
        """The CUDA that onnxruntime was built for, such as ``13.0``; empty when unknown."""
        return str(getattr(import_onnxruntime(), "cuda_version", "") or "")

    def preload(self) -> None:
        """Load the CUDA libraries that pip installed, where onnxruntime can find them."""
        preload = getattr(import_onnxruntime(), "preload_dlls", None)
        # It prints what it misses on stdout; what is missing is asked for, by name, afterwards.
        with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(RuntimeError, OSError):
            if preload is not None:
                preload()


def resolve_device(text: str | Device) -> Device:
    """The device that ``cpu``, ``cuda`` (the first GPU) or ``cuda:N`` means; it is not touched.

    Raises:
        ProviderError: When it is none of these.
    """
    if isinstance(text, Device):
        return text
    match = re.fullmatch(r"(cpu)|cuda(?::([0-9]{1,3}))?", text.strip().lower(), re.ASCII)
    if match is None:
        raise UnknownDeviceError(f"unknown device {text!r}; expected cpu, cuda, cuda:N (N from 0) or all")
    if match[1]:
        return CPU
    index = int(match[2] or 0)
    return Device(f"cuda:{index}", CUDA_PROVIDER, index, {"device_id": str(index), **_CUDA_OPTIONS})


def expand_devices(text: str, *, machine: Machine | None = None) -> tuple[Device, ...]:
    """As :func:`resolve_device`, and ``all`` for the CPU and every GPU of the machine.

    Raises:
        ProviderError: When the text means no device.
    """
    if text.strip().lower() != "all":
        return (resolve_device(text),)
    return (CPU, *(resolve_device(f"cuda:{index}") for index in range(count_gpus(machine=machine))))


def count_gpus(*, machine: Machine | None = None) -> int:
    """NVIDIA GPUs that CUDA sees; 0 without a driver."""
    try:
        driver = (machine or Machine()).load_library(_driver_name())
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return 0
    return count.value


def require(device: Device, *, machine: Machine | None = None) -> None:
    """Make sure that onnxruntime can use ``device``.

    Raises:
        ProviderError: When something is missing; the message names it and says what to do.
    """
    if not device.is_gpu:
        return
    machine = machine or Machine()
    assert device.index is not None
    if device.provider not in machine.available_providers():
        raise ProviderError(
            f"{device.text} cannot be used: the installed onnxruntime is built without CUDA; run: "
            "pip uninstall -y onnxruntime && pip install --force-reinstall onnxruntime-gpu"
        )
    try:
        machine.load_library(_driver_name())
    except OSError:
        raise ProviderError(
            f"{device.text} cannot be used: there is no NVIDIA driver ({_driver_name()} cannot be loaded); "
            "install it, in a container also pass the GPU in, or use the device cpu"
        ) from None
    num_gpus = count_gpus(machine=machine)
    if num_gpus == 0:
        raise ProviderError(
            f"{device.text} cannot be used: the NVIDIA driver finds no GPU; "
            "check nvidia-smi and CUDA_VISIBLE_DEVICES, or use the device cpu"
        )
    if device.index >= num_gpus:
        known = ", ".join(f"cuda:{index}" for index in range(num_gpus))
        raise ProviderError(f"there is no {device.text} on this machine; expected cpu or {known}")
    machine.preload()
    missing = [name for name in cuda_libraries(machine.cuda_version()) if not _loads(machine, name)]
    if missing:
        raise ProviderError(
            f"{device.text} cannot be used: {', '.join(missing)} cannot be loaded (onnxruntime is built for "
            f"CUDA {machine.cuda_version() or 'of an unknown version'} and cuDNN 9); "
            "run: pip install 'onnxruntime-gpu[cuda,cudnn]'"
        )


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


def _driver_name() -> str:
    return "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"


def _loads(machine: Machine, name: str) -> bool:
    try:
        machine.load_library(name)
    except OSError:
        return False
    return True
