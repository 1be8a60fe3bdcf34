from __future__ import annotations

import ctypes

import pytest
from machines import FakeMachine

from mnistbench.errors import ProviderError
from mnistbench.runtime.cuda import pci_bus_id
from mnistbench.runtime.cuda_events import CudaTimer


class Runtime:
    """Stands for the CUDA runtime: its clock moves by what the call took."""

    def __init__(self, refuses=()):
        self.refuses, self.log, self.clock, self.stamps = refuses, [], 0.0, {}
        self.handles = iter(range(100, 200))

    def __getattr__(self, name):
        def function(*arguments):
            self.log.append(name)
            if name in self.refuses:
                return 999
            special = getattr(type(self), f"_{name}", None)
            return special(self, *arguments) if special else 0

        return function

    def _create(self, handle):
        ctypes.cast(handle, ctypes.POINTER(ctypes.c_void_p))[0] = next(self.handles)
        return 0

    _cudaStreamCreate = _cudaEventCreate = _create  # noqa: N815

    def _cudaEventRecord(self, event, stream):  # noqa: N802
        assert stream.value == 100
        self.stamps[event.value] = self.clock
        return 0

    def _cudaEventElapsedTime(self, milliseconds, start, stop):  # noqa: N802
        elapsed = self.stamps[stop.value] - self.stamps[start.value]
        ctypes.cast(milliseconds, ctypes.POINTER(ctypes.c_float))[0] = elapsed
        return 0


class CudaMachine(FakeMachine):
    def __init__(self, runtime):
        super().__init__(num_gpus=1)
        self.runtime = runtime

    def load_library(self, name):
        if "cudart" in name:
            return self.runtime
        raise OSError(name)


def test_the_gpus_own_time():
    runtime = Runtime()
    timer = CudaTimer(0, machine=CudaMachine(runtime))
    assert timer.provider_options == {"user_compute_stream": "100"}

    def call():
        runtime.clock += 2.5

    assert timer.seconds(call) == pytest.approx(0.0025)
    timer.close()
    assert runtime.log.count("cudaEventDestroy") == 2
    assert runtime.log[-1] == "cudaStreamDestroy"


@pytest.mark.parametrize("refused", ["cudaSetDevice", "cudaStreamCreate", "cudaEventCreate"])
def test_a_refusal_at_the_start(refused):
    with pytest.raises(ProviderError, match="error 999"):
        CudaTimer(0, machine=CudaMachine(Runtime(refuses=(refused,))))


@pytest.mark.parametrize("refused", ["cudaEventRecord", "cudaEventSynchronize", "cudaEventElapsedTime"])
def test_a_refusal_while_timing(refused):
    timer = CudaTimer(0, machine=CudaMachine(Runtime(refuses=(refused,))))
    with pytest.raises(ProviderError, match="error 999"):
        timer.seconds(lambda: None)


def test_without_cuda():
    with pytest.raises(ProviderError, match="cuda:3 cannot be timed"):
        CudaTimer(3, machine=FakeMachine(missing=()))


class Driver:
    def __init__(self, status):
        self.status = status

    def cuInit(self, _flags):  # noqa: N802
        return 0

    def cuDeviceGet(self, device, index):  # noqa: N802
        return 0

    def cuDeviceGetPCIBusId(self, text, length, device):  # noqa: N802
        text.value = b"0000:17:00.0"
        return self.status


@pytest.mark.parametrize(("status", "bus"), [(0, "0000:17:00.0"), (1, None)])
def test_where_a_gpu_sits(status, bus):
    machine = FakeMachine()
    machine.load_library = lambda _name: Driver(status)
    assert pci_bus_id(0, machine=machine) == bus
    assert pci_bus_id(0, machine=FakeMachine(driver=False)) is None
