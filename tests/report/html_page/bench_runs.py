"""Runs of the benchmark with round figures, for tests of the page."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np
from latency_models import measured
from test_results import ENVIRONMENT

from mnistbench.catalog import find
from mnistbench.measure.latency.combine import combine
from mnistbench.results import BenchRun, Environment, LatencyResult, ProcessResult

MACHINE = ENVIRONMENT
PROCESS = ProcessResult(0.01, 0.002, 12, True, 1000, "noise", 1e-5, 1e-5, 1e-5)

QUIET = (1.0, 1.004, 0.997, 1.002, 0.999)
"""Factors of five processes with a noise floor far below 5%."""

NOISY = (0.7, 1.0, 1.4, 0.8, 1.2)


def row(name: str = "16-10", p50: float = 1e-5, *, calls: int = 1000, **changes: object) -> LatencyResult:
    """A result of a network of the paper: half of its calls take ``p50`` seconds, the slowest twice that."""
    spec = find(name).spec
    samples = tuple(float(value) for value in p50 * np.linspace(0.5, 2, calls) ** 2) if calls else ()
    values = {
        "name": name,
        "file": f"{name}.onnx",
        "sha256": "ef" * 32,
        "device": "cpu",
        "mode": "e2e",
        "batch_size": 1,
        "provider": "CPUExecutionProvider",
        "session_seconds": 0.01,
        "first_call_seconds": 0.002,
        "warmup_settled": True,
        "num_samples": calls,
        "stop_reason": "noise",
        "p50_seconds": p50,
        "p50_low_seconds": 0.99 * p50,
        "p50_high_seconds": 1.01 * p50,
        "p90_seconds": 1.5 * p50,
        "throughput": 1 / p50,
        "samples_seconds": samples,
        "options": {"intra_op_num_threads": 2, "allow_spinning": True},
        "notation": spec.notation,
        "dropout": spec.dropout,
        "error_rate": 0.03,
        "num_parameters": spec.num_parameters,
    }
    return LatencyResult(**(values | changes))


def steady(
    name: str = "16-10", p50: float = 1e-5, spread: tuple[float, ...] = QUIET, **changes: object
) -> LatencyResult:
    """A result of processes whose calls take ``p50`` times ``spread``, which is what a verdict needs."""
    times = [p50 * factor for factor in spread]
    each = [process(num_samples=1, p50_seconds=time, mean_seconds=time, min_seconds=time) for time in times]
    return row(name, p50, calls=0, processes=tuple(each), **changes)


def combined(*samples: Iterable[float], **changes: object) -> LatencyResult:
    """A result as the benchmark makes it of the samples of each process."""
    each = [tuple(map(float, seconds)) for seconds in samples]
    parts = [measured(*seconds, p50_seconds=float(np.median(seconds))) for seconds in each]
    blank = row(calls=0, p50_seconds=None, p90_seconds=None)
    return dataclasses.replace(combine(blank, parts), **changes)


def shaped(shapes: dict[str, Sequence[int | None]], **changes: object) -> dict[str, object]:
    """Options of a result that was given tensors of these shapes."""
    given = {"outputs": ["y"], "shapes": shapes, "dtypes": dict.fromkeys(shapes, "float32"), "file": None}
    return row().options | {"input": given | changes}


def process(**changes: object) -> ProcessResult:
    return dataclasses.replace(PROCESS, **changes)


def run(*rows: LatencyResult, machine: Environment = MACHINE) -> BenchRun:
    return BenchRun("2026-11-24T04:00:00+00:00", machine, {"processes": 5}, rows)


def foreign(**changes: object) -> LatencyResult:
    """A result of a file from elsewhere, of which next to nothing is known."""
    return LatencyResult("theirs", "theirs.onnx", "ab" * 32, "cpu", "e2e", 1, p50_seconds=3e-5, **changes)


def failed(**changes: object) -> LatencyResult:
    return LatencyResult("16-10", "16-10.onnx", "", "cuda:0", "e2e", 1, error="no CUDA libraries", **changes)
