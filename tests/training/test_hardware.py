from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import pytest
import torch

from mnistbench.catalog import NETWORKS, find
from mnistbench.errors import ProviderError
from mnistbench.measure.environment import collect_environment
from mnistbench.training import hardware
from mnistbench.training.hardware import (
    choose_device,
    choose_num_threads,
    choose_precision,
    keep_freed_memory,
    memory_format,
    use_threads,
)

CPU, GPU = torch.device("cpu"), torch.device("cuda:0")
CONVOLUTIONAL, SMALL, WIDE = (find(name).spec for name in ("32-P-32-10", "64-10", "1000-500-10"))


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "cuda", "12.8")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)


@pytest.mark.parametrize(("text", "index"), [("auto", 0), ("cuda", 0), ("cuda:0", 0), ("cuda:1", 1)])
def test_a_gpu_that_is_there(two_gpus: None, text: str, index: int) -> None:
    assert choose_device(text) == torch.device("cuda", index)


@pytest.mark.parametrize("text", ["auto", "cpu"])
def test_the_cpu(no_gpu: None, text: str) -> None:
    assert choose_device(text) == CPU


def test_the_cpu_is_used_when_it_is_asked_for(two_gpus: None) -> None:
    assert choose_device("cpu") == CPU


@pytest.mark.parametrize("text", ["cuda:2", "cuda:99999999"])
def test_a_gpu_that_is_not_there(two_gpus: None, text: str) -> None:
    with pytest.raises(ProviderError, match=f"device '{text}' cannot train: torch sees 2 GPUs; .*--device cpu"):
        choose_device(text)


def test_a_gpu_without_a_driver_or_a_cuda_build(no_gpu: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "cuda", "12.8")
    with pytest.raises(ProviderError, match="torch sees 0 GPUs; check 'nvidia-smi'"):
        choose_device("cuda")
    monkeypatch.setattr(torch.version, "cuda", None)
    with pytest.raises(ProviderError, match="is built without CUDA; install a CUDA build"):
        choose_device("cuda")


@pytest.mark.parametrize(
    "text", ["", "gpu", "CPU", "cuda:", "cuda:-1", "cuda:x", "cuda0", "cuda:\u0661", "cpu:0", "mps"]
)
def test_other_texts_name_no_device(two_gpus: None, text: str) -> None:
    with pytest.raises(ProviderError, match="expected auto, cpu, cuda or cuda:N"):
        choose_device(text)


@pytest.mark.parametrize(
    ("spec", "features", "expected"),
    [
        (CONVOLUTIONAL, ("avx2", "amx_bf16"), "bfloat16"),
        (WIDE, ("amx_bf16",), "bfloat16"),
        (SMALL, ("amx_bf16",), "float32"),
        (CONVOLUTIONAL, ("avx2", "avx512_bf16"), "float32"),
        (WIDE, (), "float32"),
    ],
)
def test_precision_on_a_cpu(monkeypatch: pytest.MonkeyPatch, spec, features: tuple[str, ...], expected: str) -> None:
    environment = dataclasses.replace(collect_environment(), cpu_features=features)
    monkeypatch.setattr(hardware, "collect_environment", lambda: environment)
    assert choose_precision(spec, CPU) == expected


@pytest.mark.parametrize(
    ("spec", "capability", "expected"),
    [
        (CONVOLUTIONAL, (9, 0), "bfloat16"),
        (CONVOLUTIONAL, (8, 0), "bfloat16"),
        (CONVOLUTIONAL, (7, 5), "float32"),
        (WIDE, (8, 6), "bfloat16"),
        (SMALL, (9, 0), "float32"),
    ],
)
def test_precision_on_a_gpu(monkeypatch: pytest.MonkeyPatch, spec, capability: tuple[int, int], expected: str) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert choose_precision(spec, GPU) == expected


def test_only_convolutions_want_channels_last() -> None:
    for network in NETWORKS:
        wanted = torch.channels_last if network.spec.convolutions else torch.contiguous_format
        assert memory_format(network.spec) is wanted
    assert memory_format(find("P-10").spec) is torch.contiguous_format


@pytest.mark.parametrize("usable", [1, 2, 64])
def test_only_networks_with_work_to_share_get_more_than_one_thread(usable: int) -> None:
    threads = {network.name: choose_num_threads(network.spec, usable) for network in NETWORKS}
    assert set(threads.values()) == {1, usable}
    assert threads["16-10"] == 1
    assert threads["32-32-P-64-64-P-256-128-64-10"] == usable
    # More work never means fewer threads.
    by_work = [threads[network.name] for network in sorted(NETWORKS, key=lambda network: network.spec.macs)]
    assert by_work == sorted(by_work)


@pytest.mark.parametrize("taken", [1, 0])
def test_the_allocator_is_told_to_keep_memory(monkeypatch: pytest.MonkeyPatch, taken: int) -> None:
    calls = []

    def mallopt(parameter: int, value: int) -> int:
        calls.append((parameter, value))
        return taken

    monkeypatch.setattr(hardware.sys, "platform", "linux")
    monkeypatch.setattr(hardware.ctypes, "CDLL", lambda name: SimpleNamespace(mallopt=mallopt))
    assert keep_freed_memory() is bool(taken)
    # The numbers of M_MMAP_THRESHOLD and M_TRIM_THRESHOLD in glibc's malloc.h; an int is all that mallopt takes.
    assert calls == [(-3, 32 << 20), (-1, 2**31 - 1)][: 1 + taken]


def test_other_systems_keep_their_allocator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware.ctypes, "CDLL", lambda name: SimpleNamespace())
    monkeypatch.setattr(hardware.sys, "platform", "linux")
    assert keep_freed_memory() is False
    monkeypatch.setattr(hardware.ctypes, "CDLL", None)
    monkeypatch.setattr(hardware.sys, "platform", "darwin")
    assert keep_freed_memory() is False


def test_threads_are_those_asked_for_and_then_what_they_were_before() -> None:
    before = torch.get_num_threads()
    with use_threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before
