"""Machines that are none: with GPUs, libraries and plug-ins as a test wants them."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from types import SimpleNamespace

from mnistbench.runtime.machine import Machine

OPENVINO = "OpenVINOExecutionProvider"


@dataclass(frozen=True)
class FakeGpu:
    """What the driver says of one GPU; ``None`` where it does not."""

    name: bytes | None = b"NVIDIA H200"
    bus: bytes | None = b"0000:17:00.0"
    whole: bytes | None = bytes(range(16))
    own: bytes | None = bytes(range(16))
    """UUID of what the program runs on; of an instance another than that of the ``whole`` GPU."""


class Driver:
    """Stands for libcuda."""

    def __init__(self, num_gpus, status=0, gpus=(), lacks=()):
        self.num_gpus, self.status, self.gpus, self.lacks = num_gpus, status, gpus, lacks

    def __getattribute__(self, name):
        if name.startswith("cu") and name in self.lacks:
            raise AttributeError(name)
        return super().__getattribute__(name)

    def cuInit(self, _flags):  # noqa: N802
        return self.status

    def cuDeviceGetCount(self, count):  # noqa: N802
        ctypes.cast(count, ctypes.POINTER(ctypes.c_int))[0] = self.num_gpus
        return 0

    def cuDeviceGet(self, handle, index):  # noqa: N802
        ctypes.cast(handle, ctypes.POINTER(ctypes.c_int))[0] = index
        return 0 if index < len(self.gpus) else 101

    def cuDeviceGetName(self, text, _size, handle):  # noqa: N802
        return told(text, self.gpus[handle.value].name)

    def cuDeviceGetPCIBusId(self, text, _size, handle):  # noqa: N802
        return told(text, self.gpus[handle.value].bus)

    def cuDeviceGetUuid(self, octets, handle):  # noqa: N802
        return told(octets, self.gpus[handle.value].whole)

    def cuDeviceGetUuid_v2(self, octets, handle):  # noqa: N802
        return told(octets, self.gpus[handle.value].own)


def told(buffer, answer):
    """The status of a call that writes its answer to a buffer."""
    if answer is None:
        return 1
    ctypes.memmove(buffer, answer, len(answer))
    return 0


class FakeMachine(Machine):
    def __init__(self, *, num_gpus=0, driver=True, missing=(), cuda_build=True, status=0, gpus=(), lacks=()):
        self.gpus, self.lacks = tuple(gpus), tuple(lacks)
        self.num_gpus, self.driver, self.missing = num_gpus or len(gpus), driver, missing
        self.cuda_build, self.status, self.preloaded = cuda_build, status, False

    def load_library(self, name):
        if name in ("libcuda.so.1", "nvcuda.dll"):
            if not self.driver:
                raise OSError(name)
            return Driver(self.num_gpus, self.status, self.gpus, self.lacks)
        if name in self.missing or not self.preloaded:
            raise OSError(f"{name}: cannot open shared object file")
        return object()

    def available_providers(self):
        return ["CUDAExecutionProvider"] * self.cuda_build + ["CPUExecutionProvider"]

    def cuda_version(self):
        return "13.0"

    def preload(self):
        self.preloaded = True


def hardware(kind):
    """``CPU``, ``GPU`` or ``NPU`` of Intel, or ``NVIDIA``."""
    vendor = 0x10DE if kind == "NVIDIA" else 0x8086
    return SimpleNamespace(type=SimpleNamespace(name="GPU" if kind == "NVIDIA" else kind), vendor_id=vendor)


class PluginMachine(FakeMachine):
    """A machine with plug-in packages, each of which offers some hardware once it is registered."""

    def __init__(self, plugins, *, broken=(), loaded=(), **others):
        super().__init__(**others)
        self.plugins, self.broken, self.registered = plugins, broken, list(loaded)
        self.attempts = 0

    def plugin_packages(self):
        return sorted(self.plugins)

    def plugin(self, package):
        if package in self.broken:
            raise ImportError("libsomething.so.1: cannot open\nshared object file")
        names = {full_name for full_name, _ in self.plugins[package]} or {"EmptyExecutionProvider"}
        return f"/lib/{package}.so", tuple(sorted(names))

    def register_library(self, name, path):
        self.attempts += 1
        assert path == f"/lib/{name}.so"
        if name in self.registered:
            raise RuntimeError(f"library {name} is already registered")
        self.registered.append(name)

    def ep_devices(self):
        return [
            SimpleNamespace(ep_name=full_name, device=hardware(kind), number=number)
            for package in self.registered
            for number, (full_name, kind) in enumerate(self.plugins[package])
        ]

    def package_version(self, package):
        return "1.2.3"


PACKAGE = "onnxruntime-ep-openvino"
INTEL = {PACKAGE: [(OPENVINO, "CPU"), (OPENVINO, "GPU"), (OPENVINO, "GPU")]}
OTHER = {"onnxruntime-ep-acme": [("AcmeExecutionProvider", "NPU")]}
