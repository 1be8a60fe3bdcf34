"""Runs of the benchmark made by hand, for tests of what compares and shows them."""

from __future__ import annotations

import numpy as np

from mnistbench.results import BenchRun, Environment, LatencyResult, ProcessResult

ENVIRONMENT = Environment("3.11.7", "Linux", "Some CPU", (), 2, None, (), {"onnxruntime": "1.23.0", "numpy": "2.0.0"})
OPTIONS = {
    "intra_op_num_threads": 2,
    "allow_spinning": True,
    "provider_options": {"device_id": "0", "use_tf32": "0"},
    "input": {"name": "image", "layout": "N1HW", "batch_size": None},
    "seed": 20,
}
QUIET = (1.0, 1.004, 0.997, 1.002, 0.999)
"""Factors of five processes with a floor far below 5%."""

NOISY = (0.7, 1.0, 1.4, 0.8, 1.2)


def row(name: str = "16-10", seconds: float = 1e-4, spread: tuple[float, ...] = QUIET, **changes) -> LatencyResult:
    """A row whose processes have the medians ``seconds`` times ``spread``."""
    medians = [seconds * factor for factor in spread]
    processes = tuple(ProcessResult(0.01, 0.001, 10, True, 1, "noise", value, value, value) for value in medians)
    values = {
        "name": name,
        "file": f"{name}.onnx",
        "sha256": "ab" * 32,
        "device": "cpu",
        "mode": "e2e",
        "batch_size": 1,
        "provider": "CPUExecutionProvider",
        "processes": processes,
        "p50_seconds": float(np.median(medians)) if medians else seconds,
        "options": OPTIONS,
    }
    return LatencyResult(**(values | changes))


def failed(name: str = "16-10", **changes) -> LatencyResult:
    """A row that could not be measured, which has no provider."""
    values = {"provider": None, "p50_seconds": None, "error": "no CUDA libraries"}
    return row(name, spread=(), **(values | changes))


def run(*rows: LatencyResult, environment: Environment = ENVIRONMENT) -> BenchRun:
    return BenchRun("2026-11-23T04:00:00+00:00", environment, {}, rows)
