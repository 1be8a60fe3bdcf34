from __future__ import annotations

import os
import sys
from types import SimpleNamespace

from mnistbench.measure.gpu_probe import NvmlProbe, nvml_probe, others_among, reasons


class NvmlError(Exception):
    pass


class Nvml:
    """Stands for the module ``pynvml``."""

    NVMLError = NvmlError
    NVML_CLOCK_SM, NVML_CLOCK_MEM, NVML_TEMPERATURE_GPU = 1, 2, 0

    def __init__(self, refuses=()):
        self.refuses, self.open = refuses, 0

    def answer(self, name, value):
        if name in self.refuses:
            raise NvmlError(name)
        return value

    def nvmlInit(self):  # noqa: N802
        self.answer("init", None)
        self.open += 1

    def nvmlShutdown(self):  # noqa: N802
        self.open -= 1

    def nvmlDeviceGetHandleByPciBusId(self, bus):  # noqa: N802
        assert bus == b"0000:17:00.0"
        return self.answer("handle", "handle")

    def nvmlDeviceGetClockInfo(self, handle, kind):  # noqa: N802
        return self.answer("clock", {1: 1980, 2: 3201}[kind])

    def nvmlDeviceGetTemperature(self, handle, kind):  # noqa: N802
        return self.answer("temperature", 61)

    def nvmlDeviceGetPowerUsage(self, handle):  # noqa: N802
        return self.answer("power", 345_600)

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, handle):  # noqa: N802
        return self.answer("reasons", 0x44)

    def nvmlDeviceGetComputeRunningProcesses(self, handle):  # noqa: N802
        return self.answer("processes", [SimpleNamespace(pid=1), SimpleNamespace(pid=2)])


def probe(nvml):
    return NvmlProbe("0000:17:00.0", nvml)


def test_a_look():
    nvml = Nvml()
    assert probe(nvml).look() == {
        "sm_mhz": 1980,
        "memory_mhz": 3201,
        "temperature_celsius": 61,
        "power_watts": 345.6,
        "throttle_reasons": ["power_cap", "hardware_thermal"],
        "other_processes": 1,
    }
    assert nvml.open == 0


def test_what_a_gpu_does_not_say_is_left_out():
    for refused, key in {"clock": "sm_mhz", "power": "power_watts", "processes": "other_processes"}.items():
        nvml = Nvml(refuses=(refused,))
        found = probe(nvml).look()
        assert key not in found
        assert "temperature_celsius" in found
        assert nvml.open == 0


def test_without_a_driver_or_the_gpu_there_is_nothing():
    for refused in ("init", "handle"):
        nvml = Nvml(refuses=(refused,))
        assert probe(nvml).look() == {}
        assert nvml.open == 0


def test_without_the_package_or_the_address_there_is_no_probe(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert nvml_probe("0000:17:00.0") is None
    monkeypatch.setitem(sys.modules, "pynvml", Nvml())
    assert nvml_probe(None) is None
    assert nvml_probe("0000:17:00.0") is not None


def test_bits_have_names():
    assert reasons(0) == []
    assert reasons(0x1 | 0x20) == ["gpu_idle", "software_thermal"]


def test_this_process_and_the_one_that_started_it_are_no_others():
    assert (others_among([]), others_among([4711]), others_among([4711, 4712])) == (0, 0, 1)
    assert others_among([os.getpid(), os.getppid()]) == 0
    assert others_among([os.getpid(), os.getppid(), 4194305]) == 1
    # Neither is known by its number here, as in a container.
    assert others_among([4194305, 4194306, 4194307]) == 2
