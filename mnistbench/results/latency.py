"""Result of timing one model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mnistbench.results.base import Result


@dataclass(frozen=True)
class LatencyResult(Result):
    """Time of one model at one batch size on one device."""

    kind = "latency"

    name: str
    file: str
    sha256: str
    device: str
    """As asked for: ``cpu`` or ``cuda:0``."""
    mode: str
    """``e2e``: numpy in, numpy out."""
    batch_size: int
    provider: str | None = None
    """Execution provider that really ran; ``None`` when nothing did."""
    error: str | None = None
    """Why there are no figures; ``None`` when there are."""
    session_seconds: float | None = None
    """Creation of the session: load, optimise, allocate."""
    first_call_seconds: float | None = None
    warmup_calls: int = 0
    warmup_settled: bool = False
    """Whether the last three windows of the warm-up agreed within 10%."""
    num_samples: int = 0
    """Timed calls in steady state."""
    stop_reason: str | None = None
    """``noise``, ``plateau``, ``time`` or ``count``: why the measurement ended."""
    mean_seconds: float | None = None
    min_seconds: float | None = None
    p50_seconds: float | None = None
    p90_seconds: float | None = None
    """Only where the sample supports it, as for every percentile."""
    p99_seconds: float | None = None
    percentile_bounds: dict[str, tuple[float, float]] = field(default_factory=dict)
    """95% confidence bounds by percentile: ``{"p50": (low, high)}``, in seconds."""
    num_outliers: int = 0
    """Samples beyond 1.5 interquartile ranges of the quartiles; counted, never removed."""
    throughput: float | None = None
    """Images per second: batch size over the mean."""
    samples_seconds: tuple[float, ...] = ()
    """Every timed call, in order."""
    options: dict[str, Any] = field(default_factory=dict)
    """Session options: threads, spinning, graph optimisation level, provider options."""
    notation: str | None = None
    dropout: float | None = None
    table: int | None = None
    paper_error: float | None = None

    @classmethod
    def _revive(cls, values: dict[str, Any]) -> dict[str, Any]:
        revived = dict(values)
        revived["samples_seconds"] = tuple(values.get("samples_seconds", ()))
        revived["percentile_bounds"] = {key: tuple(pair) for key, pair in values.get("percentile_bounds", {}).items()}
        return revived
