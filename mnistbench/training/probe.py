"""Whether a device computes at all, asked by a tiny computation on it.

After some errors a GPU answers nothing more in a process, and after others in
none. Every job would then fail there, and fail at once.
"""

from __future__ import annotations

import torch

from mnistbench.errors import BrokenDeviceError, MnistbenchError


def check_device(device: torch.device) -> None:
    """Compute something tiny on a device, and wait for it.

    Raises:
        BrokenDeviceError: When that fails, or gives something wrong.
    """
    try:
        found = compute(device)
    except RuntimeError as error:
        said = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise BrokenDeviceError(f"device {device} does not compute ({said}); check 'nvidia-smi'") from error
    if found != 36.0:
        raise BrokenDeviceError(f"device {device} computes wrongly: 1 + ... + 8 gives {found}; check 'nvidia-smi'")


def check_after(error: Exception, device: torch.device) -> None:
    """See whether it was the device that failed a job, which is the job's own failure otherwise.

    Args:
        error: What the job raised.
        device: Where it was trained.

    Raises:
        BrokenDeviceError: When the device does not compute any more.
    """
    # Ours say what it was; and a GPU whose memory is full computes again as soon as the job is gone.
    if not isinstance(error, RuntimeError) or isinstance(error, MnistbenchError | torch.OutOfMemoryError):
        return
    try:
        check_device(device)
    except BrokenDeviceError as broken:
        if isinstance(broken.__cause__, torch.OutOfMemoryError):
            return
        raise broken from error


def compute(device: torch.device) -> float:
    """The sum of the numbers from 1 to 8."""
    return float(torch.arange(1.0, 9.0, device=device).sum().item())
