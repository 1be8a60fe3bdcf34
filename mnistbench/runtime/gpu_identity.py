"""Which GPU a number of CUDA's means: its UUID, its name and where it sits.

CUDA counts fastest first, and only what ``CUDA_VISIBLE_DEVICES`` shows, so that
``cuda:0`` alone names no GPU. The driver itself is asked, as in
:mod:`mnistbench.runtime.cuda`, so no other package is needed.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from mnistbench.runtime.cuda import count_gpus
from mnistbench.runtime.devices import Device
from mnistbench.runtime.machine import Machine, driver_name


@dataclass(frozen=True)
class GpuIdentity:
    """One GPU, or one instance of a GPU that is divided (MIG); ``None`` for what the driver does not say."""

    uuid: str | None = None
    """As ``nvidia-smi -L`` prints it: ``GPU-…``, of an instance ``MIG-…``."""
    name: str | None = None
    """Such as ``NVIDIA H200``; of an instance with its profile."""
    pci_bus_id: str | None = None
    """Where it sits, such as ``0000:17:00.0``, which other libraries know it by; an instance where its GPU does."""


UNKNOWN = GpuIdentity()


def identify_gpu(device: Device, *, machine: Machine | None = None) -> GpuIdentity:
    """The GPU that a device is; :data:`UNKNOWN` for one that is none of NVIDIA's, and without a driver.

    So it is for a plug-in provider where CUDA sees several, since plug-ins count in an order of their own.

    Args:
        device: The device, as this process counts.
        machine: What is asked.
    """
    if not device.text.startswith("cuda"):
        return UNKNOWN
    machine = machine or Machine()
    if device.source.package is not None and count_gpus(machine=machine) != 1:
        return UNKNOWN
    try:
        driver, handle = machine.load_library(driver_name()), ctypes.c_int(0)
        if driver.cuInit(0) != 0 or driver.cuDeviceGet(ctypes.byref(handle), device.index or 0) != 0:
            return UNKNOWN
    except (OSError, AttributeError):
        return UNKNOWN
    name, bus = (_text(driver, function, handle) for function in ("cuDeviceGetName", "cuDeviceGetPCIBusId"))
    return GpuIdentity(_uuid(driver, handle), name, bus)


def _uuid(driver: Any, handle: ctypes.c_int) -> str | None:
    """Of what the program runs on, which the first version of the question does not tell from the whole GPU.

    Source: CUDA driver API, ``cuDeviceGetUuid_v2`` (11.4 and later): of a device in MIG mode the UUID of its instance.
    """
    whole, own = (_octets(driver, function, handle) for function in ("cuDeviceGetUuid", "cuDeviceGetUuid_v2"))
    found = own or whole
    if found is None:
        return None
    is_instance = None not in (whole, own) and whole != own
    return f"{'MIG' if is_instance else 'GPU'}-{UUID(bytes=found)}"


def _octets(driver: Any, function: str, handle: ctypes.c_int) -> bytes | None:
    ask, octets = getattr(driver, function, None), ctypes.create_string_buffer(16)
    if ask is None or ask(octets, handle) != 0 or not any(octets.raw):
        return None
    return octets.raw


def _text(driver: Any, function: str, handle: ctypes.c_int) -> str | None:
    ask, text = getattr(driver, function, None), ctypes.create_string_buffer(256)
    if ask is None or ask(text, len(text), handle) != 0:
        return None
    return text.value.decode(errors="replace").strip() or None
