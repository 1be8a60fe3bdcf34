from __future__ import annotations

import dataclasses

import pytest

from mnistbench.measure.load.figures import rate_step, with_figures
from mnistbench.measure.load.scenarios import Limits, Offline, Server, SingleStream
from mnistbench.measure.load.traffic import Traffic
from mnistbench.results import LoadResult, RateStep

LIMITS = Limits(1.0, 64, 10.0, 1000)
SERVER = Server(bound_seconds=1.0, rate=100.0)
STREAM_ROW = LoadResult("net", "net.onnx", "", "cpu", "single-stream")
SERVER_ROW = LoadResult("net", "net.onnx", "", "cpu", "server", rate=100.0, latency_bound_seconds=1.0)


def traffic(count=1000, late=(), reason="duration", duration=10.0) -> Traffic:
    """Latencies of 1, 2, 3 ... milliseconds."""
    return Traffic(tuple(number / 1000 for number in range(1, count + 1)), tuple(late), duration, reason)


def test_the_figures_of_a_stream() -> None:
    row = with_figures(STREAM_ROW, traffic(), SingleStream(), LIMITS)
    assert (row.p50_seconds, row.p90_seconds, row.p95_seconds, row.p99_seconds) == (0.5, 0.9, 0.95, 0.99)
    assert row.p999_seconds is None
    assert set(row.percentile_bounds) == {"p50", "p90", "p95", "p99"}
    assert (row.min_seconds, row.num_queries, row.achieved_rate, row.throughput) == (0.001, 1000, 100.0, 100.0)
    assert row.mean_seconds == pytest.approx(0.5005)
    assert (row.valid, row.invalid_reasons, row.within_bound) == (True, (), None)
    assert row.lateness_p99_seconds is row.lateness_max_seconds is None


def test_throughput_counts_images() -> None:
    row = dataclasses.replace(STREAM_ROW, scenario="offline", samples_per_query=256)
    row = with_figures(row, traffic(20), Offline(), LIMITS)
    assert (row.achieved_rate, row.throughput) == (2.0, 512.0)
    assert row.valid


def test_a_percentile_without_enough_queries_is_none_and_the_run_is_not_valid() -> None:
    row = with_figures(STREAM_ROW, traffic(63, reason="time"), SingleStream(), LIMITS)
    assert (row.p50_seconds, row.p90_seconds, row.valid) == (0.032, None, False)
    assert row.invalid_reasons == ("p90 needs 64 queries, there were 63; give a longer --duration",)


def test_a_run_that_the_count_ended_early_is_not_valid() -> None:
    row = with_figures(STREAM_ROW, traffic(reason="count", duration=0.5), SingleStream(), LIMITS)
    assert row.invalid_reasons == ("ended after 1,000 queries, before 1 s were over",)
    assert with_figures(STREAM_ROW, traffic(reason="count", duration=1.5), SingleStream(), LIMITS).valid


@pytest.mark.parametrize(("bound", "within"), [(1.0, True), (0.997, True), (0.996, False), (0.99, False)])
def test_the_upper_bound_of_p99_decides(bound: float, within: bool) -> None:
    row = dataclasses.replace(SERVER_ROW, latency_bound_seconds=bound)
    row = with_figures(row, traffic(), SERVER, LIMITS)
    assert row.percentile_bounds["p99"][1] == 0.997
    assert row.within_bound is within
    assert row.valid
    assert rate_step(row) == RateStep(100.0, within, 1000, 0.99, 0.997, False)


@pytest.mark.parametrize("count", [1, 661])
def test_a_p99_that_cannot_be_shown_says_nothing_of_the_bound(count: int) -> None:
    row = with_figures(SERVER_ROW, traffic(count), SERVER, LIMITS)
    assert (row.within_bound, row.valid) == (None, False)
    assert "p99 needs 662 queries" in row.invalid_reasons[0]
    assert rate_step(row) == RateStep(100.0, False, count)


@pytest.mark.parametrize("count", [0, 900])
def test_an_overloaded_run_has_no_percentiles(count: int) -> None:
    row = with_figures(SERVER_ROW, traffic(count, reason="overload", duration=0.0), SERVER, LIMITS)
    assert (row.p50_seconds, row.p99_seconds, row.percentile_bounds) == (None, None, {})
    assert (row.within_bound, row.valid, row.num_queries) == (False, False, count)
    assert row.achieved_rate is None
    assert row.invalid_reasons == ("overloaded: queries came faster than they were answered",)
    assert rate_step(row) == RateStep(100.0, False, count, overloaded=True)


def test_a_late_generator_makes_a_tail_doubtful() -> None:
    row = with_figures(SERVER_ROW, traffic(late=[0.0] * 900 + [0.5] * 100), SERVER, LIMITS)
    assert (row.lateness_p99_seconds, row.lateness_max_seconds) == (0.5, 0.5)
    assert not row.valid
    assert "generator's own lateness" in row.invalid_reasons[0]
    # It is part of the latency all the same.
    assert row.p99_seconds == 0.99
    assert with_figures(SERVER_ROW, traffic(late=[0.0] * 999 + [5.0]), SERVER, LIMITS).valid
    # A gap that became longer is nothing that a latency contains.
    assert with_figures(STREAM_ROW, traffic(late=[5.0] * 100), SingleStream(), LIMITS).valid
