"""Looks at an NVIDIA GPU through its management library (NVML), which costs the GPU nothing.

Needs the extra ``gpu`` (package ``nvidia-ml-py``); without it
:mod:`mnistbench.measure.smi_probe` looks, and measurements go on.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

_REASONS = {
    "gpu_idle": 0x1,
    "applications_clocks": 0x2,
    "power_cap": 0x4,
    "hardware_slowdown": 0x8,
    "sync_boost": 0x10,
    "software_thermal": 0x20,
    "hardware_thermal": 0x40,
    "power_brake": 0x80,
    "display_clocks": 0x100,
}
"""Bits of why a clock is not at its highest. Source: NVML's ``nvmlClocksEventReasons``."""


class NvmlProbe:
    """One GPU.

    Args:
        pci_bus_id: As the CUDA driver says it, since NVML counts GPUs in another order than CUDA.
        nvml: The module ``pynvml``.
    """

    def __init__(self, pci_bus_id: str, nvml: Any) -> None:
        self._nvml = nvml
        self._bus = pci_bus_id

    def look(self) -> Mapping[str, Any]:
        """The GPU now: ``sm_mhz, memory_mhz, temperature_celsius, power_watts, throttle_reasons, other_processes``."""
        nvml = self._nvml
        try:
            nvml.nvmlInit()
        except nvml.NVMLError:
            return {}
        try:
            return self._ask(nvml.nvmlDeviceGetHandleByPciBusId(self._bus.encode()))
        except nvml.NVMLError:
            return {}
        finally:
            nvml.nvmlShutdown()

    def _ask(self, handle: Any) -> Mapping[str, Any]:
        nvml = self._nvml
        found: dict[str, Any] = {}
        questions: dict[str, Callable[[], Any]] = {
            "sm_mhz": lambda: nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM),
            "memory_mhz": lambda: nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_MEM),
            "temperature_celsius": lambda: nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU),
            "power_watts": lambda: nvml.nvmlDeviceGetPowerUsage(handle) / 1000,
            "throttle_reasons": lambda: reasons(nvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle)),
            "other_processes": lambda: others_among(
                [process.pid for process in nvml.nvmlDeviceGetComputeRunningProcesses(handle)]
            ),
        }
        for name, ask in questions.items():
            try:
                found[name] = ask()
            except nvml.NVMLError:  # this GPU or this driver does not say
                continue
        return found


def nvml_probe(pci_bus_id: str | None) -> NvmlProbe | None:
    """A probe, or ``None`` without the package or the GPU's address."""
    if pci_bus_id is None:
        return None
    try:
        nvml = importlib.import_module("pynvml")
    except ImportError:
        return None
    return NvmlProbe(pci_bus_id, nvml)


def reasons(bits: int) -> list[str]:
    """Names of the reasons that a bit mask holds."""
    return [name for name, bit in _REASONS.items() if bits & bit]


def others_among(pids: Sequence[int]) -> int:
    """How many processes on a GPU are neither this one nor the one that started it, which waits meanwhile.

    In a container they may have other numbers there; then one of them is taken for this one.
    """
    here = os.getpid()
    if here in pids:
        return sum(pid not in (here, os.getppid()) for pid in pids)
    return max(0, len(pids) - 1)
