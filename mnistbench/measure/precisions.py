"""A network's precisions beside each other: evaluations and latencies to rows, each against fp32. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mnistbench.artifacts import ModelEntry
from mnistbench.measure.judging import change, judge, row_time
from mnistbench.measure.run_comparison import DEFAULT_THRESHOLD
from mnistbench.precisions import PLAIN
from mnistbench.results import EvaluationResult, LatencyResult, PrecisionResult


@dataclass(frozen=True)
class Place:
    """Where models run: ``cpu`` or ``cuda:0``, and the short name of the provider."""

    device: str
    provider: str


def precision_rows(
    models: Mapping[str, ModelEntry],
    evaluations: Mapping[tuple[str, Place], EvaluationResult | str],
    latencies: Mapping[Place, Sequence[LatencyResult]],
) -> list[PrecisionResult]:
    """A row for each place, model and batch size, in the order of the arguments.

    Args:
        models: What their manifest says, by what they are called.
        evaluations: Of each model in each place, or why there is none.
        latencies: Of each place; rows by the names of ``models``.
    """
    rows: list[tuple[PrecisionResult, LatencyResult]] = []
    for place, timed in latencies.items():
        for name, entry in models.items():
            evaluation = evaluations[name, place]
            rows += [(_row(entry, place, evaluation, latency), latency) for latency in timed if latency.name == name]
    plain = {_key(row): (row, latency) for row, latency in rows if row.precision == PLAIN}
    weights = {(entry.name, entry.precision): entry.training.get("weights_sha256") for entry in models.values()}

    def against_plain(row: PrecisionResult, latency: LatencyResult) -> PrecisionResult:
        reference = plain.get(_key(row))
        # Another seed's weights would show the seed's difference, and not the precision's.
        same = weights[row.name, row.precision] is not None and (
            weights[row.name, row.precision] == weights.get((row.name, PLAIN))
        )
        if reference is None or not same:
            return row
        return _timed_beside(_compared(row, reference[0]), latency, reference[1])

    return [against_plain(row, latency) for row, latency in rows]


def _key(row: PrecisionResult) -> tuple[str, str, str, int]:
    return row.name, row.device, row.provider, row.batch_size


def _row(
    entry: ModelEntry, place: Place, evaluation: EvaluationResult | str, latency: LatencyResult
) -> PrecisionResult:
    problems = [text for text in (evaluation if isinstance(evaluation, str) else None, latency.error) if text]
    row = PrecisionResult(
        name=entry.name,
        precision=entry.precision,
        file=latency.file,
        sha256=entry.sha256,
        size_bytes=entry.size_bytes,
        device=place.device,
        provider=place.provider,
        batch_size=latency.batch_size,
        p50_seconds=latency.p50_seconds,
        p50_low_seconds=latency.p50_low_seconds,
        p50_high_seconds=latency.p50_high_seconds,
        undisturbed_seconds=row_time(latency, "undisturbed"),
        error="; ".join(dict.fromkeys(problems)) or None,
    )
    if isinstance(evaluation, str):
        return row
    return replace(
        row,
        num_images=evaluation.num_images,
        num_errors=evaluation.num_errors,
        error_rate=evaluation.error_rate,
        error_rate_low=evaluation.error_rate_low,
        error_rate_high=evaluation.error_rate_high,
    )


def _compared(row: PrecisionResult, plain: PrecisionResult) -> PrecisionResult:
    if row.error_rate is not None and plain.error_rate is not None:
        row = replace(row, error_difference=row.error_rate - plain.error_rate)
    if row.p50_seconds and plain.p50_seconds is not None:
        row = replace(row, speed=plain.p50_seconds / row.p50_seconds)
    return row


def _timed_beside(row: PrecisionResult, latency: LatencyResult, plain: LatencyResult) -> PrecisionResult:
    """With the verdict on a row's time, where both have one."""
    slower = change(plain, latency, "undisturbed")
    if slower is None:
        return row
    verdict, _, _ = judge(plain, latency, "undisturbed", DEFAULT_THRESHOLD)
    return replace(row, undisturbed_speed=1 / (1 + slower), verdict=verdict)
