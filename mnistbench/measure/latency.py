"""Times a model: making its session, the first call, and steady state, for each batch size.

The mode is ``e2e``: one call of ``session.run`` with numpy arrays in and out,
on inputs that differ from call to call and are already in the model's own
layout and dtype. Answers are compared with the first ones, outside the timing.
Whatever fails becomes a row with an error, and the sweep goes on. Prints
nothing and knows no files but the model's.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mnistbench.errors import InputError, ModelError, ProviderError
from mnistbench.files import sha256_of
from mnistbench.measure.clock import Clock
from mnistbench.measure.stats import count_outliers, percentile, percentile_bounds, supported
from mnistbench.measure.steady import Plan, SteadySample, measure_steady
from mnistbench.results import LatencyResult
from mnistbench.runtime.classifier import OnnxClassifier, load_classifier, metadata_number
from mnistbench.runtime.contract import Calibration
from mnistbench.runtime.devices import Device, resolve_device
from mnistbench.runtime.images import as_batch
from mnistbench.runtime.input_plan import InputPlan
from mnistbench.runtime.session import SessionSettings, create_session, onnxruntime_errors, run_error

MODE = "e2e"

_SEED = 20
_MAX_DISTINCT = 16
_MAX_DISTINCT_IMAGES = 16_384
_PERCENTILES = (50, 90, 99)

OnResult = Callable[[LatencyResult], None]
Progress = Callable[[int, int], None]
"""Gets the number of batch sizes done and of all."""


def measure_latency(
    path: str | os.PathLike[str],
    *,
    name: str | None = None,
    device: str | Device = "cpu",
    batch_sizes: Sequence[int],
    images: npt.NDArray[np.uint8],
    plan: Plan,
    clock: Clock,
    settings: SessionSettings | None = None,
    calibration: Calibration | None = None,
    layout: str | None = None,
    value_range: str | None = None,
    output: str | None = None,
    allow_external_data: bool = False,
    seed: int = _SEED,
    on_result: OnResult | None = None,
    on_progress: Progress | None = None,
) -> list[LatencyResult]:
    """Time one ONNX file on one device at several batch sizes.

    Every batch size gets a session of its own, so that its first call is a first call.

    Args:
        path: The file.
        name: What to call it; the file's name without its ending when ``None``.
        device: ``cpu``, ``cuda`` or ``cuda:N``.
        batch_sizes: Images in a call.
        images: uint8 of shape ``(n, 28, 28)``, which the inputs are drawn from.
        plan: How long to warm up and to measure.
        clock: The time source.
        settings: Threads and optimisation; the defaults when ``None``.
        calibration: Labelled training images, for a foreign model whose value range
            nothing tells; without them the commonest range is assumed.
        layout: As in :func:`mnistbench.runtime.contract.find_plan`, like the next two.
        value_range: Likewise.
        output: Likewise.
        allow_external_data: Whether the file may name other files that hold its weights.
        seed: Draws the inputs.
        on_result: Gets each row as soon as it exists.
        on_progress: Called after each batch size.

    Returns:
        One row a batch size, in the order given; a row that could not be measured has ``error``.

    Raises:
        ModelError: When the file is not a model that can be loaded at all, on any device.
        InputError: When a batch size or the images make no sense.
        ProviderError: When ``device`` is not the name of a device.
    """
    path, device = Path(path), resolve_device(device)
    settings = settings or SessionSettings()
    images = as_batch(images)
    if not len(images) or not batch_sizes or min(batch_sizes) < 1:
        raise InputError(
            f"{len(images)} images in batches of {list(batch_sizes)}; expected at least one image and batches from 1 on"
        )
    blank = LatencyResult(
        name=name if name is not None else path.stem,
        file=str(path),
        sha256="",
        device=device.text,
        mode=MODE,
        batch_size=0,
        options=settings.as_dict() | {"provider_options": dict(device.provider_options), "seed": seed},
    )
    classifier: OnnxClassifier | None = None
    problem = ""
    try:
        # Loaded once beforehand: finds the plan, and pays for what happens once in a process.
        classifier = load_classifier(
            path,
            device=device,
            settings=settings,
            name=name,
            calibration=calibration,
            layout=layout,
            value_range=value_range,
            output=output,
            assume_range=True,
            allow_external_data=allow_external_data,
        )
    except ProviderError as error:
        problem = str(error)
    blank = dataclasses.replace(blank, sha256=sha256_of(path))
    if classifier is not None:
        # Its session must not stand beside the timed ones with threads and memory of its own.
        classifier = dataclasses.replace(classifier, session=None)
        blank = dataclasses.replace(
            blank,
            notation=classifier.metadata.get("mnistbench.notation"),
            dropout=metadata_number(classifier.metadata, "mnistbench.dropout"),
            options=blank.options | {"input": classifier.input_plan.as_dict()},
        )
    results: list[LatencyResult] = []
    for batch_size in batch_sizes:
        row = dataclasses.replace(blank, batch_size=batch_size)
        if classifier is None:
            row = dataclasses.replace(row, error=problem)
        else:
            row = _measure(row, classifier, images, plan, clock, settings, seed, allow_external_data)
        results.append(row)
        if on_result is not None:
            on_result(row)
        if on_progress is not None:
            on_progress(len(results), len(batch_sizes))
    return results


def _measure(
    row: LatencyResult,
    classifier: OnnxClassifier,
    images: npt.NDArray[np.uint8],
    plan: Plan,
    clock: Clock,
    settings: SessionSettings,
    seed: int,
    allow_external_data: bool,
) -> LatencyResult:
    """One batch size: the row with its figures, or with the error that prevented them."""
    fixed = classifier.input_plan.batch_size
    if fixed not in (None, row.batch_size):
        return dataclasses.replace(row, error=f"{row.name} takes batches of {fixed} only, not of {row.batch_size}")
    try:
        start = clock.now_ns()
        session = create_session(
            classifier.path,
            classifier.device,
            settings,
            info=classifier.info,
            allow_external_data=allow_external_data,
        )
        session_seconds = _seconds_since(start, clock)
        inputs = draw_inputs(images, row.batch_size, classifier.input_plan, seed)
        timed = _Call(session, classifier.input_plan, inputs)
        start = clock.now_ns()
        timed(0)
        first_call_seconds = _seconds_since(start, clock)
        timed.learn(row.batch_size)
        sample = measure_steady(timed, plan, clock, after_each=timed.check)
    except (ModelError, ProviderError) as error:
        return dataclasses.replace(row, error=str(error))
    except onnxruntime_errors() as error:
        failure = run_error(error, name=row.name, device=classifier.device, batch_size=row.batch_size)
        return dataclasses.replace(row, error=str(failure))
    row = dataclasses.replace(
        row,
        provider=str(session.get_providers()[0]),
        session_seconds=session_seconds,
        first_call_seconds=first_call_seconds,
        options=row.options | {"distinct_inputs": len(inputs)},
    )
    return with_figures(row, sample)


class _Call:
    """The timed call: rotates inputs, and checks the answers when asked."""

    def __init__(self, session: Any, plan: InputPlan, inputs: Sequence[npt.NDArray[Any]]) -> None:
        self._run = session.run
        self._plan = plan
        self._outputs = [plan.output]
        self._feeds = [{plan.name: given} for given in inputs]
        self._count = len(inputs)
        self._expected: list[npt.NDArray[np.int64]] = []
        self._batch_size = 0

    def __call__(self, index: int) -> Any:
        return self._run(self._outputs, self._feeds[index % self._count])

    def learn(self, batch_size: int) -> None:
        """Keep the answers to all inputs, which the timed ones must equal."""
        self._batch_size = batch_size
        self._expected = [self._plan.labels(self(index)[0], batch_size) for index in range(self._count)]

    def check(self, answer: Any, index: int) -> None:
        """Compare the answer of a timed call.

        Raises:
            ModelError: When it is not the one that the same input had before.
        """
        labels = self._plan.labels(answer[0], self._batch_size)
        if not np.array_equal(labels, self._expected[index % self._count]):
            raise ModelError("its answers to the same images changed while it was timed; the figures are void")


def draw_inputs(
    images: npt.NDArray[np.uint8], batch_size: int, plan: InputPlan, seed: int = _SEED
) -> list[npt.NDArray[Any]]:
    """Distinct batches for a model, drawn from ``images`` with a fixed seed.

    Returns:
        Two to sixteen arrays as the plan says; fewer for larger batches, so that memory stays small.
    """
    generator = np.random.default_rng(seed)
    count = max(2, min(_MAX_DISTINCT, _MAX_DISTINCT_IMAGES // batch_size))
    repeats = batch_size > len(images)
    chosen = [generator.choice(len(images), size=batch_size, replace=repeats) for _ in range(count)]
    return [plan.prepare(images[indices]) for indices in chosen]


def with_figures(row: LatencyResult, sample: SteadySample) -> LatencyResult:
    """Add the statistics of a steady-state sample to a row; unsupported percentiles stay ``None``."""
    seconds = sample.seconds
    shown = [q for q in _PERCENTILES if supported(q, len(seconds))]
    figures = {f"p{q}_seconds": percentile(seconds, q) for q in shown}
    bounds = {f"p{q}": pair for q in shown if (pair := percentile_bounds(seconds, q)) is not None}
    mean = sum(seconds) / len(seconds)
    return dataclasses.replace(
        row,
        warmup_calls=sample.warmup_calls,
        warmup_settled=sample.warmup_settled,
        num_samples=len(seconds),
        stop_reason=sample.stop_reason,
        mean_seconds=mean,
        min_seconds=min(seconds),
        p50_seconds=figures.get("p50_seconds"),
        p90_seconds=figures.get("p90_seconds"),
        p99_seconds=figures.get("p99_seconds"),
        percentile_bounds=bounds,
        num_outliers=count_outliers(seconds),
        throughput=row.batch_size / mean if mean > 0 else None,
        samples_seconds=seconds,
    )


def _seconds_since(start: int, clock: Clock) -> float:
    """Never negative, also when the clock was set back."""
    return max(0, clock.now_ns() - start) / 1_000_000_000
