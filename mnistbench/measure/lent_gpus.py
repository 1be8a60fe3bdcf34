"""Which of a machine's GPUs this program may use: others belong to other people's work.

A scheduler says so by ``CUDA_VISIBLE_DEVICES``, and a cluster by how many it lends of a machine.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mnistbench.measure.gpus import find_gpus
from mnistbench.results import GpuFacts

VISIBLE, ORDER = "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"


@dataclass(frozen=True)
class GpusHere:
    """The GPUs of a machine, and what its environment says of them.

    Attributes:
        gpus: Every GPU, in the order of ``nvidia-smi``.
        visible: ``CUDA_VISIBLE_DEVICES``, or ``None`` where it is not set.
        order: ``CUDA_DEVICE_ORDER``, by which numbers count.
    """

    gpus: tuple[GpuFacts, ...]
    visible: str | None = None
    order: str = ""


def look_at_gpus(*, as_started: bool = False) -> GpusHere:
    """The GPUs of the machine that this runs on.

    Args:
        as_started: Take the environment with which this process was started: a cluster's processes, which claim no
            GPU, have hidden all of them since.
    """
    environment = _as_started() if as_started else dict(os.environ)
    return GpusHere(find_gpus(), environment.get(VISIBLE), environment.get(ORDER, ""))


def lent_gpus(here: GpusHere, most: int | None = None) -> tuple[tuple[GpuFacts, ...], str | None]:
    """Those GPUs that may be used, and what to say of the others, if there are any.

    Args:
        here: The machine's.
        most: So many of those that are visible, the first ones; all by default.
    """
    whole = list(dict.fromkeys(gpu.parent or gpu.uuid for gpu in here.gpus))
    if here.visible is None and (most is None or most >= len(whole)):
        return here.gpus, None
    listed = [str(number) for number in range(len(whole))] if here.visible is None else here.visible.split(",")
    found: list[GpuFacts] = []
    numbers = 0
    for entry in listed[:most]:
        gpu = _named(entry.strip(), here.gpus, whole)
        if gpu is None:  # CUDA sees nothing from here on
            break
        numbers += entry.strip().isdecimal()
        found.append(gpu)
    lent = tuple(gpu for gpu in here.gpus if gpu in found)
    hidden = [gpu for gpu in here.gpus if gpu not in found]
    if not hidden:
        return lent, None
    # CUDA's own order puts the fastest first, which nvidia-smi does not.
    if numbers and here.order != "PCI_BUS_ID" and len({gpu.name for gpu in here.gpus}) > 1:
        return (), (
            f"{len(here.gpus)} GPUs of several kinds, of which {VISIBLE}={','.join(listed[:most])} may mean any; "
            f"name them by UUID (nvidia-smi -L), or set {ORDER}=PCI_BUS_ID"
        )
    names = ", ".join(f"{gpu.name} ({gpu.uuid})" for gpu in hidden)
    return lent, f"{names}: hidden by {VISIBLE}, or not lent by the cluster"


def _named(entry: str, gpus: Sequence[GpuFacts], whole: Sequence[str]) -> GpuFacts | None:
    """The GPU that CUDA takes a word for: a number, or the beginning of one UUID; of a divided one its first part."""
    if entry.isascii() and entry.isdecimal():
        uuid = whole[int(entry)] if len(entry) < 10 and int(entry) < len(whole) else None
    elif entry.startswith("MIG-"):
        uuid = None
        parts = [gpu for gpu in gpus if gpu.parent and gpu.uuid.startswith(entry)]
        if len(parts) == 1:
            return parts[0]
    else:
        fitting = [uuid for uuid in whole if entry.startswith("GPU-") and uuid.startswith(entry)]
        uuid = fitting[0] if len(fitting) == 1 else None
    return next((gpu for gpu in gpus if uuid is not None and (gpu.parent or gpu.uuid) == uuid), None)


def _as_started() -> dict[str, str]:
    """The environment with which this process was started; the present one where the system does not say."""
    try:
        entries = Path("/proc/self/environ").read_bytes().split(b"\0")
    except OSError:
        return dict(os.environ)
    return {os.fsdecode(name): os.fsdecode(value) for name, _, value in (entry.partition(b"=") for entry in entries)}
