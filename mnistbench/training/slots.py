"""Where jobs may be trained at once: slots on the devices of one machine or of several. Pure; looks at no device."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mnistbench.cluster import Node

MOST_ON_A_GPU = 16
"""Runs in turns: torch has 32 streams for a device, and two graphs must never share one."""

ONE_CPU = 1.0
"""What a process that trains on a GPU claims of the processors: it launches kernels, one after another."""


@dataclass(frozen=True)
class Slot:
    """A process to be, and the device it trains on.

    Attributes:
        device: As the process itself will see it: ``cpu`` or ``cuda:N``.
        at_once: Jobs that it trains in turns, at most.
        num_threads: Threads on the CPU.
        node: The cluster's name of its machine; empty for this one.
        cpus: Processors that it claims of a cluster.
        gpus: GPUs that it claims of a cluster.
    """

    device: str
    at_once: int = 1
    num_threads: int = 1
    node: str = ""
    cpus: float = 0.0
    gpus: float = 0.0


def slots_of_machine(
    gpus: Sequence[int], *, at_once: int, num_jobs: int, num_threads: int | None, usable_threads: int
) -> tuple[Slot, ...]:
    """Slots of this machine: one on each GPU, or without GPUs ``at_once`` of the CPU.

    Args:
        gpus: Numbers of the GPUs, as torch counts them; empty for the CPU.
        at_once: Jobs at once on each GPU, or on the CPU.
        num_jobs: There are no more slots than jobs.
        num_threads: Threads of each; ``None`` shares out ``usable_threads``, at least one for each. By the number of
            jobs and not of those left: a repeated command must give the same weights.
        usable_threads: Threads of this process.
    """
    count = max(1, min(len(gpus) or at_once, num_jobs))
    threads = num_threads or max(1, usable_threads // count)
    if not gpus:
        return (Slot("cpu", num_threads=threads),) * count
    turns = min(at_once, MOST_ON_A_GPU)
    return tuple(Slot(f"cuda:{index}", turns, threads) for index in gpus[:count])


def slots_of_node(node: Node, *, on_gpus: bool, device: str, at_once: int) -> tuple[Slot, ...]:
    """Slots of a machine of a cluster: one on each of its whole GPUs, or ``at_once`` on its processors.

    Args:
        node: The machine.
        on_gpus: Whether each process claims a GPU.
        device: What a process trains on, as it sees it.
        at_once: Jobs at once on each GPU, or on the processors of each machine.
    """
    if on_gpus:
        count = math.floor(node.gpus)
        # A cluster counts in ten thousandths.
        cpus = min(ONE_CPU, math.floor(node.cpus / count * 10_000) / 10_000) if count else 0.0
        turns = min(at_once, MOST_ON_A_GPU)
        return (Slot(device, turns, max(1, math.floor(cpus)), node.name, cpus, 1.0),) * count
    whole = math.floor(node.cpus)
    if not whole:
        return ()
    count = min(at_once, whole)
    return (Slot(device, 1, whole // count, node.name, float(whole // count)),) * count


def least_loaded(loads: Sequence[int], capacities: Sequence[int]) -> int | None:
    """Which slot gets the next job: of those with room the one with the fewest jobs, the first of equals.

    Args:
        loads: Jobs that each slot has.
        capacities: Jobs that each can have; as many as ``loads``.
    """
    fitting = [index for index, (load, most) in enumerate(zip(loads, capacities, strict=True)) if load < most]
    return min(fitting, key=lambda index: loads[index], default=None)
