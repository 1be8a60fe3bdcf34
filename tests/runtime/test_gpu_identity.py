"""Which GPU a number means, asked of drivers that are none."""

from __future__ import annotations

import dataclasses

import pytest
from machines import FakeGpu, FakeMachine

from mnistbench.runtime.devices import CPU, Device, resolve_device
from mnistbench.runtime.gpu_identity import UNKNOWN, GpuIdentity, identify_gpu
from mnistbench.runtime.known_providers import CUDA_PROVIDER
from mnistbench.runtime.machine import Machine

FIRST = FakeGpu()
SECOND = FakeGpu(name=b"NVIDIA T4", bus=b"0000:03:00.0", whole=b"\xab" * 16, own=b"\xab" * 16)
INSTANCE = FakeGpu(name=b"NVIDIA A100 MIG 1g.10gb", whole=b"\x01" * 16, own=b"\x02" * 16)
FIRST_UUID = "GPU-00010203-0405-0607-0809-0a0b0c0d0e0f"


def identified(text: str, *gpus: FakeGpu, **changes) -> GpuIdentity:
    return identify_gpu(resolve_device(text), machine=FakeMachine(gpus=gpus, **changes))


def test_a_number_is_that_of_the_driver():
    gpus = FIRST, SECOND
    assert identified("cuda", *gpus) == GpuIdentity(FIRST_UUID, "NVIDIA H200", "0000:17:00.0")
    other = GpuIdentity("GPU-abababab-abab-abab-abab-abababababab", "NVIDIA T4", "0000:03:00.0")
    assert identified("cuda:1", *gpus) == other
    # CUDA_VISIBLE_DEVICES=1 makes the second the driver's first.
    assert identified("cuda:0", SECOND) == other


def test_an_instance_has_a_uuid_of_its_own():
    assert identified("cuda", INSTANCE).uuid == "MIG-02020202-0202-0202-0202-020202020202"
    # An older driver knows the whole GPU's only.
    assert identified("cuda", INSTANCE, lacks=["cuDeviceGetUuid_v2"]).uuid == "GPU-01010101-0101-0101-0101-010101010101"
    assert identified("cuda", FIRST, lacks=["cuDeviceGetUuid"]).uuid == FIRST_UUID


@pytest.mark.parametrize(
    ("changes", "lacks", "expected"),
    [
        ({"name": None}, (), GpuIdentity(FIRST_UUID, None, "0000:17:00.0")),
        ({"name": b""}, (), GpuIdentity(FIRST_UUID, None, "0000:17:00.0")),
        ({"name": b"\xffGPU"}, (), GpuIdentity(FIRST_UUID, "\ufffdGPU", "0000:17:00.0")),
        ({"bus": None}, (), GpuIdentity(FIRST_UUID, "NVIDIA H200", None)),
        ({"own": None}, (), GpuIdentity(FIRST_UUID, "NVIDIA H200", "0000:17:00.0")),
        ({"whole": None, "own": None}, (), GpuIdentity(None, "NVIDIA H200", "0000:17:00.0")),
        ({"whole": bytes(16), "own": bytes(16)}, (), GpuIdentity(None, "NVIDIA H200", "0000:17:00.0")),
        ({}, ("cuDeviceGetName", "cuDeviceGetPCIBusId"), GpuIdentity(FIRST_UUID)),
    ],
)
def test_what_the_driver_does_not_say_is_left_out(changes, lacks, expected):
    assert identified("cuda", dataclasses.replace(FIRST, **changes), lacks=lacks) == expected


@pytest.mark.parametrize("changes", [{"driver": False}, {"status": 100}, {"lacks": ["cuDeviceGet"]}])
def test_without_a_driver_that_answers_nothing_is_known(changes):
    assert identified("cuda", FIRST, **changes) == UNKNOWN


def test_a_gpu_that_is_not_there_is_unknown():
    assert identified("cuda:1", FIRST) == UNKNOWN


def test_no_driver_is_asked_for_other_devices():
    class Untouchable(Machine):
        def load_library(self, name):
            raise AssertionError(name)

    for device in (CPU, resolve_device("cpu", "openvino"), Device("gpu:0", "SomeProvider", 0)):
        assert identify_gpu(device, machine=Untouchable()) == UNKNOWN


def test_a_plug_in_that_counts_in_its_own_way_names_a_gpu_only_where_there_is_one():
    plugin = dataclasses.replace(resolve_device("cuda:0"), source=dataclasses.replace(CUDA_PROVIDER, package="x"))
    assert identify_gpu(plugin, machine=FakeMachine(gpus=[FIRST])).uuid == FIRST_UUID
    assert identify_gpu(plugin, machine=FakeMachine(gpus=[FIRST, SECOND])) == UNKNOWN
