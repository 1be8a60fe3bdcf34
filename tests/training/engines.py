"""Every engine that the contract suite tries, by a name; and a program that trains with one of them.

``python engines.py NAME WORK_DIR [ADDRESS]`` trains ``LONG`` and prints each event.
"""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from observed import Log
from tiny import make_dataset, tiny_job

from mnistbench.data.dataset import Dataset
from mnistbench.training.dispatch import dispatch
from mnistbench.training.executor import Executor, Sweep
from mnistbench.training.job import Job
from mnistbench.training.local import LocalExecutor
from mnistbench.training.on_ray import RayExecutor
from mnistbench.training.parallel import PoolExecutor, _Processes
from mnistbench.training.run import Event
from mnistbench.training.slots import Slot
from mnistbench.training.sweep import Observer

LONG = tuple(tiny_job(seed=seed, batch_size=10, epochs=40) for seed in range(2))
"""Some tenths of a second each: long enough to be killed in."""


@dataclass(frozen=True)
class TwoDevices:
    """The pool as on two GPUs, each with two jobs in turns; the devices are this machine's processor."""

    def train(self, sweep: Sweep, observer: Observer) -> None:
        dispatch(sweep, (Slot("cpu", at_once=2),) * 2, _Processes(sweep), observer)


def make_engine(name: str, address: str | None = None) -> Executor:
    cpu = torch.device("cpu")
    engines: dict[str, Executor] = {
        "local": LocalExecutor(cpu),
        "turns": LocalExecutor(cpu, at_once=3),
        "pool": PoolExecutor(at_once=2, num_threads=1),
        "two-devices": TwoDevices(),
        # Processes on the processors of each machine; and one on each of its GPUs, of which Ray only counts.
        "ray": RayExecutor(address=address),
        "ray-gpus": RayExecutor(address=address, claims_gpus=True, at_once=2),
    }
    return engines[name]


def no_data() -> Dataset:
    """A loader that fails wherever it is called."""
    raise OSError(5, "Input/output error", "the disk")


def other_data() -> Dataset:
    """A dataset that is not the jobs'."""
    return dataclasses.replace(make_dataset(), sha256="8" * 64)


if __name__ == "__main__":
    torch.set_num_threads(1)
    engine = make_engine(sys.argv[1], sys.argv[3] if len(sys.argv) > 3 else None)

    def tell(job: Job, event: Event) -> None:
        sys.stdout.write(f"{type(event).__name__} {job.seed}\n")
        sys.stdout.flush()

    log = Log(tell)
    engine.train(Sweep(LONG, make_dataset, Path(sys.argv[2])), log)
