from __future__ import annotations

import dataclasses
import io
import unicodedata

import pytest

from mnistbench.report.load_sheets import load_sheets, paced_sheet, server_sheet, stream_sheet
from mnistbench.report.sheet import Sheet
from mnistbench.report.terminal import PIPE_WIDTH, make_console, print_sheet
from mnistbench.results import LoadResult

LONGEST = "32-32-P-64-64-P-256-128-64-10-dropout"


def row(scenario: str, **changes: object) -> LoadResult:
    """With the largest figures that are realistic."""
    values = {
        "provider": "CUDAExecutionProvider",
        "workers": 256,
        "num_queries": 1_000_000,
        "duration_seconds": 3.0,
        "stop_reason": "duration",
        "p50_seconds": 0.000888,
        "p90_seconds": 0.888,
        "p99_seconds": 0.888,
        "min_seconds": 0.000888,
        "throughput": 88.8e6,
        "valid": True,
    }
    own = {
        "multi-stream": {"samples_per_query": 65_536},
        "paced": {"gap_seconds": 0.0888},
        "server": {
            "rate": 88_800.0,
            "rate_searched": True,
            "latency_bound_seconds": 0.01,
            "within_bound": True,
            "percentile_bounds": {"p99": (0.0088, 0.00888)},
            "lateness_p99_seconds": 0.000888,
        },
    }
    return LoadResult(LONGEST, "m.onnx", "", "cuda:0", scenario, **(values | own.get(scenario, {}) | changes))


EVERY = [row(scenario) for scenario in ("single-stream", "multi-stream", "offline", "server", "paced")]
FAILED = [
    LoadResult(LONGEST, "m.onnx", "", "cuda:0", one.scenario, error="no CUDA libraries", latency_bound_seconds=0.01)
    for one in EVERY
]


def cells(sheet: Sheet, head: str) -> list[str]:
    index = [column.head for column in sheet.columns].index(head)
    return [line[index] for line in sheet.rows]


WORDY = [row("server", rate_searched=False, within_bound=None, valid=False, invalid_reasons=("p99 needs more",))]


@pytest.mark.parametrize("results", [EVERY, FAILED, EVERY + FAILED], ids=["measured", "failed", "both"])
def test_every_table_fits_a_pipe(results) -> None:
    sheets = load_sheets(results)
    assert [sheet.title for sheet in sheets] == ["Streams and offline", "Server", "Paced"]
    for sheet in sheets:
        assert {len(line) for line in sheet.rows} == {len(sheet.columns)}
        stream = io.StringIO()
        print_sheet(sheet, make_console(stream))
        for line in stream.getvalue().split("\n"):
            assert len(line) <= PIPE_WIDTH, line
            assert not [letter for letter in line if unicodedata.category(letter) == "Cc"], line


def test_the_longest_verdict_leaves_every_figure_in_the_table() -> None:
    stream = io.StringIO()
    print_sheet(server_sheet(WORDY), make_console(stream))
    lines = stream.getvalue().split("\n")
    assert max(map(len, lines)) <= PIPE_WIDTH
    assert any("too few" in line and "8.88 ms" in line for line in lines)


def test_there_is_no_table_of_what_was_not_measured() -> None:
    assert [sheet.title for sheet in load_sheets(EVERY[3:4])] == ["Server"]
    assert load_sheets([]) == []


def test_a_stream_in_figures() -> None:
    assert stream_sheet(EVERY[:1]).rows == (
        (LONGEST, "cuda:0", "single-stream", "1", "888 µs", "888 ms", "888 ms", "88.8 M"),
    )


@pytest.mark.parametrize(
    ("changes", "verdict", "rate"),
    [
        ({}, "highest", "88.8 k"),
        ({"rate_searched": False}, "within", "88.8 k"),
        ({"rate_searched": False, "within_bound": False}, "too slow", "88.8 k"),
        ({"rate_searched": False, "within_bound": False, "stop_reason": "overload"}, "overloaded", "88.8 k"),
        ({"rate": None, "within_bound": False, "stop_reason": None}, "none within", "–"),
        ({"rate_searched": False, "within_bound": None, "valid": False}, "too few queries", "88.8 k"),
        ({"valid": False}, "invalid", "88.8 k"),
        ({"rate": None, "within_bound": None, "valid": False, "stop_reason": None}, "undecided", "–"),
    ],
)
def test_the_verdict_on_a_rate(changes, verdict, rate) -> None:
    sheet = server_sheet([row("server", **changes)])
    assert cells(sheet, "verdict") == [verdict]
    assert cells(sheet, "queries/s") == [rate]
    assert "is at most 10.0 ms" in sheet.note


@pytest.mark.parametrize("searched", [True, False])
def test_a_search_is_told_where_there_was_one(searched) -> None:
    rows = [row("server", rate_searched=False), row("server", rate_searched=searched)]
    assert ("found by search" in server_sheet(rows).note) is searched


def test_what_offline_is_judged_by_stands_below_its_latencies() -> None:
    sheet = stream_sheet([row("offline")])
    assert cells(sheet, "p50") == ["888 µs"]
    assert "MLPerf judges offline by images/s" in sheet.note
    assert "offline" not in stream_sheet([row("single-stream")]).note


def test_gaps_stand_beside_their_latencies() -> None:
    sheet = paced_sheet([row("paced", gap_seconds=gap) for gap in (0.0, 0.001, 0.1)])
    assert cells(sheet, "gap") == ["none", "1.00 ms", "100 ms"]
    assert cells(sheet, "queries") == ["1,000,000"] * 3


def test_a_query_of_more_than_one_image_is_told_where_no_column_says_it() -> None:
    text = f"{LONGEST}, cuda:0, paced: 4 images a query, the model's fixed batch"
    rows = [row("paced", gap_seconds=gap, samples_per_query=4) for gap in (0.0, 0.1)]
    assert paced_sheet(rows).note.count(text) == 1
    assert (
        "images a query"
        not in paced_sheet([row("paced"), dataclasses.replace(rows[0], error="none", valid=False)]).note
    )
    assert "images a query" not in stream_sheet([row("multi-stream")]).note


def test_what_is_wrong_with_a_row_stands_below() -> None:
    sheet = server_sheet([row("server", valid=False, invalid_reasons=("too few", "too late")), FAILED[3]])
    for text in ("server: too few", "server: too late", f"{LONGEST}, cuda:0, server: no CUDA libraries"):
        assert text in sheet.note
    assert cells(sheet, "p50") == ["888 µs", "failed"]


@pytest.mark.parametrize(("seconds", "is_said"), [(3.0, True), (599.9, True), (600.0, False), (None, False)])
def test_a_run_shorter_than_mlperf_asks_for_is_told(seconds, is_said) -> None:
    assert ("MLPerf asks for 600 s" in stream_sheet([row("offline", duration_seconds=seconds)]).note) is is_said
