"""Tunings that several tests share."""

from __future__ import annotations

from test_results import ENVIRONMENT

from mnistbench.results import TuningCandidate, TuningResult

DEFAULT = TuningCandidate(2, True, {}, 0.0002, 0.00019, 0.00021, (0.0002, 0.00019, 0.00021))
BEST = TuningCandidate(1, True, {}, 0.00016, 0.000152, 0.000168, (0.00016, 0.00015, 0.00017))
DROPPED = TuningCandidate(2, False, {}, 0.0004, process_seconds=(0.0004,))
FAILED = TuningCandidate(4, False, {}, error="no memory")

TUNING = TuningResult(
    name="16-10",
    file="16-10.onnx",
    sha256="ef" * 32,
    device="cpu",
    provider="cpu",
    mode="e2e",
    batch_size=1,
    environment=ENVIRONMENT,
    candidates=(DEFAULT, BEST, DROPPED, FAILED),
    baseline=0,
    best=1,
    gain=1.25,
    gain_low=1.2,
    gain_high=1.3,
    verdict="FASTER",
    started="2026-01-01T00:00:00+00:00",
)
NOTHING = TuningResult("16-10", "16-10.onnx", "", "cuda:0", "cuda", "e2e", 1, ENVIRONMENT, error="no NVIDIA driver")
