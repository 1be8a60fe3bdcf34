"""What the machine offers to training: device, precision, memory layout, allocator.

Decides nothing about networks except which arithmetic is faster for them.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys
from collections.abc import Iterator

import torch

from mnistbench.errors import ProviderError, UnknownDeviceError
from mnistbench.measure.environment import collect_environment
from mnistbench.spec import NetworkSpec
from mnistbench.training.job import Precision

TorchDevice = torch.device
"""For the layers above, which hand it on without knowing torch."""

BFLOAT16_MIN_MACS = 1_000_000
"""Fully connected networks below this are bound by overhead, and converting only adds to it."""

SINGLE_THREAD_MACS = 100_000
"""Networks below this train as fast or faster on one thread; measured on two cores."""

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_LARGEST_MMAP_THRESHOLD = 32 << 20


def choose_device(text: str) -> torch.device:
    """The torch device for ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        ProviderError: When a GPU is asked for and cannot be used.
    """
    if text == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    if text == "cpu":
        return torch.device("cpu")
    if text == "cuda" or (text.startswith("cuda:") and text[5:].isascii() and text[5:].isdecimal()):
        index = int(text[5:]) if text[4:] else 0
        if torch.version.cuda is None:
            raise ProviderError(
                f"device {text!r} cannot train: this torch {torch.__version__} is built without CUDA; "
                "install a CUDA build of torch (see 'GPU' in the README) or use --device cpu"
            )
        if index >= torch.cuda.device_count():
            raise ProviderError(
                f"device {text!r} cannot train: torch sees {torch.cuda.device_count()} GPUs; "
                "check 'nvidia-smi', or use --device cpu"
            )
        return torch.device("cuda", index)
    raise UnknownDeviceError(f"unknown device {text!r}; expected auto, cpu, cuda or cuda:N")


def usable_gpus(text: str) -> tuple[int, ...]:
    """Numbers of the GPUs that are meant: every one by ``auto`` or ``cuda``, and one by ``cuda:N``.

    Args:
        text: As :func:`choose_device` has taken it.
    """
    if text.startswith("cuda:"):
        return (int(text[5:]),)
    return tuple(range(torch.cuda.device_count()))


def kind_of_device(kind: str) -> torch.device:
    """The device of a kind on some machine, which need not be this one; ``cpu`` or ``cuda``."""
    return torch.device(kind)


def choose_precision(spec: NetworkSpec, device: torch.device) -> Precision:
    """``bfloat16`` where the device has matrix units for it and the network is large enough to gain."""
    if not spec.convolutions and spec.macs < BFLOAT16_MIN_MACS:
        return "float32"
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.get_device_capability(device)[0] >= 8 else "float32"
    return "bfloat16" if "amx_bf16" in collect_environment().cpu_features else "float32"


def memory_format(spec: NetworkSpec) -> torch.memory_format:
    """Channels last for convolutions, which the fast kernels of CPUs and GPUs want."""
    return torch.channels_last if spec.convolutions else torch.contiguous_format


def choose_num_threads(spec: NetworkSpec, usable: int) -> int:
    """Threads for training on the CPU: one where a step is too small to share.

    The steps of the smallest networks take well under a millisecond. A second
    thread gains nothing there, and where the machine is shared each of the many
    hand-overs may wait for it to be scheduled.
    """
    return 1 if spec.macs < SINGLE_THREAD_MACS else usable


@contextlib.contextmanager
def use_threads(count: int) -> Iterator[None]:
    """Train with so many threads, then put back what the process had."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def keep_freed_memory() -> bool:
    """Tell glibc's allocator to keep what is freed, for the whole process.

    A training step frees and takes again the same blocks of a few megabytes. By
    default each goes back to the kernel, and the page faults of its return cost
    more than the arithmetic on it. Does nothing where there is no glibc.

    Returns:
        Whether the allocator took the setting.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD) and mallopt(_M_TRIM_THRESHOLD, 2**31 - 1))
