from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest
from latency_models import measured

from mnistbench.measure.latency.combine import PERCENTILES, combine, evenly, percentile_samples, spread_interval
from mnistbench.measure.stats import percentile, supported
from mnistbench.results import LatencyResult

ROW = LatencyResult(name="m", file="m.onnx", sha256="", device="cpu", mode="e2e", batch_size=10)


def test_one_process_shows_only_what_its_sample_supports():
    few = combine(ROW, [measured(0.5, 1.0, 1.5, stop_reason="time")])
    assert (few.p50_seconds, few.p90_seconds, few.percentile_bounds) == (1.0, None, {})
    assert (few.mean_seconds, few.min_seconds, few.throughput, few.num_samples) == (1.0, 0.5, 10.0, 3)
    many = combine(ROW, [measured(*(i / 1000 for i in range(1, 1001)), warmup_settled=False)])
    assert (many.p50_seconds, many.p90_seconds, many.p95_seconds, many.p99_seconds) == (0.5, 0.9, 0.95, 0.99)
    assert many.p999_seconds is None
    assert all(low < high for low, high in many.percentile_bounds.values())
    assert (many.warmup_calls, many.warmup_settled, many.stop_reason) == (10, False, "noise")
    assert (len(many.processes), many.p50_low_seconds) == (1, None)
    assert "p50" in many.percentile_bounds
    assert combine(ROW, [measured(0.0)]).throughput is None


def test_the_median_is_that_of_the_processes_medians():
    parts = [measured(*[value] * 20, p50_seconds=value) for value in (1.0, 1.1, 9.0)]
    row = combine(ROW, parts)
    assert row.p50_seconds == 1.1
    assert row.num_samples == 60
    assert [part.num_samples for part in row.processes] == [20] * 3
    assert row.samples_seconds == (1.0,) * 20 + (1.1,) * 20 + (9.0,) * 20
    assert row.p50_low_seconds <= 1.1 <= row.p50_high_seconds
    assert row.options["distinct_inputs"] == 16
    assert LatencyResult.from_dict(json.loads(json.dumps(row.as_dict()))) == row


@pytest.mark.parametrize(
    ("counts", "p50"),
    [
        ((3, 3, 3, 3, 3), 3.0),
        ((3, 3), 1.5),
        ((3, 60, 60), 2.0),
        ((3,), 1.0),
        ((2, 3, 3), None),
        ((1,) * 5, None),
        ((2,), None),
        ((1,) * 11, 6.0),  # as many single calls as a median of calls needs
    ],
)
def test_the_median_needs_a_few_calls_of_each_process(counts, p50):
    row = combine(ROW, [measured(*[float(number)] * count) for number, count in enumerate(counts, start=1)])
    assert (row.p50_seconds, row.p90_seconds) == (p50, None)
    assert row.undisturbed_seconds == min(2.0, len(counts))
    if p50 is not None and len(counts) > 2:
        assert row.p50_low_seconds <= p50 <= row.p50_high_seconds
    assert LatencyResult.from_dict(json.loads(json.dumps(row.as_dict()))) == row


def test_the_undisturbed_call_is_the_shortest_that_a_second_process_confirms():
    parts = [measured(3.0, 1.0, 2.0), measured(0.0, 1.2, 9.0), measured(1.5, 1.6, 1.7)]
    assert combine(ROW, parts).undisturbed_seconds == 1.2
    assert combine(ROW, parts).min_seconds == 0.0
    assert combine(ROW, parts[:1]).undisturbed_seconds == 1.0


def test_one_unsettled_process_unsettles_the_row_and_the_commonest_reason_counts():
    parts = [measured(*[1.0] * 20, stop_reason=reason) for reason in ("time", "noise", "noise")]
    parts.append(measured(*[1.0] * 20, warmup_settled=False, warmup_calls=99))
    row = combine(ROW, parts)
    assert (row.stop_reason, row.warmup_settled, row.warmup_calls) == ("noise", False, 99)


def test_a_process_that_made_more_calls_is_worth_no_more():
    # The slow processes made fewer calls, as they do.
    parts = [
        measured(*[value] * count, p50_seconds=value) for value, count in ((30, 900), (30, 900), (40, 90), (50, 90))
    ]
    row = combine(ROW, parts)
    assert row.p90_seconds == 50
    assert row.p50_seconds <= row.p90_seconds
    assert row.mean_seconds == 37.5
    assert row.throughput == pytest.approx(10 / 37.5)
    assert (row.num_samples, len(row.samples_seconds)) == (1980, 1980)
    assert "p50" not in row.percentile_bounds
    assert row.p99_seconds is None  # of 360 samples


def test_bounds_need_three_processes_that_each_support_the_percentile():
    def of(*counts):
        return combine(ROW, [measured(*(i / 1000 for i in range(1, count + 1))) for count in counts])

    assert of(700, 700).p99_seconds is not None
    assert of(700, 700).percentile_bounds == {}
    assert set(of(700, 700, 700).percentile_bounds) == {"p90", "p95", "p99"}
    assert set(of(700, 700, 661).percentile_bounds) == {"p90", "p95"}
    assert of(700, 700, 63).p90_seconds is not None
    assert of(700, 700, 63).percentile_bounds == {}


def test_the_spread_of_the_processes_bounds_every_percentile_and_holds_the_one_shown():
    # Each process is constant, so that its percentiles are its time: Student's t for 2 degrees is 4.303.
    row = combine(ROW, [measured(*[value] * 200) for value in (1.0, 2.0, 6.0)])
    low, high = spread_interval([1.0, 2.0, 6.0])
    assert (low, high) == (0.0, pytest.approx(3 + 4.30265 * 7**0.5 / 3**0.5, rel=1e-5))
    assert row.percentile_bounds == {"p90": (low, high), "p95": (low, high)}
    two_slow = combine(ROW, [measured(*[1.0] * 99)] * 13 + [measured(*[9.0] * 99)] * 2)
    assert spread_interval([1.0] * 13 + [9.0] * 2)[1] < 4
    assert (two_slow.p90_seconds, two_slow.percentile_bounds["p90"][1]) == (9.0, 9.0)


@pytest.mark.parametrize("processes", [3, 5])
def test_the_bounds_cover_what_further_processes_show(processes):
    # A process is slower or faster by about a tenth as a whole, and its calls differ by a fifth beside that.
    generator = np.random.default_rng(4)
    spread, shape, trials = 0.1, 20.0, 200
    calls = generator.gamma(shape, 1 / shape, 400_000)
    true = {q: float(np.quantile(calls, q / 100)) * math.exp(spread**2 / 2) for q in (50, 90, 95, 99)}
    covered = dict.fromkeys(true, 0)
    for _ in range(trials):
        speeds = np.exp(spread * generator.standard_normal(processes))
        samples = [speed * generator.gamma(shape, 1 / shape, 700) for speed in speeds]
        row = combine(ROW, [measured(*map(float, each)) for each in samples])
        bounds = row.percentile_bounds | {"p50": (row.p50_low_seconds, row.p50_high_seconds)}
        for q, value in true.items():
            low, high = bounds[f"p{q}"]
            covered[q] += low <= value <= high
    assert min(covered.values()) >= 0.9 * trials


def test_the_spread_of_the_processes_makes_the_interval():
    # Student's t for 4 degrees of freedom is 2.776.
    low, high = spread_interval([1.0, 2.0, 3.0, 4.0, 5.0])
    assert (low, high) == pytest.approx((3 - 2.776445 * 2.5**0.5 / 5**0.5, 3 + 2.776445 * 2.5**0.5 / 5**0.5), rel=1e-5)
    assert spread_interval([1.0, 2.0]) is None
    assert spread_interval([1.0, 1.0, 1.0]) == (1.0, 1.0)
    assert spread_interval([0.0, 0.0, 9.0])[0] == 0.0


@pytest.mark.parametrize("counts", [(900,), (700, 700), (900, 90, 300), (5, 1000)])
def test_the_samples_of_the_percentiles_are_found_again_in_a_row(counts):
    generator = np.random.default_rng(7)
    row = combine(ROW, [measured(*map(float, generator.gamma(9, 1, count))) for count in counts])
    found = percentile_samples(row)
    assert len(found) == min(counts) * len(counts)
    shown = {q: getattr(row, key) for q, key in PERCENTILES.items() if q != 50}
    assert shown == {q: percentile(found, q) if supported(q, len(found)) else None for q in shown}
    assert percentile_samples(LatencyResult.from_dict(json.loads(json.dumps(row.as_dict())))) == found


def test_samples_that_were_not_kept_or_not_told_apart():
    row = combine(ROW, [measured(1.0, 2.0, 3.0), measured(4.0)])
    assert percentile_samples(row) == [1.0, 4.0]
    assert percentile_samples(dataclasses.replace(row, samples_seconds=())) == ()
    assert percentile_samples(dataclasses.replace(row, processes=())) == (1.0, 2.0, 3.0, 4.0)


@pytest.mark.parametrize(
    ("samples", "even"),
    [
        ([[1.0, 2.0, 3.0]], [1.0, 2.0, 3.0]),
        ([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0]], [1.0, 3.0, 5.0, 6.0]),
        ([[1.0], [2.0, 3.0, 4.0]], [1.0, 2.0]),
    ],
)
def test_as_many_samples_of_each_process_at_even_distances(samples, even):
    assert evenly(samples) == even


def test_the_gpu_is_that_of_every_process():
    def on(*gpus):
        parts = [dataclasses.replace(measured(1.0), gpu_uuid=uuid, gpu_name=name) for uuid, name in gpus]
        row = combine(ROW, parts)
        return row.gpu_uuid, row.gpu_name

    assert on(("GPU-1", "Fast"), ("GPU-1", "Fast")) == ("GPU-1", "Fast")
    # One that fell out gives its number to the next.
    assert on(("GPU-1", "Fast"), ("GPU-2", "Fast")) == (None, "Fast")
    assert on(("GPU-1", "Fast"), (None, None)) == (None, None)
    assert on((None, None)) == (None, None)
