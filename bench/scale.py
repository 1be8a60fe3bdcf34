"""What an engine costs: seconds a job beside the training itself, and how total time falls with more slots.

``python bench/scale.py [--engines local,pool,ray] [--jobs 100] [--output FILE]``:
trains nothing. Each job is taken up, told of and finished as a real one, but
sleeps in place of training and writes no files. The cost a job is taken in one
slot between the first end and the last, so after the start of processes; the
total is from the first job that is begun to the last that is finished, when
every process has started. Slots are simulated: sleeping needs no processor.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import tempfile
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mnistbench.catalog import find
from mnistbench.cluster import connected
from mnistbench.data.dataset import Dataset
from mnistbench.files import write_json
from mnistbench.measure.environment import collect_environment
from mnistbench.results import TrainingResult
from mnistbench.training import sweep, together
from mnistbench.training.executor import Executor, Sweep
from mnistbench.training.job import FinishedRun, Job, make_job
from mnistbench.training.local import LocalExecutor
from mnistbench.training.loop import run_to_end
from mnistbench.training.on_ray import RayExecutor
from mnistbench.training.parallel import PoolExecutor
from mnistbench.training.recipes import find_recipe
from mnistbench.training.run import Event, run_job

TARGETS_MS = {"local": 50, "pool": 50, "ray": 250}
SLOTS = (1, 2, 4, 8)
HASH = "7" * 64
SECONDS_TO_MEET = 300.0


def drawn() -> Dataset:
    """Fifty random pictures, which one job is trained on for the result that all others show."""
    generator = np.random.default_rng(1)
    images = generator.integers(0, 256, (50, 28, 28), dtype=np.uint8)
    labels = np.arange(50) % 10
    return Dataset("drawn", HASH, "drawn", images, labels, images, labels)


def asleep(result: TrainingResult, seconds: float, meeting: Path, processes: int) -> Dataset:
    """Load the dataset; in the process that calls it, jobs sleep from now on in place of being trained.

    It returns when so many processes have called it: importing torch takes longer than many a job sleeps.
    """
    meeting.mkdir(exist_ok=True)
    (meeting / str(os.getpid())).touch()
    deadline = time.monotonic() + SECONDS_TO_MEET
    while len(list(meeting.iterdir())) < processes and time.monotonic() < deadline:
        time.sleep(0.05)

    def sleep(job: Job, *rest: Any, **_given: Any) -> Generator[bool, None, FinishedRun]:
        time.sleep(seconds)
        yield True
        return FinishedRun(job.folder(rest[2]), dataclasses.replace(result, job=job.key, seed=job.seed))

    together.job_steps = sleep
    sweep.run_job = lambda *arguments, **given: run_to_end(sleep(*arguments, **given))
    return drawn()


@dataclass
class Times:
    """An observer that notes when jobs begin and end."""

    begun: list[float] = field(default_factory=list)
    ended: list[float] = field(default_factory=list)

    def begin(self, _job: Job) -> None:
        """A job is taken up."""
        self.begun.append(time.perf_counter())

    def event(self, job: Job, event: Event) -> None:
        """Sleep has no events."""

    def finish(self, _job: Job, _run: FinishedRun) -> None:
        """A job has slept."""
        self.ended.append(time.perf_counter())

    def fail(self, job: Job, reason: str) -> None:
        """A job stopped, which sleeping never does."""
        raise SystemExit(f"{job.key}: {reason}")


def make_jobs(count: int) -> tuple[Job, ...]:
    return tuple(
        make_job(
            find("10"),
            find_recipe("default"),
            dataset="drawn",
            dataset_sha256=HASH,
            device="cpu",
            precision="float32",
            epochs=1,
            seed=seed,
        )
        for seed in range(count)
    )


def make_engine(name: str, slots: int) -> Executor:
    if name == "local":
        return LocalExecutor(torch.device("cpu"))
    return PoolExecutor(at_once=slots, num_threads=1) if name == "pool" else RayExecutor(at_once=slots)


def run_engine(name: str, slots: int, jobs: int, seconds: float, result: TrainingResult) -> tuple[Times, float]:
    """When its jobs began and ended, and the seconds until the first began."""
    times = Times()
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        whole = Sweep(
            make_jobs(jobs), partial(asleep, result, seconds, Path(folder) / "met", min(slots, jobs)), Path(folder)
        )
        make_engine(name, slots).train(whole, times)
    return times, times.begun[0] - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engines", default="local,pool,ray")
    parser.add_argument("--jobs", type=int, default=100, help="in each measurement")
    parser.add_argument("--seconds", type=float, default=0.25, help="that a job sleeps where slots are compared")
    parser.add_argument("--slots", default=",".join(map(str, SLOTS)))
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    slots = [int(text) for text in options.slots.split(",")]
    with tempfile.TemporaryDirectory() as folder:
        result = run_job(make_jobs(1)[0], drawn(), torch.device("cpu"), Path(folder)).result
    overheads, totals = [], []
    for name in options.engines.split(","):
        # As many processors as slots, of which Ray only counts.
        with connected(None, cpus=max(slots)) if name == "ray" else tempfile.TemporaryDirectory():
            times, start = run_engine(name, 1, options.jobs, 0.0, result)
            cost = (times.ended[-1] - times.ended[0]) / max(1, options.jobs - 1)
            overheads.append(
                {
                    "engine": name,
                    "jobs": options.jobs,
                    "start_seconds": start,
                    "seconds_a_job": cost,
                    "target_seconds_a_job": TARGETS_MS[name] / 1000,
                }
            )
            print(f"{name}: {cost * 1000:.1f} ms a job (target {TARGETS_MS[name]}), started in {start:.1f} s")
            for count in [1] if name == "local" else slots:
                times, start = run_engine(name, count, options.jobs, options.seconds, result)
                total = times.ended[-1] - times.begun[0]
                ideal = options.seconds * -(-options.jobs // count)
                totals.append(
                    {
                        "engine": name,
                        "slots": count,
                        "jobs": options.jobs,
                        "job_seconds": options.seconds,
                        "start_seconds": start,
                        "total_seconds": total,
                        "ideal_seconds": ideal,
                    }
                )
                print(f"{name}, {count} slots: {total:.2f} s (ideal {ideal:.2f})")
    if options.output is not None:
        document = {"overheads": overheads, "totals": totals, "environment": collect_environment().as_dict()}
        write_json(options.output, document)


if __name__ == "__main__":
    main()
