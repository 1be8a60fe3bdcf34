"""The kinds of load, as plain data, and how long each of them is measured.

Source: the scenarios of the MLPerf inference rules (mlcommons/inference_policies,
``inference_rules.adoc``, section *Scenarios*). MLPerf asks for 600 seconds of
each; the limits here are the user's, and far shorter by default.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, ClassVar

from mnistbench.errors import InputError
from mnistbench.measure.stats import MIN_SAMPLES

MLPERF_SECONDS = 600.0
"""Shortest duration of a run that MLPerf accepts."""

MOST_QUERIES = 1_000_000
"""In one run; every one of them is kept."""

_PATIENCE = 10.0


@dataclass(frozen=True)
class Limits:
    """When a run ends: after ``min_seconds`` and ``min_queries`` both, or at a maximum.

    Raises:
        InputError: When a number is not positive or a maximum lies below its minimum.
    """

    min_seconds: float
    min_queries: int
    max_seconds: float
    max_queries: int = MOST_QUERIES

    def __post_init__(self) -> None:
        times = (self.min_seconds, self.max_seconds)
        if not all(math.isfinite(seconds) and seconds > 0 for seconds in times) or times[0] > times[1]:
            raise InputError(f"a run of {times[0]} to {times[1]} seconds; expected positive numbers, the smaller first")
        if not 1 <= self.min_queries <= self.max_queries:
            raise InputError(
                f"{self.min_queries} to {self.max_queries} queries; expected 1 or more, the smaller number first"
            )

    def most_queries_at(self, rate: float) -> int:
        """Queries that arrive in the longest time, at so many a second on average."""
        # A rate that was made from a number of queries gives that number, whatever the rounding.
        return math.floor(rate * self.max_seconds * (1 + 1e-12))


@dataclass(frozen=True)
class SingleStream:
    """One image a query; the next is sent when the answer has come. MLPerf's figure is p90."""

    name: ClassVar[str] = "single-stream"
    percentile: ClassVar[float] = 90
    samples_per_query: int = 1
    workers: int = 1


@dataclass(frozen=True)
class MultiStream:
    """Several images a query, 8 in MLPerf; the next is sent when the answer has come. The figure is p99."""

    name: ClassVar[str] = "multi-stream"
    percentile: ClassVar[float] = 99
    samples_per_query: int = 8
    workers: int = 1


@dataclass(frozen=True)
class Offline:
    """Everything is there from the start and goes through in batches; the figure is images per second."""

    name: ClassVar[str] = "offline"
    percentile: ClassVar[float] = 50
    samples_per_query: int = 256
    workers: int = 1


@dataclass(frozen=True)
class Server:
    """One image a query, at random moments, whether or not earlier ones are answered.

    Attributes:
        bound_seconds: What p99 has to stay under.
        rate: Queries per second on average; ``None`` searches the highest within the bound.
    """

    name: ClassVar[str] = "server"
    percentile: ClassVar[float] = 99
    bound_seconds: float = 0.01
    rate: float | None = None
    samples_per_query: int = 1
    workers: int = 1

    def __post_init__(self) -> None:
        for what, number in (("latency bound", self.bound_seconds), ("rate", self.rate)):
            if number is not None and not (math.isfinite(number) and number > 0):
                raise InputError(f"{what} {number}; expected a positive number")


@dataclass(frozen=True)
class Paced:
    """One image a query, each a fixed time after the last answer: cold caches and sleeping cores show.

    Not one of MLPerf's.
    """

    name: ClassVar[str] = "paced"
    percentile: ClassVar[float] = 50
    gap_seconds: float = 0.0
    samples_per_query: int = 1
    workers: int = 1

    def __post_init__(self) -> None:
        if not (math.isfinite(self.gap_seconds) and self.gap_seconds >= 0):
            raise InputError(f"a gap of {self.gap_seconds} seconds; expected 0 or more")


Scenario = SingleStream | MultiStream | Offline | Server | Paced

SCENARIOS: tuple[str, ...] = tuple(one.name for one in (SingleStream, MultiStream, Offline, Server, Paced))
"""Their names, in the order of the tables."""


def describe(scenario: Scenario) -> dict[str, Any]:
    """Its name and settings, as JSON types."""
    return {"name": scenario.name, **dataclasses.asdict(scenario)}


def with_batch(scenario: Scenario, batch_size: int | None) -> Scenario:
    """A scenario as a model can take it: one that knows a single batch size gets it in every query.

    Args:
        scenario: As asked for.
        batch_size: The only one that is possible; ``None`` when any is.
    """
    return scenario if batch_size is None else dataclasses.replace(scenario, samples_per_query=batch_size)


def limits_of(scenario: Scenario, seconds: float) -> Limits:
    """Limits that support the scenario's percentile, for a run that should last ``seconds``.

    Ten times as long is allowed where the queries are too slow to be enough by then.
    """
    return Limits(seconds, MIN_SAMPLES[scenario.percentile], _PATIENCE * seconds)
