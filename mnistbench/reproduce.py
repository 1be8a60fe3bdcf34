"""Train, export, evaluate, time: everything a row of the paper's tables needs, once.

Each stage's result is a file as soon as it exists, named by a hash of what it
depends on; what is already there is not done again. Draws no table and prints
nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from mnistbench._version import __version__
from mnistbench.artifacts import ModelEntry, read_manifest, verify
from mnistbench.catalog import Network
from mnistbench.data.dataset import Dataset
from mnistbench.errors import ArtifactError, MnistbenchError
from mnistbench.files import read_json, write_json
from mnistbench.measure.accuracy import evaluate
from mnistbench.measure.clock import Clock
from mnistbench.measure.environment import collect_environment
from mnistbench.measure.latency import measure_latency
from mnistbench.measure.steady import Plan
from mnistbench.precisions import PLAIN
from mnistbench.results import EvaluationResult, LatencyResult, Result, TrainingResult
from mnistbench.runtime.classifier import load_classifier
from mnistbench.runtime.session import SessionSettings
from mnistbench.training.export import export_run
from mnistbench.training.hardware import TorchDevice
from mnistbench.training.job import FinishedRun, Job
from mnistbench.training.run import Event, run_job

OnEvent = Callable[[Event], None]
OnStage = Callable[[str, str], None]
"""Gets the network's name and the stage that begins: ``train``, ``export``, ``evaluate`` or ``bench``."""

R = TypeVar("R", bound=Result)


@dataclass(frozen=True)
class Row:
    """One network with everything measured of it, or the error that stopped it."""

    network: Network
    training: TrainingResult | None = None
    model: ModelEntry | None = None
    evaluation: EvaluationResult | None = None
    latency: tuple[LatencyResult, ...] = ()
    error: str | None = None

    @property
    def errors(self) -> tuple[str, ...]:
        """What stopped it, or what stopped each of its timings; empty when nothing is missing."""
        found = (self.error, *(result.error for result in self.latency))
        return tuple(error for error in found if error is not None)

    def as_dict(self) -> dict[str, Any]:
        """JSON types; raw samples and the epochs' history stay in their own files."""
        paper = self.network.paper
        return {
            "name": self.network.name,
            **self.network.spec.as_dict(),
            "table": paper.table if paper else None,
            "row": paper.row if paper else None,
            "paper_error": paper.error if paper else None,
            "num_parameters": self.network.spec.num_parameters,
            "macs": self.network.spec.macs,
            "error": self.error,
            "training": _without(self.training, "environment", "history"),
            "model": _without(self.model),
            "evaluation": _without(self.evaluation),
            "latency": [_without(result, "samples_seconds") for result in self.latency],
        }


@dataclass(frozen=True)
class Measurement:
    """What is timed of every model, and how.

    Attributes:
        devices: Such as ``cpu`` or ``cuda:0``.
        batch_sizes: Images in a call.
        plan: How long to warm up and to measure.
        settings: Session options.
    """

    devices: tuple[str, ...]
    batch_sizes: tuple[int, ...]
    plan: Plan
    settings: SessionSettings


def reproduce(
    jobs: Iterable[Job],
    dataset: Dataset,
    device: TorchDevice,
    work_dir: Path,
    measurement: Measurement,
    clock: Clock,
    *,
    on_begin: Callable[[Job], None],
    on_event: OnEvent,
    on_stage: OnStage,
    on_row: Callable[[Row], None],
) -> list[Row]:
    """Do for each job what is missing, one network after the other.

    A network that fails gives a row with the error, and the others go on.

    Args:
        jobs: One for each network.
        dataset: Trained on, compared on and evaluated on.
        device: Where to train.
        work_dir: Holds ``training/``, ``zoo/`` and ``results/``.
        measurement: What to time.
        clock: What to time it with.
        on_begin: Told of each job before it begins.
        on_event: Told of training progress.
        on_stage: Told of each stage that really runs.
        on_row: Given each row as soon as it is complete.

    Raises:
        OSError: When the work folder cannot be written.
    """
    rows = []
    for job in jobs:
        on_begin(job)
        try:
            row = _reproduce_one(job, dataset, device, work_dir, measurement, clock, on_event, on_stage)
        except MnistbenchError as error:
            row = Row(job.network, error=str(error))
        rows.append(row)
        on_row(row)
    return rows


def _reproduce_one(
    job: Job,
    dataset: Dataset,
    device: TorchDevice,
    work_dir: Path,
    measurement: Measurement,
    clock: Clock,
    on_event: OnEvent,
    on_stage: OnStage,
) -> Row:
    name = job.network.name
    on_stage(name, "train")
    run = run_job(job, dataset, device, work_dir, on_event=on_event)
    entry = _exported(run, job.network, dataset, work_dir / "zoo", on_stage)
    path = work_dir / "zoo" / entry.file
    results = work_dir / "results" / name

    def evaluate_now() -> EvaluationResult:
        on_stage(name, "evaluate")
        classifier = load_classifier(path, name=name)
        return evaluate(
            classifier, dataset.test_images, dataset.test_labels, dataset=dataset.name, dataset_sha256=dataset.sha256
        )

    packages = collect_environment().packages
    runtime = packages.get("onnxruntime-gpu") or packages.get("onnxruntime")
    evaluation = _once(results, "evaluation", EvaluationResult, evaluate_now, entry.sha256, dataset.sha256, runtime)
    latency = []
    for timed_on in measurement.devices:
        for batch_size in measurement.batch_sizes:

            def time_now(timed_on: str = timed_on, batch_size: int = batch_size) -> LatencyResult:
                on_stage(name, "bench")
                return measure_latency(
                    path,
                    name=name,
                    device=timed_on,
                    batch_sizes=[batch_size],
                    images=dataset.test_images,
                    plan=measurement.plan,
                    clock=clock,
                    settings=measurement.settings,
                )[0]

            depends = (entry.sha256, timed_on, batch_size, runtime, repr(measurement.plan), measurement.settings)
            machine = (collect_environment().cpu, [gpu["name"] for gpu in collect_environment().gpus])
            latency.append(_once(results, "latency", LatencyResult, time_now, *depends, machine))
    return Row(job.network, run.result, entry, evaluation, tuple(latency))


def _exported(run: FinishedRun, network: Network, dataset: Dataset, zoo: Path, on_stage: OnStage) -> ModelEntry:
    """The model of a run: the one that is there when it has these weights and is whole, else a new one."""
    for entry in read_manifest(zoo):
        if (entry.name, entry.precision, entry.input_dtype) == (network.name, PLAIN, "uint8"):
            try:
                same = entry.training.get("weights_sha256") == run.result.weights_sha256
                # Another version may build another graph from the same weights.
                if same and (entry.versions or {}).get("mnistbench") == __version__ and verify(zoo, entry):
                    return entry
            except ArtifactError:
                break
    on_stage(network.name, "export")
    return export_run(run, network, dataset, zoo)


def _once(folder: Path, kind: str, result: type[R], make: Callable[[], R], *depends: object) -> R:
    """The stored result of the same dependencies, or a new one, which is stored if it is no error."""
    key = hashlib.sha256(repr(depends).encode()).hexdigest()[:12]
    file = folder / f"{kind}-{key}.json"
    if file.is_file():
        try:
            return result.from_dict(read_json(file))
        except (OSError, ValueError, ArtifactError):
            pass  # a damaged result is measured again
    made = make()
    if getattr(made, "error", None) is None:
        write_json(file, made.as_dict())
    return made


def _without(result: Result | None, *fields: str) -> dict[str, Any] | None:
    if result is None:
        return None
    return {key: value for key, value in result.as_dict().items() if key not in fields}
