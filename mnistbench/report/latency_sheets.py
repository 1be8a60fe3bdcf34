"""Latencies as a sheet: session creation, first call and steady state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mnistbench.measure.conditions import worries
from mnistbench.report import units
from mnistbench.report.sheet import Column, Sheet, one_line
from mnistbench.results import LatencyResult


def latency_sheet(results: Sequence[LatencyResult]) -> Sheet:
    """One row a model, device, provider, mode and batch size; provider and mode only where they differ."""
    with_provider = len({(result.device, _provider(result)) for result in results}) > len(
        {result.device for result in results}
    )
    with_mode = len({result.mode for result in results}) > 1
    columns = (
        Column("network", right=False, foldable=True),
        Column("device", right=False),
        *([Column("provider", right=False)] if with_provider else []),
        *([Column("mode", right=False)] if with_mode else []),
        Column("batch"),
        Column("session"),
        Column("first"),
        Column("p50"),
        Column("± %"),
        Column("p90"),
        Column("p99"),
        Column("images/s"),
    )
    rows, notes = [], []
    for result in results:
        head = (
            one_line(result.name),
            result.device,
            *([_provider(result)] if with_provider else []),
            *([result.mode] if with_mode else []),
            str(result.batch_size),
        )
        if result.error is not None:
            rows.append((*head, "failed", *(units.MISSING,) * 6))
            where = " ".join(part for part in (result.device, _provider(result), result.mode) if part)
            notes.append(f"{one_line(result.name)}, {where}, batch {result.batch_size}: {one_line(result.error)}")
            continue
        rows.append(
            (
                *head,
                units.seconds(result.session_seconds),
                units.seconds(result.first_call_seconds),
                units.seconds(result.p50_seconds),
                spread(result),
                units.seconds(result.p90_seconds),
                units.seconds(result.p99_seconds),
                units.rough_count(result.throughput),
            )
        )
    return Sheet("Latency", columns, tuple(rows), "\n".join(dict.fromkeys([*notes, *_notes(results)])))


def spread(result: LatencyResult) -> str:
    """Half of the median's 95% interval, in percent of it."""
    low, middle, high = result.p50_low_seconds, result.p50_seconds, result.p50_high_seconds
    if low is None or high is None or not middle:
        return units.MISSING
    return f"{50 * (high - low) / middle:.1f}"


def _provider(result: LatencyResult) -> str:
    """Short name of the provider that ran or was asked for."""
    if result.provider is not None:
        return result.provider.removesuffix("ExecutionProvider").lower()
    return str(result.options.get("provider", ""))


def _notes(results: Sequence[LatencyResult]) -> list[str]:
    measured = [result for result in results if result.error is None]
    if not measured:
        return []
    modes = sorted({result.mode for result in measured})
    providers = sorted({result.provider for result in measured if result.provider})
    notes = [f"Mode {', '.join(modes)} on {', '.join(providers)}; a percentile needs enough calls to be shown."]
    counts = {len(result.processes) for result in measured} - {0}
    if counts:
        processes = str(counts.pop()) if len(counts) == 1 else f"{min(counts)} to {max(counts)}"
        notes.append(
            f"p50: median of the medians of {processes} fresh processes; ±: half its 95% interval by their spread."
        )
    unsettled = [result for result in measured if not result.warmup_settled]
    if unsettled:
        notes.append(f"{len(unsettled)} of {len(results)} did not settle in warm-up: the machine is noisy.")
    doubts: dict[str, list[list[str]]] = {}
    for result in measured:
        of_row = [worries(part.conditions) for part in result.processes]
        for what in {what for found in of_row for what in found}:
            doubts.setdefault(what, []).append([found[what] for found in of_row if what in found])
    for what, rows in sorted(doubts.items()):
        worst = _worst([value for row in rows for value in row])
        notes.append(f"In {len(rows)} of {len(results)} rows {what} meanwhile ({worst}).")
    return notes


def _worst(values: Sequence[str]) -> str:
    """The largest part, or the commonest reason."""
    if all(value.endswith("%") for value in values):
        return f"up to {max(values, key=lambda value: int(value[:-1]))}"
    return Counter(values).most_common(1)[0][0]
