from __future__ import annotations

import io

import pytest
from latencies import NOISY, failed, row, run

from mnistbench.catalog import NETWORKS
from mnistbench.measure.run_comparison import NamedRun, Rules, compare_models, compare_runs
from mnistbench.report.sheet import Sheet, markdown
from mnistbench.report.terminal import make_console, print_sheet
from mnistbench.report.verdict_sheets import device_text, verdict_sheets


def sheet_of(rows, others, rules: Rules = Rules()) -> Sheet:  # noqa: B008 - frozen
    (sheet,) = verdict_sheets(compare_runs(NamedRun("a.json", run(*rows)), NamedRun("b.json", run(*others)), rules))
    return sheet


def drawn(sheet: Sheet) -> str:
    stream = io.StringIO()
    print_sheet(sheet, make_console(stream))
    return stream.getvalue()


def test_a_row_has_both_times_the_change_the_floor_and_the_verdict() -> None:
    sheet = sheet_of([row(seconds=1e-4)], [row(seconds=1.1e-4)])
    assert sheet.title == "A: a.json, B: b.json"
    ((*cells, floor, typical, verdict),) = sheet.rows
    assert cells == ["16-10", "cpu", "e2e", "1", "99.9 µs", "110 µs", "+10.0"]
    assert floor.startswith("±")
    assert (0 < float(floor[1:]) < 2, typical, verdict) == (True, "+10.0", "SLOWER")
    assert sheet.note.startswith("A, B: a call that nothing disturbed, ")
    assert "by more than 5% and more than the floor" in sheet.note


@pytest.mark.parametrize(("threshold", "text"), [(0.05, "than 5%"), (0.025, "than 2.5%"), (0.1, "than 10%")])
def test_the_threshold_is_said(threshold, text) -> None:
    assert text in sheet_of([row()], [row()], Rules(threshold)).note


def test_medians_alone_need_no_column_of_their_change() -> None:
    sheet = sheet_of([row()], [row(seconds=1.1e-4)], Rules(by="p50"))
    assert sheet.rows[0][4:6] == ("100 µs", "110 µs")
    assert "p50 %" not in [column.head for column in sheet.columns]
    assert sheet.note.startswith("A, B: median of ")


def test_why_there_is_no_verdict_stands_below_once_for_all_rows() -> None:
    rows = [row(f"{width}-10", spread=NOISY) for width in range(1, 9)]
    sheet = sheet_of([*rows, row("64-10")], [*rows, failed("64-10")])
    (noise,) = [line for line in sheet.note.split("\n") if line.startswith("UNCLEAR, ")]
    assert noise.endswith("3-10 cpu e2e batch 1 and 5 more.")
    assert "Not compared, failed in B: no CUDA libraries: 64-10 cpu e2e batch 1." in sheet.note
    assert sheet.rows[-1][4:] == ("99.9 µs", *["–"] * 5)


def test_a_note_on_every_row_names_none() -> None:
    rows = [row(), row("64-10")]
    other = [row(sha256="cd"), row("64-10", sha256="cd")]
    assert sheet_of(rows, other).note.endswith("Note, the two runs had different files of that name.")
    assert sheet_of(rows, [rows[0], other[1]]).note.endswith("of that name: 64-10 cpu e2e batch 1.")


@pytest.mark.parametrize(
    ("device", "provider", "text"),
    [
        ("cpu", "CPUExecutionProvider", "cpu"),
        ("cuda:1", "CUDAExecutionProvider", "cuda:1"),
        ("cpu", "OpenVINOExecutionProvider", "cpu openvino"),
        ("cpu", None, "cpu"),
    ],
)
def test_a_provider_is_named_where_the_device_does_not_say_it(device, provider, text) -> None:
    one = row(device=device, provider=provider)
    (found,) = compare_runs(NamedRun("a", run(one)), NamedRun("b", run(one)), Rules())
    assert device_text(found) == text


def test_providers_stand_beside_the_device_where_there_are_several() -> None:
    rows = [row(), row(provider="OpenVINOExecutionProvider")]
    assert [cells[1] for cells in sheet_of(rows, rows).rows] == ["cpu", "cpu openvino"]


def test_each_other_run_has_a_sheet_and_models_of_one_run_share_one() -> None:
    a, b, c = (NamedRun(name, run(row(), row("64-10"), row("8-10"))) for name in "abc")
    found = [*compare_runs(a, b, Rules()), *compare_runs(a, c, Rules())]
    assert [sheet.title for sheet in verdict_sheets(found)] == ["A: a, B: b", "A: a, B: c"]
    (sheet,) = verdict_sheets(compare_models(a, Rules()))
    assert (sheet.title, [cells[0] for cells in sheet.rows]) == ("A: 16-10, B: each network of a", ["64-10", "8-10"])
    assert verdict_sheets([]) == []


@pytest.mark.parametrize("seconds", [1e-300, 8.88e-4, 0.888, 1e300])
def test_the_widest_sheet_fits_80_columns(seconds) -> None:
    rows = [
        row(network.name, 0.888, device="cuda:0", mode="bound", batch_size=10_000, spread=NOISY)
        for network in NETWORKS
    ]  # fmt: skip
    others = [row(one.name, seconds, device="cuda:0", mode="bound", batch_size=10_000, spread=NOISY) for one in rows]
    sheet = sheet_of(rows, others)
    assert len(sheet.rows) == len(NETWORKS)
    if 1e-9 < seconds < 1e9:
        assert max(map(len, drawn(sheet).splitlines())) <= 80
    assert markdown(sheet).count("\n| ") == len(NETWORKS) + 2


def test_names_cannot_command_the_terminal() -> None:
    hostile = row("\x1b[2J\n16-10")
    assert "\x1b" not in drawn(sheet_of([hostile], [failed("\x1b[2J\n16-10", error="\x1b[31m")]))
