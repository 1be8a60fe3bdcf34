"""Latencies as sheets: session creation, first call and steady state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from mnistbench.measure.conditions import worries
from mnistbench.measure.latency.combine import FEWEST_PROCESSES
from mnistbench.report import units
from mnistbench.report.percentile_bounds import UNBOUNDED, UNBOUNDED_NOTE, bounds
from mnistbench.report.sheet import Column, Sheet, one_line
from mnistbench.results import STOPPED, LatencyResult, TuningCandidate

_COLUMNS = (
    Column("network", right=False, foldable=True),
    Column("batch"),
    Column("session"),
    Column("first"),
    Column("p50"),
    Column("± %"),
    Column("p90"),
    Column("p99"),
    Column("images/s"),
)

_PRECISIONS = {
    "OpenVINOExecutionProvider": "OpenVINO computes in bfloat16 or float16 by itself where the hardware is fast at it.",
    "TensorrtExecutionProvider": "TensorRT may round to TensorFloat-32 by itself.",
    "NvTensorRTRTXExecutionProvider": "TensorRT may round to TensorFloat-32 by itself.",
}
"""Of providers that choose another than the model's own; those of onnxruntime's packages keep it."""


def latency_sheets(results: Sequence[LatencyResult]) -> list[Sheet]:
    """A sheet for each way of running, since modes and devices are not one ranking; notes below the last.

    One row a model and batch size: session creation, first call and steady state.
    """
    setups: dict[tuple[str, str, str], list[LatencyResult]] = {}
    for result in results:
        setups.setdefault((result.device, _provider(result), result.mode), []).append(result)
    sheets = []
    notes: list[str] = []
    for (device, provider, mode), rows in setups.items():
        by = f" by {provider}" if provider and provider != device.partition(":")[0] else ""
        where = f"{device}{by}, mode {mode}"
        gpus = ", ".join(dict.fromkeys(one_line(row.gpu_name) for row in rows if row.gpu_name))
        title = f"Latency on {where}{f' ({gpus})' if gpus else ''}"
        sheets.append(Sheet(title, _COLUMNS, tuple(map(_row, rows))))
        notes += [
            f"{one_line(row.name)}, {where}, {units.batch(row.batch_size)}: {one_line(str(reason))}"
            for row in rows
            if (reason := row.error or row.options.get(STOPPED))
        ]
    if sheets:
        note = "\n".join(dict.fromkeys([*notes, *_notes(results)]))
        sheets[-1] = replace(sheets[-1], note=note)
    return sheets


def _row(result: LatencyResult) -> tuple[str, ...]:
    head = (one_line(result.name), units.batch_size(result.batch_size))
    if result.error is not None:
        return (*head, "failed", *(units.MISSING,) * 6)
    return (
        *head,
        units.seconds(result.session_seconds),
        units.seconds(result.first_call_seconds),
        units.seconds(result.p50_seconds),
        spread(result),
        *_percentiles(result),
        units.rough_count(result.throughput),
    )


def _percentiles(result: LatencyResult) -> tuple[str, ...]:
    """The figures of p90 and p99, marked where nothing bounds them."""
    figures = {"p90": result.p90_seconds, "p99": result.p99_seconds}
    return tuple(
        units.seconds(seconds) + UNBOUNDED * (seconds is not None and bounds(result, percentile) is None)
        for percentile, seconds in figures.items()
    )


def spread(result: LatencyResult | TuningCandidate) -> str:
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
    notes = ["A percentile needs enough calls to be shown."]
    counts = {len(result.processes) for result in measured} - {0, 1}
    if counts:
        processes = str(min(counts)) if len(counts) == 1 else f"{min(counts)} to {max(counts)}"
        notes.append(f"p50: median of the medians of {processes} fresh processes.")
    shown = [spread(result) != units.MISSING for result in measured]
    if any(shown):
        notes.append("±: half of p50's 95% interval by the spread between processes.")
    if not all(shown):
        notes.append(f"± needs {FEWEST_PROCESSES} fresh processes or more.")
    percentiles = [cell for result in measured for cell in _percentiles(result) if cell != units.MISSING]
    if any(cell.endswith(UNBOUNDED) for cell in percentiles):
        notes.append(UNBOUNDED_NOTE)
    if not all(cell.endswith(UNBOUNDED) for cell in percentiles):
        notes.append("The 95% bounds of p90 and p99 are in the file; 'mnistbench report' shows them.")
    if any(result.throughput is not None for result in measured):
        notes.append("images/s: by the mean call, slow calls included, not by p50.")
    ran = dict.fromkeys(result.provider for result in measured)
    notes += dict.fromkeys(_PRECISIONS[provider] for provider in ran if provider in _PRECISIONS)
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
