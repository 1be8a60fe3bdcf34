"""The benchmark on one GPU that nobody else uses, in a process that sees no other, here or on another machine.

What is to be measured is sent along as data, the models' files too: another
machine may have none of them.
"""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mnistbench.errors import BusyGpuError
from mnistbench.files import path_in_results
from mnistbench.measure.clock import MonotonicClock
from mnistbench.measure.environment import collect_environment
from mnistbench.measure.gpus import find_gpus, why_busy
from mnistbench.measure.latency.bench import Bench, run_bench
from mnistbench.results import BenchRun, GpuFacts
from mnistbench.runtime.devices import resolve_device


@dataclass(frozen=True)
class SentModel:
    """A model on its way to another machine."""

    name: str
    path: str
    """Where its file is for whoever asks, as results name it (:func:`mnistbench.files.path_in_results`)."""
    content: bytes = dataclasses.field(repr=False)


@dataclass(frozen=True)
class GpuTask:
    """What is to be measured on which GPU.

    Attributes:
        bench: What and how; its devices do not count.
        providers: Names of the providers to measure with.
        models: The models.
        gpu: The GPU.
        allow_busy: Whether it is measured though others use it.
    """

    bench: Bench
    providers: tuple[str, ...]
    models: tuple[SentModel, ...]
    gpu: GpuFacts
    allow_busy: bool


def measure_gpu(task: GpuTask, keep: Callable[[BenchRun], None]) -> BenchRun:
    """Measure in this process, which must not have touched a GPU before, and sees one only from now on.

    Args:
        task: What is to be measured.
        keep: As in :func:`mnistbench.measure.latency.bench.run_bench`.

    Raises:
        BusyGpuError: When somebody has begun to use the GPU since it was looked at.
        MnistbenchError: As :func:`mnistbench.measure.latency.bench.run_bench`.
    """
    now = next((gpu for gpu in find_gpus(task.gpu.node) if gpu.uuid == task.gpu.uuid), task.gpu)
    if (busy := why_busy(now)) is not None and not task.allow_busy:
        raise BusyGpuError(f"busy: {busy}; try again when it is free, or measure it all the same with --allow-busy")
    os.environ["CUDA_VISIBLE_DEVICES"] = task.gpu.uuid
    devices = tuple(resolve_device("cuda:0", provider) for provider in task.providers)
    environment = collect_environment()
    # The one that is measured is number 0 for whoever reads the rows.
    whole = task.gpu.parent or task.gpu.uuid
    alone = [gpu | {"index": 0} for gpu in environment.gpus if gpu["uuid"] == whole]
    if alone:
        environment = dataclasses.replace(environment, gpus=tuple(alone))
    with tempfile.TemporaryDirectory(prefix="mnistbench-") as folder:
        files = []
        origins = {}
        for number, model in enumerate(task.models):
            path = Path(folder) / f"{number}.onnx"
            path.write_bytes(model.content)
            files.append((path, model.name))
            origins[path_in_results(path)] = model.path

        def named(run: BenchRun) -> BenchRun:
            rows = (dataclasses.replace(row, file=origins.get(row.file, row.file)) for row in run.results)
            return dataclasses.replace(run, results=tuple(rows))

        run = run_bench(
            dataclasses.replace(task.bench, devices=devices),
            files,
            environment,
            MonotonicClock(),
            keep=lambda run: keep(named(run)),
        )
        return named(run)
