"""Models under load as sheets: streams and offline, server, paced. Decides columns and words, measures nothing."""

from __future__ import annotations

from collections.abc import Sequence

from mnistbench.measure.load.verdict import rate_verdict
from mnistbench.report import units
from mnistbench.report.sheet import Column, Sheet, one_line
from mnistbench.results import LoadResult

MLPERF_SECONDS = 600

_OF_ONE_IMAGE = ("server", "paced")
"""Scenarios whose tables do not say how many images a query has: one, but for a fixed batch."""

_NAME = Column("network", right=False, foldable=True)
_DEVICE = Column("device", right=False)


def load_sheets(results: Sequence[LoadResult]) -> list[Sheet]:
    """One sheet for each kind of load that was measured."""
    server = [result for result in results if result.scenario == "server"]
    paced = [result for result in results if result.scenario == "paced"]
    others = [result for result in results if result.scenario not in ("server", "paced")]
    kinds = ((others, stream_sheet), (server, server_sheet), (paced, paced_sheet))
    return [make(rows) for rows, make in kinds if rows]


def stream_sheet(results: Sequence[LoadResult]) -> Sheet:
    """Single stream, multi stream and offline."""
    columns = (
        _NAME,
        _DEVICE,
        Column("scenario", right=False),
        Column("images a query"),
        Column("p50"),
        Column("p90"),
        Column("p99"),
        Column("images/s"),
    )
    rows: list[tuple[str, ...]] = []
    for result in results:
        head = (result.name, _device(result), result.scenario, str(result.samples_per_query))
        if result.error is not None:
            rows.append((*head, "failed", *(units.MISSING,) * 3))
            continue
        times = (result.p50_seconds, result.p90_seconds, result.p99_seconds)
        rows.append((*head, *map(units.seconds, times), units.rough_count(result.throughput)))
    note = "Latency of a query, the next of which begins when the last is answered"
    note += "; MLPerf judges offline by images/s." if any(one.scenario == "offline" for one in results) else "."
    return Sheet("Streams and offline", columns, tuple(rows), _note(note, results))


def server_sheet(results: Sequence[LoadResult]) -> Sheet:
    """Queries at random moments: the highest rate within the bound, or whether the rate asked for is."""
    columns = (
        _NAME,
        _DEVICE,
        Column("workers"),
        Column("queries/s"),
        Column("p50"),
        Column("p99"),
        Column("p99 at most"),
        Column("late"),
        Column("verdict", right=False),
    )
    rows: list[tuple[str, ...]] = []
    for result in results:
        head = (result.name, _device(result), str(result.workers), units.rough_count(result.rate))
        if result.error is not None:
            rows.append((*head, "failed", *(units.MISSING,) * 4))
            continue
        high = result.percentile_bounds.get("p99", (None, None))[1]
        times = (result.p50_seconds, result.p99_seconds, high, result.lateness_p99_seconds)
        rows.append((*head, *map(units.seconds, times), rate_verdict(result)))
    bounds = sorted({bound for result in results if (bound := result.latency_bound_seconds) is not None})
    within = " or ".join(map(units.seconds, bounds))
    highest = " Highest: found by search." if any(result.rate_searched for result in results) else ""
    note = (
        "Poisson arrivals; latency counts from the scheduled arrival. Within: p99's upper 95% bound is at most "
        f"{within}.{highest} Late: p99 of the generator's own lateness, which the latency contains."
    )
    return Sheet("Server", columns, tuple(rows), _note(note, results))


def paced_sheet(results: Sequence[LoadResult]) -> Sheet:
    """Latency against the pause before the call."""
    columns = (
        _NAME,
        _DEVICE,
        Column("gap"),
        Column("queries"),
        Column("min"),
        Column("p50"),
        Column("p90"),
        Column("p99"),
    )
    rows: list[tuple[str, ...]] = []
    for result in results:
        gap = "none" if result.gap_seconds == 0 else units.seconds(result.gap_seconds)
        head = (result.name, _device(result), gap)
        if result.error is not None:
            rows.append((*head, "failed", *(units.MISSING,) * 4))
            continue
        times = (result.min_seconds, result.p50_seconds, result.p90_seconds, result.p99_seconds)
        rows.append((*head, units.count(result.num_queries), *map(units.seconds, times)))
    note = "Latency of a call that begins a gap after the last answer; the process sleeps meanwhile."
    return Sheet("Paced", columns, tuple(rows), _note(note, results))


def _note(first: str, results: Sequence[LoadResult]) -> str:
    """What the figures are, then what is wrong with some of them, then how long they lasted."""
    notes = [first]
    for result in results:
        who = f"{result.name}, {_device(result)}, {result.scenario}"
        if result.error is None and result.scenario in _OF_ONE_IMAGE and result.samples_per_query > 1:
            notes.append(f"{who}: {result.samples_per_query:,} images a query, the model's fixed batch")
        gap = "" if result.gap_seconds is None else f", gap {result.gap_seconds:g} s"
        problems = result.invalid_reasons if result.error is None else (result.error,)
        notes += [f"{who}{gap}: {problem}" for problem in problems]
    durations = [result.duration_seconds for result in results if result.duration_seconds is not None]
    if durations and min(durations) < MLPERF_SECONDS:
        notes.append(f"Runs of {units.seconds(min(durations))} or longer; MLPerf asks for {MLPERF_SECONDS} s of each.")
    return "\n".join(dict.fromkeys(map(one_line, notes)))


def _device(result: LoadResult) -> str:
    """The device, with the provider behind it where that does not go without saying."""
    provider = str(result.options.get("provider", ""))
    return result.device if provider in ("", "cpu", "cuda") else f"{result.device} {provider}"
