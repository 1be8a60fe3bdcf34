from __future__ import annotations

import dataclasses
import io
import unicodedata

import pytest

from mnistbench.report.breakdown_sheets import MOST_NODES, breakdown_sheet, breakdown_sheets
from mnistbench.report.crossing_sheets import crossing_sheet
from mnistbench.report.sheet import Sheet
from mnistbench.report.terminal import PIPE_WIDTH, make_console, print_sheet
from mnistbench.results import BreakdownResult, CrossingResult, OperatorTime

LONGEST = "32-32-P-64-64-P-256-128-64-10-dropout"
CUDA = "CUDAExecutionProvider"


def operator(name: str, op_type: str, seconds: float, **changes: object) -> OperatorTime:
    return OperatorTime(name, op_type, "CPUExecutionProvider", seconds, **changes)


OPERATORS = (
    operator("cast", "Cast", 0.0001),
    operator("relu1_nchwc", "Conv", 0.0003, layer="conv1", macs=1_000_000, flops_per_second=1.0),
    operator("fused fc1", "FusedGemm", 0.0001, layer="fc1", macs=1_000_000, flops_per_second=1.0),
    operator("relu2_nchwc", "Conv", 0.0002, layer="conv2", macs=2_000_000, flops_per_second=1.0),
)
APART = BreakdownResult(
    "16-10",
    "16-10.onnx",
    "",
    "cpu",
    2,
    provider="CPUExecutionProvider",
    p50_seconds=0.001,
    bound_p50_seconds=0.0009,
    copies_seconds=0.0001,
    floor_seconds=0.0002,
    call_floor_seconds=0.00015,
    floor_copy_seconds=0.00005,
    operators_seconds=0.0007,
    other_seconds=0.0001,
    profiled_seconds=0.00105,
    kernel_clock="host",
    num_runs=200,
    operators=OPERATORS,
    seconds_by_op_type={"Conv": 0.0005, "Cast": 0.0001, "FusedGemm": 0.0001},
    options={"provider": "cpu"},
)
FAILED = BreakdownResult(LONGEST, "m.onnx", "", "cuda:0", 0, error="no CUDA libraries")
WIDEST = dataclasses.replace(
    APART,
    name=LONGEST,
    device="cuda:0",
    batch_size=100_000,
    p50_seconds=0.000888,
    floor_copy_seconds=-0.0888,
    other_seconds=-0.0888,
    copies_seconds=-0.0888,
    profiled_seconds=0.888,
    kernel_clock="launch",
    operators=tuple(
        OperatorTime("a/very/long/name/" * number, "OpenVINOExecutionProvider_subgraph", CUDA, 0.0888, 8888)
        for number in range(1, 40)
    ),
    seconds_by_op_type={"OpenVINOExecutionProvider_subgraph": 3.46},
    options={"provider": "tensorrt"},
    problems=("bound: it fails", "floor: \x1b[31m"),
)
MISSING = BreakdownResult(
    "16-10",
    "16-10.onnx",
    "",
    "cpu",
    2,
    p50_seconds=0.001,
    problems=("operators: damaged",),
    options={"provider": "cpu"},
)
CROSSING = CrossingResult("16-10", "cpu", "cuda:0", "e2e", (1, 1024), (0.5, 20.0), "between", 2.1)


def shown(sheet: Sheet) -> str:
    stream = io.StringIO()
    print_sheet(sheet, make_console(stream))
    return stream.getvalue()


def parts(sheet: Sheet) -> dict[str, tuple[str, ...]]:
    return {row[0]: row[1:] for row in sheet.rows}


@pytest.mark.parametrize(
    "sheet",
    [
        *breakdown_sheets([APART, WIDEST, MISSING, FAILED]),
        crossing_sheet([CROSSING, dataclasses.replace(CROSSING, name=LONGEST, device="cpu openvino")]),
    ],
    ids=["usual", "widest", "missing", "failed", "crossing"],
)
def test_every_table_fits_a_pipe(sheet) -> None:
    assert {len(row) for row in sheet.rows} == {len(sheet.columns)}
    for line in shown(sheet).split("\n"):
        assert len(line) <= PIPE_WIDTH, line
        assert not [letter for letter in line if unicodedata.category(letter) == "Cc"], line


def test_a_call_in_parts() -> None:
    sheet = breakdown_sheet(APART)
    assert sheet.title == "16-10 on cpu, batch 2"
    assert sheet.rows == (
        ("floor: a call", "150 µs", "15.0", "##", "", "", ""),
        ("floor: its batch", "50.0 µs", "5.0", "", "", "", ""),
        ("Conv", "500 µs", "50.0", "#####", "2", "24.0", "cpu"),
        ("  relu1_nchwc = conv1", "300 µs", "30.0", "###", "1", "13.3", "cpu"),
        ("  relu2_nchwc = conv2", "200 µs", "20.0", "##", "1", "40.0", "cpu"),
        ("Cast: cast", "100 µs", "10.0", "#", "1", "", "cpu"),
        ("FusedGemm: fused fc1", "100 µs", "10.0", "#", "1", "40.0", "cpu"),
        ("other", "100 µs", "10.0", "#", "", "", ""),
        ("call", "1.00 ms", "100.0", "##########", "", "", ""),
        ("e2e - bound", "100 µs", "10.0", "#", "", "", ""),
    )
    for text in ("estimates", "the processor's time", "Copies lie within", "two operations"):
        assert text in sheet.note
    assert "Profiling slows" not in sheet.note


def test_nodes_stand_indented_in_a_pipe_too() -> None:
    assert "\n  relu1_nchwc = conv1" in shown(breakdown_sheet(APART))


def test_at_batch_1_the_floor_is_one_line() -> None:
    sheet = breakdown_sheet(dataclasses.replace(APART, batch_size=1))
    assert parts(sheet)["floor"][0] == "200 µs"
    assert "copy of its batch" not in sheet.note


def test_what_is_below_nothing_is_shown_so_and_explained() -> None:
    sheet = breakdown_sheet(
        dataclasses.replace(APART, copies_seconds=-0.0001, other_seconds=-0.005, profiled_seconds=0.004)
    )
    found = parts(sheet)
    assert found["other"][:3] == ("-5.00 ms", "-500.0", "-" * 10)
    assert found["e2e - bound"][:3] == ("-100 µs", "-10.0", "-")
    assert "slows a run from 1.00 ms to 4.00 ms" in sheet.note
    assert "bound calls take longer" in sheet.note


@pytest.mark.parametrize(
    ("clock", "text"),
    [("host", "the processor's time"), ("launch", "waited for in other"), ("device", "GPU's own time")],
)
def test_whose_time_it_is_is_said(clock, text) -> None:
    assert text in breakdown_sheet(dataclasses.replace(APART, kernel_clock=clock)).note


def test_of_very_many_nodes_the_slowest_are_shown() -> None:
    many = tuple(operator(f"n{number}", "Add", number * 1e-6) for number in range(MOST_NODES + 6))
    sheet = breakdown_sheet(dataclasses.replace(APART, operators=many, seconds_by_op_type={"Add": 1e-3}))
    found = parts(sheet)
    assert found["Add"][3] == str(MOST_NODES + 6)
    assert "  n6" in found
    assert "  n5" not in found
    assert "6 more are within their types" in sheet.note


def test_a_name_that_says_nothing_new_stands_once() -> None:
    only = (operator("Add", "Add", 1e-3),)
    sheet = breakdown_sheet(dataclasses.replace(APART, operators=only, seconds_by_op_type={"Add": 1e-3}))
    assert "Add" in parts(sheet)


def test_what_is_missing_is_left_out_and_said() -> None:
    sheet = breakdown_sheet(MISSING)
    assert list(parts(sheet)) == ["call"]
    assert sheet.note.endswith("operators: damaged")
    assert "Floor" not in sheet.note


def test_what_failed_has_a_table_of_its_own() -> None:
    sheets = breakdown_sheets([APART, FAILED])
    assert [sheet.title for sheet in sheets] == ["16-10 on cpu, batch 2", "Failed"]
    assert sheets[1].rows == ((LONGEST, "cuda:0", "–"),)
    assert sheets[1].note == f"{LONGEST}, cuda:0: no CUDA libraries"
    assert breakdown_sheets([]) == []


@pytest.mark.parametrize(
    ("changes", "where", "ends"),
    [
        ({}, "about 3", ("0.50×", "20.0×")),
        ({"overtaking": "from the start", "batch_size": 1.0, "speedups": (2.0, 20.0)}, "1 already", ("2.00×", "20.0×")),
        (
            {"overtaking": "from the start", "batch_size": 1024.0, "verdicts": ("SAME", "FASTER")},
            "1,024 or less",
            ("0.50×", "20.0×"),
        ),
        (
            {"overtaking": None, "batch_size": None, "verdicts": ("SAME", "UNCLEAR"), "reason": "no GPU"},
            "unclear",
            ("0.50×", "20.0×"),
        ),
        ({"overtaking": "not yet", "batch_size": None}, "not up to 1,024", ("0.50×", "20.0×")),
        (
            {"overtaking": None, "batch_size": None, "batch_sizes": (), "speedups": (), "reason": "no GPU"},
            "–",
            ("–", "–"),
        ),
    ],
)
def test_who_overtakes_whom(changes, where, ends) -> None:
    sheet = crossing_sheet([dataclasses.replace(CROSSING, **changes)])
    assert sheet.rows == (("16-10", "cpu", "cuda:0", where, *ends),)
    assert ("no GPU" in sheet.note) is ("reason" in changes)


def test_a_lead_that_changes_often_is_said() -> None:
    assert "more than once" in crossing_sheet([dataclasses.replace(CROSSING, is_clean=False)]).note
    assert "more than once" not in crossing_sheet([CROSSING]).note


def test_batches_without_a_clear_difference_are_said() -> None:
    judged = dataclasses.replace(CROSSING, batch_sizes=(1, 16, 1024), speedups=(0.5, 1.0, 2.0))
    unclear = crossing_sheet([dataclasses.replace(judged, verdicts=("SLOWER", "UNCLEAR", "FASTER"))]).note
    assert "16-10, cuda:0 beside cpu: no clear difference at batch 16." in unclear
    assert "more than 5% and more than the noise between fresh processes" in unclear
    assert "medians alone" not in unclear
    clear = crossing_sheet([dataclasses.replace(judged, verdicts=("SLOWER", "FASTER", "FASTER"))]).note
    assert "no clear difference" not in clear
    unknown = crossing_sheet([dataclasses.replace(judged, verdicts=(None, None, None))]).note
    assert "there the medians alone decide" in unknown
    assert "more than 5%" not in unknown
    assert "medians alone" not in crossing_sheet([judged]).note
