"""Which GPUs a machine has, which of them are alike, and which one of each kind is measured.

Asks ``nvidia-smi``, which costs the GPUs nothing; what it prints is read by pure functions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from mnistbench.measure.environment import Runner, package_versions, run_command
from mnistbench.results import BenchRun, GpuFacts, GpuRun
from mnistbench.runtime.machine import Machine

MOST_IDLE_BYTES = 1 << 30
"""Memory that a driver, a display or a watchdog takes on a GPU where nobody computes."""

_QUERY = (
    "nvidia-smi",
    "--query-gpu=uuid,name,power.limit,driver_version,memory.used,memory.total,mig.mode.current",
    "--format=csv,noheader,nounits",
)
_PROCESSES = ("nvidia-smi", "--query-compute-apps=gpu_uuid,pid", "--format=csv,noheader")
_LIST = ("nvidia-smi", "-L")


def find_gpus(node: str = "", *, run: Runner = run_command, machine: Machine | None = None) -> tuple[GpuFacts, ...]:
    """The GPUs of this machine, hidden ones too (see :mod:`mnistbench.measure.lent_gpus`); empty without a driver.

    Args:
        node: What to call the machine.
        run: Asks ``nvidia-smi``.
        machine: Asked for onnxruntime's CUDA.
    """
    listed = run(_QUERY)
    if not listed:
        return ()
    versions = package_versions()
    runtime = versions.get("onnxruntime-gpu") or versions.get("onnxruntime") or ""
    cuda = (machine or Machine()).cuda_version() if runtime else ""
    return parse_gpus(listed, run(_PROCESSES) or "", run(_LIST) or "", node=node, cuda=cuda, onnxruntime=runtime)


def parse_gpus(
    listed: str, processes: str, instances: str, *, node: str, cuda: str, onnxruntime: str
) -> tuple[GpuFacts, ...]:
    """GPUs from what ``nvidia-smi`` prints; a divided one gives its instances in its place.

    Args:
        listed: A line a GPU: UUID, name, limit of power in watts, driver, MiB used and in all, MIG mode.
        processes: A line a process: UUID of its GPU, or of the instance, and its number.
        instances: What ``nvidia-smi -L`` prints.
        node: As in :class:`GpuFacts`, like the rest.
        cuda: As ``node``.
        onnxruntime: As ``node``.
    """
    busy = [line.partition(",")[0].strip() for line in processes.splitlines()]
    parts = _instances(instances)
    gpus = []
    for line in listed.splitlines():
        # From both ends, since a name may hold a comma.
        uuid, _, rest = line.partition(",")
        name, *others = (part.strip() for part in rest.rsplit(",", 5))
        if len(others) != 5 or not uuid.startswith("GPU-"):
            continue
        power, driver, used, total, mode = others
        whole = uuid.strip()
        pieces = parts.get(whole, []) if mode == "Enabled" else [(whole, "")]
        running = sum(busy.count(known) for known in {whole, *(piece for piece, _ in pieces)})
        gpus += [
            GpuFacts(
                node,
                piece,
                name,
                profile,
                _number(power),
                driver,
                cuda,
                onnxruntime,
                processes=running,
                memory_used_bytes=_mebibytes(used),
                memory_bytes=_mebibytes(total),
                parent="" if piece == whole else whole,
            )
            for piece, profile in pieces
        ]
    return tuple(gpus)


def kind_of(gpu: GpuFacts) -> tuple[str, ...]:
    """What equally fast GPUs have in common: name, MIG profile, limit of power, driver, CUDA, onnxruntime."""
    limit = "" if gpu.power_limit_watts is None else f"{gpu.power_limit_watts:.0f}"
    return gpu.name, gpu.mig, limit, gpu.driver, gpu.cuda, gpu.onnxruntime


def group_gpus(gpus: Iterable[GpuFacts]) -> tuple[tuple[GpuFacts, ...], ...]:
    """GPUs that must be equally fast, together; in each group the idle ones first, then by machine.

    Alike are those of one :func:`kind_of`. The groups are in the order of these.
    """
    groups: dict[tuple[str, ...], list[GpuFacts]] = {}
    for gpu in gpus:
        groups.setdefault(kind_of(gpu), []).append(gpu)
    return tuple(
        tuple(sorted(group, key=lambda gpu: (why_busy(gpu) is not None, gpu.node, gpu.uuid)))
        for _, group in sorted(groups.items())
    )


def why_busy(gpu: GpuFacts) -> str | None:
    """Who else uses a GPU, in words; ``None`` when nobody does."""
    if gpu.processes:
        return f"{gpu.processes} other process{'es' if gpu.processes > 1 else ''} on it"
    if gpu.memory_used_bytes > MOST_IDLE_BYTES:
        return f"{gpu.memory_used_bytes / 2**30:.1f} GiB of its memory are in use"
    return None


def plan_gpus(gpus: Iterable[GpuFacts], *, allow_busy: bool) -> tuple[GpuRun, ...]:
    """One entry for each group, to be measured on its first GPU, or with the error that it is busy."""
    plan = []
    for group in group_gpus(gpus):
        busy = why_busy(group[0])
        if busy is None:
            plan.append(GpuRun(group))
        elif allow_busy:
            plan.append(GpuRun(group, caution=f"measured while busy: {busy}"))
        else:
            error = f"busy: {busy}; try again when it is free, or measure it all the same with --allow-busy"
            plan.append(GpuRun(group, error=error))
    return tuple(plan)


def label_of(gpu: GpuFacts) -> str:
    """A GPU in a few words: ``NVIDIA H200 (1g.18gb), 700 W, 10.0.0.1``."""
    mig = f" ({gpu.mig})" if gpu.mig else ""
    limit = "" if gpu.power_limit_watts is None else f", {gpu.power_limit_watts:.0f} W"
    return f"{gpu.name}{mig}{limit}{f', {gpu.node}' if gpu.node else ''}"


def runs_of(kinds: Sequence[GpuRun]) -> list[tuple[str, BenchRun]]:
    """The runs that there are, each called by its GPU."""
    return [(label_of(kind.gpus[0]), kind.run) for kind in kinds if kind.run is not None]


def _instances(text: str) -> dict[str, list[tuple[str, str]]]:
    """UUID and profile of each instance, by the UUID of its GPU."""
    found: dict[str, list[tuple[str, str]]] = {}
    parent = ""
    for line in text.splitlines():
        if match := re.match(r"GPU \d+:.*\(UUID: (GPU-[^)]+)\)", line):
            parent = match[1]
        elif match := re.match(r"\s+MIG (\S+)\s+Device\s+\d+: \(UUID: (MIG-[^)]+)\)", line):
            found.setdefault(parent, []).append((match[2], match[1]))
    return found


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:  # [N/A]
        return None
    return value if 0 <= value < 1e6 else None


def _mebibytes(text: str) -> int:
    return int(text) << 20 if text.isascii() and text.isdecimal() and len(text) < 10 else 0
