"""What is said of GPUs before they are measured; the GPUs are made up."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from mnistbench.measure.gpu_notes import INSTALL, gpu_notes
from mnistbench.results import GpuFacts
from mnistbench.runtime.devices import CPU, resolve_device
from mnistbench.runtime.gpu_identity import UNKNOWN, GpuIdentity

IDENTITIES = {
    "cuda:0": GpuIdentity("GPU-b", "Fast", "0000:17:00.0"),
    "cuda:1": GpuIdentity("GPU-a", "Slow", "0000:03:00.0"),
    "cuda:2": GpuIdentity("MIG-1", None, "0000:04:00.0"),
    "cuda:3": GpuIdentity(None, "Nameless", "0000:05:00.0"),
}


def facts(uuid: str, processes: int = 0, memory: int = 0, parent: str = "") -> GpuFacts:
    return GpuFacts("", uuid, "X", "", None, "590", "13.0", "1.31", processes, memory_used_bytes=memory, parent=parent)


# nvidia-smi's first is CUDA's second.
IDLE = (facts("GPU-a"), facts("GPU-b"), facts("MIG-1", parent="GPU-c"))


@pytest.fixture
def notes(monkeypatch):
    """Asks for the notes on devices, with the package of NVML or without."""

    def ask(*texts, listed=IDLE, nvml=True, identities=IDENTITIES):
        monkeypatch.setitem(sys.modules, "pynvml", SimpleNamespace() if nvml else None)
        return gpu_notes(
            map(resolve_device, texts),
            identify=lambda device: identities.get(device.text, UNKNOWN),
            find=lambda: listed,
        )

    return ask


def test_a_gpu_that_nobody_uses_is_not_worth_a_word(notes):
    assert notes("cuda:0", "cuda:1", "cuda:2", "cuda:3", "cpu") == []


def test_who_uses_a_gpu_is_said_of_that_gpu(notes):
    listed = (facts("GPU-a", processes=2), facts("GPU-b"))
    assert notes("cuda:0", listed=listed) == []
    (note,) = notes("cuda:0", "cuda:1", listed=listed)
    assert note == "cuda:1 (Slow) is in use: 2 other processes on it; its figures are doubtful"
    (note,) = notes("cuda:0", listed=(facts("GPU-b", memory=3 << 30),))
    assert "3.0 GiB of its memory are in use" in note


@pytest.mark.parametrize("listed", [facts("MIG-1", 1, parent="GPU-c"), facts("MIG-7", 1, parent="MIG-1")])
def test_an_instance_is_found_by_its_own_uuid_or_its_gpus(notes, listed):
    assert notes("cuda:2", listed=(listed,)) == ["cuda:2 is in use: 1 other process on it; its figures are doubtful"]


def test_without_nvml_it_is_said_once_and_how_to_install_it(notes):
    (note,) = notes("cuda:0", "cuda:1", nvml=False)
    assert "nvidia-ml-py is not installed: nvidia-smi is asked" in note
    assert INSTALL in note
    (note,) = notes("cuda:0", nvml=False, listed=())
    assert "nvidia-smi lists no GPU" in note
    assert "not recorded" in note
    assert INSTALL in note
    assert len(notes("cuda:1", nvml=False, listed=(facts("GPU-a", 1),))) == 2


def test_without_a_gpu_nothing_is_asked(monkeypatch):
    def refuse():
        raise AssertionError("nvidia-smi was asked")

    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert gpu_notes([CPU], find=refuse) == []
    assert gpu_notes([], find=refuse) == []
    # A GPU that the driver does not know is an error of its rows.
    assert gpu_notes([resolve_device("cuda:0")], identify=lambda _device: UNKNOWN, find=refuse) == []
