"""Whether a device computes; the devices that do not are played."""

from __future__ import annotations

import pytest
import torch

from mnistbench.errors import BrokenDeviceError, TrainingError
from mnistbench.training import probe
from mnistbench.training.probe import check_after, check_device

CPU = torch.device("cpu")
ERRORS = [RuntimeError("CUDA error:\nunspecified launch failure"), torch.OutOfMemoryError("out of memory")]


def play(monkeypatch: pytest.MonkeyPatch, found: float | Exception) -> list[torch.device]:
    asked: list[torch.device] = []

    def compute(device: torch.device) -> float:
        asked.append(device)
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(probe, "compute", compute)
    return asked


def test_this_processor_computes() -> None:
    check_device(CPU)
    check_after(RuntimeError("a job's own"), CPU)


@pytest.mark.parametrize("error", ERRORS)
def test_a_device_that_answers_with_an_error_is_broken(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    play(monkeypatch, error)
    with pytest.raises(BrokenDeviceError, match=r"device cpu does not compute \(\w+Error: .+\); check"):
        check_device(CPU)


@pytest.mark.parametrize("found", [0.0, 35.999, float("nan"), float("inf")])
def test_a_device_that_answers_wrongly_is_broken(monkeypatch: pytest.MonkeyPatch, found: float) -> None:
    play(monkeypatch, found)
    with pytest.raises(BrokenDeviceError, match="computes wrongly"):
        check_device(CPU)
    with pytest.raises(BrokenDeviceError, match="computes wrongly"):
        check_after(RuntimeError("a job's"), CPU)


def test_after_an_error_of_torch_the_device_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = play(monkeypatch, ERRORS[0])
    with pytest.raises(BrokenDeviceError, match="unspecified launch failure"):
        check_after(RuntimeError("CUDA error"), CPU)
    assert asked == [CPU]


@pytest.mark.parametrize("error", [TrainingError("diverged"), OSError(28, "full"), torch.OutOfMemoryError("full")])
def test_after_an_error_that_says_what_it_was_the_device_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    asked = play(monkeypatch, ERRORS[0])
    check_after(error, CPU)
    assert asked == []


def test_a_device_whose_memory_is_full_is_not_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    play(monkeypatch, ERRORS[1])
    check_after(RuntimeError("CUBLAS_STATUS_ALLOC_FAILED"), CPU)
