"""From what processes measured to one row: medians over processes, percentiles over all samples, bounds by the spread.

Pure; knows no clock and no model.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import accumulate
from statistics import stdev
from typing import Any

import numpy as np

from mnistbench.measure.latency.request import Measured
from mnistbench.measure.stats import count_outliers, median, percentile, percentile_bounds, supported
from mnistbench.measure.steady import FEWEST_SAMPLES
from mnistbench.measure.student import student_quantile
from mnistbench.measure.undisturbed import shortest, undisturbed
from mnistbench.results import LatencyResult

PERCENTILES = {50: "p50_seconds", 90: "p90_seconds", 95: "p95_seconds", 99: "p99_seconds", 99.9: "p999_seconds"}

FEWEST_PROCESSES = 3
"""That an interval can be drawn from."""


def combine(row: LatencyResult, measured: Sequence[Measured]) -> LatencyResult:
    """The row with its figures.

    A percentile stays ``None`` unless the samples that it is of support it: of all
    processes together, as many of each. The median needs no more than a few calls
    of each process (:data:`mnistbench.measure.steady.FEWEST_SAMPLES`): with several
    processes it is that of the processes' medians, whose spread tells how good it is. The
    intervals of all percentiles come from the spread between processes
    (:func:`_bounds_by_spread`): calls within one process share its memory
    layout and its luck. A single process has bounds by its own calls
    (:func:`mnistbench.measure.stats.percentile_bounds`), which say what that
    process did and nothing of what another would do.

    Args:
        row: What was measured, without figures.
        measured: One a process, in order; at least one.
    """
    seconds = [second for part in measured for second in part.samples_seconds]
    parts = [part.figures for part in measured]
    # The same number of each, since a process that made more calls is worth no more.
    pooled = evenly([part.samples_seconds for part in measured])
    shown = [q for q in PERCENTILES if supported(q, len(pooled))]
    if 50 not in shown and min(len(part.samples_seconds) for part in measured) >= FEWEST_SAMPLES:
        shown = [50, *shown]
    figures: dict[str, Any] = {PERCENTILES[q]: percentile(pooled, q) for q in shown}
    if len(parts) > 1:
        if "p50_seconds" in figures:
            figures["p50_seconds"] = median([part.p50_seconds for part in parts])
        told = {q: figures[PERCENTILES[q]] for q in shown if q != 50}  # the median's interval has fields of its own
        bounds = _bounds_by_spread([part.samples_seconds for part in measured], told)
    else:
        bounds = {f"p{q:g}": pair for q in shown if (pair := percentile_bounds(pooled, q)) is not None}
    low, high = spread_interval([part.p50_seconds for part in parts]) or (None, None)
    if low is not None and high is not None and "p50_seconds" in figures:
        low, high = min(low, figures["p50_seconds"]), max(high, figures["p50_seconds"])
    mean = math.fsum(math.fsum(part.samples_seconds) / len(part.samples_seconds) for part in measured) / len(measured)
    return dataclasses.replace(
        row,
        provider=measured[0].provider,
        node_placement=measured[0].node_placement,
        gpu_uuid=_common([part.gpu_uuid for part in measured]),
        gpu_name=_common([part.gpu_name for part in measured]),
        session_seconds=median([part.session_seconds for part in parts]),
        first_call_seconds=median([part.first_call_seconds for part in parts]),
        warmup_calls=max(part.warmup_calls for part in parts),
        warmup_settled=all(part.warmup_settled for part in parts),
        num_samples=len(seconds),
        stop_reason=Counter(part.stop_reason for part in parts).most_common(1)[0][0],
        mean_seconds=mean,
        min_seconds=min(seconds),
        undisturbed_seconds=undisturbed([shortest(part.samples_seconds) for part in measured]),
        percentile_bounds=bounds,
        num_outliers=count_outliers(seconds),
        throughput=row.batch_size / mean if mean > 0 else None,
        samples_seconds=tuple(seconds),
        p50_low_seconds=low,
        p50_high_seconds=high,
        processes=tuple(parts),
        options=row.options
        | {"distinct_inputs": measured[0].distinct_inputs, "provider_options": measured[0].provider_options},
        **figures,
    )


def _bounds_by_spread(
    samples: Sequence[Sequence[float]], figures: Mapping[float, float]
) -> dict[str, tuple[float, float]]:
    """95% intervals of percentiles by how far each process's own lie apart.

    Two runs of the same files differ as their processes do, so that bounds that
    take all calls for independent are far too narrow. What is bounded is a
    process's own percentile, on average over processes, by Student's interval as
    for the median; resampling three to fifteen processes would leave out too much.
    It is widened to hold the percentile that is shown. Where processes lie far
    apart, the percentile over the calls of all possible processes can lie
    outside: it is that of the slowest ones, of which a few processes say little.

    Args:
        samples: Of each process, in seconds.
        figures: The percentiles that are shown, over all processes, in seconds.

    Returns:
        By ``p90`` and the like; none for fewer than three processes, nor where a process's
        own calls do not support the percentile.

    Source: Student 1908; Kalibera and Jones 2013, *Rigorous benchmarking in reasonable time*, for the process
    as the unit of repetition.
    """
    ordered = [np.sort(np.asarray(each, dtype=np.float64)) for each in samples]
    bounds: dict[str, tuple[float, float]] = {}
    for q, shown in figures.items():
        if all(supported(q, len(each)) for each in ordered):
            pair = spread_interval([percentile(each, q) for each in ordered])
            if pair is not None:
                bounds[f"p{q:g}"] = min(pair[0], shown), max(pair[1], shown)
    return bounds


def evenly(samples: Sequence[Sequence[float]]) -> list[float]:
    """As many samples of each process as the shortest has, at even distances."""
    count = min(map(len, samples))
    return [each[position * len(each) // count] for each in samples for position in range(count)]


def percentile_samples(row: LatencyResult) -> Sequence[float]:
    """Those of a row's samples that its percentiles are of, in seconds: as many of each process.

    Empty where the row has not kept its samples, all where it does not say of which process each is.
    """
    if not row.samples_seconds or not row.processes:
        return row.samples_seconds
    counts = [part.num_samples for part in row.processes]
    ends = accumulate(counts)
    return evenly([row.samples_seconds[end - count : end] for count, end in zip(counts, ends, strict=True)])


def spread_interval(times: Sequence[float], confidence: float = 0.95) -> tuple[float, float] | None:
    """Student's interval for the mean of one figure of each process, such as its median; ``None`` for fewer than three.

    Its ends are not below 0.

    Source: Student 1908.
    """
    count = len(times)
    if count < FEWEST_PROCESSES:
        return None
    mean = math.fsum(times) / count
    half = student_quantile((1 + confidence) / 2, count - 1) * stdev(times) / math.sqrt(count)
    return max(0.0, mean - half), mean + half


def _common(texts: Sequence[str | None]) -> str | None:
    """What all processes say; ``None`` where they do not say the same."""
    return texts[0] if len(set(texts)) == 1 else None
