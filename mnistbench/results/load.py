"""Results of models under load: one row a scenario, the runs of a search for the highest rate, whole runs."""

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

_TEXTS = ("name", "file", "sha256", "device", "scenario")

_FIGURES = (
    "rate",
    "achieved_rate",
    "gap_seconds",
    "duration_seconds",
    "mean_seconds",
    "min_seconds",
    "p50_seconds",
    "p90_seconds",
    "p95_seconds",
    "p99_seconds",
    "p999_seconds",
    "throughput",
    "latency_bound_seconds",
    "lateness_p99_seconds",
    "lateness_max_seconds",
)


@dataclass(frozen=True)
class RateStep(Result):
    """One run at one rate, on the way to the highest rate within a bound."""

    kind = "load_step"

    rate: float
    """Queries per second that were scheduled, on average."""
    within_bound: bool
    """Whether the upper confidence bound of p99 stayed at or under the latency bound."""
    num_queries: int = 0
    """Queries that were answered."""
    p99_seconds: float | None = None
    """``None`` where the run was too short to say, or was stopped because of overload."""
    p99_high_seconds: float | None = None
    """Upper 95% confidence bound of p99."""
    overloaded: bool = False

    def __post_init__(self) -> None:
        check_number("rate", self.rate, least=0)
        check_count("num_queries", self.num_queries, 0)
        check_figures(self, ("p99_seconds", "p99_high_seconds"))


@dataclass(frozen=True)
class LoadResult(Result):
    """One model under one kind of load on one device."""

    kind = "load"

    name: str
    file: str
    sha256: str
    device: str
    """As asked for: ``cpu`` or ``cuda:0``."""
    scenario: str
    """``single-stream``, ``multi-stream``, ``offline``, ``server`` or ``paced``."""
    samples_per_query: int = 1
    """Images that one call gets."""
    workers: int = 1
    """Threads that call the one session."""
    provider: str | None = None
    """Execution provider that really ran; ``None`` when nothing did."""
    error: str | None = None
    """Why there are no figures; ``None`` when there are."""
    rate: float | None = None
    """Queries per second that were scheduled on average: asked for, or the highest found. Only of ``server``."""
    rate_searched: bool = False
    """Whether ``rate`` was found by a search; when it found none, ``rate`` is ``None``."""
    achieved_rate: float | None = None
    """Queries per second that were answered."""
    gap_seconds: float | None = None
    """Time between the end of a call and the start of the next. Only of ``paced``."""
    num_queries: int = 0
    """Queries that were answered."""
    duration_seconds: float | None = None
    """From the start to the last answer."""
    stop_reason: str | None = None
    """``duration``, ``time`` (the longest allowed), ``count`` or ``overload``: why it ended."""
    mean_seconds: float | None = None
    min_seconds: float | None = None
    p50_seconds: float | None = None
    """Only where the sample supports it, as for every percentile; ``None`` for all of them under overload."""
    p90_seconds: float | None = None
    p95_seconds: float | None = None
    p99_seconds: float | None = None
    p999_seconds: float | None = None
    percentile_bounds: dict[str, tuple[float, float]] = field(default_factory=dict)
    """95% confidence bounds by percentile, in seconds; too narrow where queries wait for each other."""
    throughput: float | None = None
    """Images per second."""
    latency_bound_seconds: float | None = None
    """What p99 has to stay under. Only of ``server``."""
    within_bound: bool | None = None
    """Whether the upper confidence bound of p99 did; ``None`` where there is no latency bound, or nothing can be said:
    too few queries, or a search that was too short for lower rates."""
    lateness_p99_seconds: float | None = None
    """By how much calls began after their time although a worker was free: the generator's own share of the latency."""
    lateness_max_seconds: float | None = None
    valid: bool = False
    """Whether it lasted as long as asked, with enough queries, without overload or a late generator."""
    invalid_reasons: tuple[str, ...] = ()
    samples_seconds: tuple[float, ...] = ()
    """Latency of every answered query, in the order of issue; of ``server`` from the scheduled arrival."""
    steps: tuple[RateStep, ...] = ()
    """Every run of the search, in order."""
    seed: int = 0
    """Draws the inputs and the arrivals."""
    options: dict[str, Any] = field(default_factory=dict)
    """Session options, shortest and longest duration, fewest queries, how the generator waits."""
    notation: str | None = None
    dropout: float | None = None
    gpu_uuid: str | None = None
    """Of the GPU that the session is on, as of ``latency`` results; likewise the next one."""
    gpu_name: str | None = None

    def __post_init__(self) -> None:
        # A file can be edited by hand.
        check_texts(self, _TEXTS)
        check_optional_texts(self, ("gpu_uuid", "gpu_name"))
        for key, least in (("samples_per_query", 1), ("workers", 1), ("num_queries", 0)):
            check_count(key, getattr(self, key), least)
        check_figures(self, _FIGURES)
        samples = self.samples_seconds
        check_samples(samples, self.percentile_bounds)
        if len(samples) not in (0, self.num_queries):
            raise ValueError(f"{len(samples)} samples_seconds of {self.num_queries} queries")
        if self.valid and (self.error is not None or self.invalid_reasons):
            raise ValueError("valid, although it has an error or reasons why it is not")

    @classmethod
    def _revive(cls, values: dict[str, Any]) -> dict[str, Any]:
        revived = dict(values)
        for key in ("samples_seconds", "invalid_reasons"):
            revived[key] = tuple(values.get(key, ()))
        revived["percentile_bounds"] = {key: tuple(pair) for key, pair in values.get("percentile_bounds", {}).items()}
        revived["steps"] = tuple(RateStep(**RateStep._known(step)) for step in values.get("steps", ()))
        return revived


@dataclass(frozen=True)
class LoadRun(Result):
    """One run of ``mnistbench load`` on one machine, with every sample: what ``--output FILE`` holds."""

    kind = "load_run"

    started: str
    """UTC, ISO 8601."""
    environment: Environment
    results: tuple[LoadResult, ...]
    """In the order in which they were measured."""
    settings: dict[str, Any] = field(default_factory=dict)
    """What was asked for: scenarios, seconds of a run, seed."""

    @classmethod
    def _revive(cls, values: dict[str, Any]) -> dict[str, Any]:
        return revive_parts(values, one={"environment": Environment}, rows={"results": LoadResult})
