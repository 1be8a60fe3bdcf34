"""Results of timing models: one process's part, one row, one run of the benchmark."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mnistbench.results.base import Result, revive_parts
from mnistbench.results.checks import (
    check_count,
    check_figures,
    check_number,
    check_optional_texts,
    check_samples,
    check_texts,
)
from mnistbench.results.environment import Environment

STOPPED = "stopped_by"
"""Among a row's options: the error after which it was not measured again; its figures are of the processes before."""

_TEXTS = ("name", "file", "sha256", "device", "mode")

_FIGURES = (
    "session_seconds",
    "first_call_seconds",
    "mean_seconds",
    "min_seconds",
    "undisturbed_seconds",
    "p50_seconds",
    "p50_low_seconds",
    "p50_high_seconds",
    "p90_seconds",
    "p95_seconds",
    "p99_seconds",
    "p999_seconds",
    "throughput",
    "error_rate",
    "paper_error",
)


@dataclass(frozen=True)
class ProcessResult(Result):
    """What one fresh process measured of one model at one batch size."""

    kind = "latency_process"

    session_seconds: float
    """Creation of the session: load, optimise, allocate."""
    first_call_seconds: float
    warmup_calls: int
    warmup_settled: bool
    """Whether the last three windows of the warm-up agreed within 10%."""
    num_samples: int
    """Timed calls in steady state: so many of the row's ``samples_seconds``, in the order of the processes."""
    stop_reason: str
    """``noise``, ``plateau``, ``time`` or ``count``: why the measurement ended."""
    p50_seconds: float
    mean_seconds: float
    min_seconds: float | None = None
    """Shortest timed call above 0 s; 0 where there is none, ``None`` in files from before it was kept."""
    conditions: dict[str, Any] = field(default_factory=dict)
    """What the machine was like around the timed calls: clocks, temperature, throttling, stolen time."""

    def __post_init__(self) -> None:
        # What other figures are derived from; a file can be edited by hand.
        check_count("num_samples", self.num_samples, 1)
        check_count("warmup_calls", self.warmup_calls, 0)
        if not isinstance(self.conditions, dict):
            raise TypeError(f"conditions is {self.conditions!r:.60}; expected an object")
        for key in ("session_seconds", "first_call_seconds", "p50_seconds", "mean_seconds"):
            check_number(key, getattr(self, key), least=0)
        check_figures(self, ("min_seconds",))


@dataclass(frozen=True)
class LatencyResult(Result):
    """Time of one model at one batch size on one device, in one mode; all figures over all processes."""

    kind = "latency"

    name: str
    file: str
    sha256: str
    device: str
    """As asked for: ``cpu`` or ``cuda:0``."""
    mode: str
    """``e2e``: numpy in, numpy out; ``bound``: inputs and outputs stay on the device; ``graph``: a CUDA graph."""
    batch_size: int
    provider: str | None = None
    """Execution provider that really ran; ``None`` when nothing did."""
    error: str | None = None
    """Why there are no figures; ``None`` when there are."""
    session_seconds: float | None = None
    """Creation of the session: load, optimise, allocate; median over the processes, as the next one."""
    first_call_seconds: float | None = None
    warmup_calls: int = 0
    warmup_settled: bool = False
    """Whether the last three windows of the warm-up agreed within 10%, in every process."""
    num_samples: int = 0
    """Timed calls in steady state."""
    stop_reason: str | None = None
    """``noise``, ``plateau``, ``time`` or ``count``: why the measurement ended; the processes' commonest."""
    mean_seconds: float | None = None
    min_seconds: float | None = None
    p50_seconds: float | None = None
    """Median of the processes' medians; ``None`` where one of them made fewer than three calls, and all too few."""
    p90_seconds: float | None = None
    """Only where the sample supports it, as for every percentile above the median."""
    p99_seconds: float | None = None
    percentile_bounds: dict[str, tuple[float, float]] = field(default_factory=dict)
    """95% confidence bounds by percentile: ``{"p90": (low, high)}``, in seconds. By the spread of the processes' own
    percentiles, where there are three or more and each supports it; those of p50 are in ``p50_low_seconds`` and
    ``p50_high_seconds``. Of a single process by its calls, p50 included: they say what that process did only."""
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
    p50_low_seconds: float | None = None
    """Lower end of the median's 95% interval by the spread between processes; ``None`` for fewer than three."""
    p50_high_seconds: float | None = None
    p95_seconds: float | None = None
    p999_seconds: float | None = None
    undisturbed_seconds: float | None = None
    """Of a call that nothing disturbs: the shortest that a second process confirms, which is the second smallest of
    the processes' ``min_seconds``. Of more processes it is shorter: two rows are compared as if of equally many."""
    processes: tuple[ProcessResult, ...] = ()
    """Each process that measured it, in order."""
    node_placement: dict[str, int] = field(default_factory=dict)
    """Nodes of the optimised graph by execution provider, as onnxruntime assigned them."""
    error_rate: float | None = None
    """Of the model on the test images, as its file says; ``None`` when it does not."""
    num_parameters: int | None = None
    is_floor: bool = False
    """Whether it is the model that does nothing, which shows what a call costs at least."""
    gpu_uuid: str | None = None
    """Of the GPU, or the instance of a divided one, that ran it in every process: ``GPU-…`` or ``MIG-…``. ``None`` on
    any other device, and in files from before it was kept. Source: CUDA driver API, ``cuDeviceGetUuid_v2``."""
    gpu_name: str | None = None
    """Its name; ``None`` as ``gpu_uuid``. Source: ``cuDeviceGetName``."""

    def __post_init__(self) -> None:
        # What comparisons and reports count with; a file can be edited by hand.
        check_texts(self, _TEXTS)
        check_optional_texts(self, ("provider", "error", "gpu_uuid", "gpu_name"))
        if not isinstance(self.options, dict):
            raise TypeError(f"options is {self.options!r:.60}; expected an object")
        check_count("batch_size", self.batch_size, 0)
        check_figures(self, _FIGURES)
        samples = self.samples_seconds
        check_samples(samples, self.percentile_bounds)
        counted = sum(process.num_samples for process in self.processes)
        if self.processes and samples and counted != len(samples):
            raise ValueError(f"{len(samples)} samples_seconds, but the processes have {counted}")

    @classmethod
    def _revive(cls, values: dict[str, Any]) -> dict[str, Any]:
        revived = dict(values)
        if "processes" in values:
            revived["processes"] = tuple(ProcessResult(**ProcessResult._known(part)) for part in values["processes"])
        revived["samples_seconds"] = tuple(values.get("samples_seconds", ()))
        revived["percentile_bounds"] = {key: tuple(pair) for key, pair in values.get("percentile_bounds", {}).items()}
        return revived


@dataclass(frozen=True)
class BenchRun(Result):
    """One run of the benchmark on one machine."""

    kind = "bench"

    started: str
    """UTC, ISO 8601."""
    environment: Environment
    settings: dict[str, Any]
    """What was asked for: processes, seed, limits of warm-up and measurement."""
    results: tuple[LatencyResult, ...]
    """In the order asked for; the order in which they were measured rotates."""

    @classmethod
    def _revive(cls, values: dict[str, Any]) -> dict[str, Any]:
        return revive_parts(values, one={"environment": Environment}, rows={"results": LatencyResult})
