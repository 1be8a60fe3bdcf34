from __future__ import annotations

import dataclasses
import io

import pytest
from test_sheets import cells
from tunings import DEFAULT, NOTHING, TUNING

from mnistbench.report.terminal import PIPE_WIDTH, make_console, print_sheet
from mnistbench.report.tuning_sheets import gain_text, settings_text, tuning_sheet
from mnistbench.results import TuningCandidate, TuningResult
from mnistbench.runtime.session import SessionSettings

SEARCHES = tuple(
    TuningCandidate(64, True, {"cudnn_conv_algo_search": search}, 0.000888, 0.0008, 0.0009, (0.000888,) * 5)
    for search in ("HEURISTIC", "EXHAUSTIVE", "DEFAULT")
)
GRAPH = dataclasses.replace(
    TUNING,
    name="32-32-P-64-64-P-256-128-64-10-dropout",
    device="cuda:0",
    provider="cuda",
    mode="graph",
    batch_size=16_384,
    candidates=SEARCHES,
    reference=dataclasses.replace(SEARCHES[0], p50_seconds=0.001776),
)


def test_every_candidate_is_a_row_and_the_best_is_marked() -> None:
    sheet = tuning_sheet(TUNING)
    assert sheet.title == "16-10 on cpu, e2e, batch 1"
    assert cells(sheet, "threads") == ["2", "1", "2", "4"]
    assert cells(sheet, "spinning") == ["yes", "–", "no", "no"]
    assert cells(sheet, "p50") == ["200 µs", "160 µs", "400 µs", "failed"]
    assert cells(sheet, "± %") == ["5.0", "5.0", "–", "–"]
    assert cells(sheet, "change %") == ["0.0", "-20.0", "+100.0", "–"]
    assert cells(sheet, "processes") == ["3", "3", "1", "0"]
    assert cells(sheet, "") == ["default", "best", "dropped", ""]
    assert "Failed: no memory." in sheet.note
    assert gain_text(TUNING) in sheet.note


def test_openvino_has_no_spinning_and_cuda_has_options() -> None:
    openvino = tuning_sheet(dataclasses.replace(TUNING, provider="openvino"))
    assert openvino.title.startswith("16-10 on cpu openvino,")
    assert "spinning" not in {column.head for column in openvino.columns}
    cuda = tuning_sheet(GRAPH)
    assert cells(cuda, "provider's options")[1] == "cudnn_conv_algo_search EXHAUSTIVE"
    assert "The graph itself: 2.00 times as fast as the same calls in the mode bound (1.78 ms)" in cuda.note


@pytest.mark.parametrize(
    "result", [TUNING, GRAPH, dataclasses.replace(TUNING, name="x\x1b[2J")], ids=["cpu", "cuda", "evil"]
)
def test_a_table_fits_a_pipe(result: TuningResult) -> None:
    stream = io.StringIO()
    print_sheet(tuning_sheet(result), make_console(stream))
    assert max(map(len, stream.getvalue().splitlines())) <= PIPE_WIDTH
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "Best: 1 thread; 1.25 times as fast as the default, 95% interval 1.20 to 1.30: FASTER."),
        (
            {"verdict": "SAME", "gain": 1.0, "gain_low": None, "gain_high": None, "reason": "cheaper"},
            "Best: 1 thread; 1.00 times as fast as the default: SAME (cheaper).",
        ),
        ({"best": 0, "verdict": None}, "The default settings stay: 2 threads, spinning, which is the fastest."),
        ({"best": 0, "reason": "noise"}, "The default settings stay: 2 threads, spinning (noise)."),
        ({"gain": None, "reason": "the default settings failed"}, "Best: 1 thread (the default settings failed)."),
    ],
)
def test_the_gain_in_words(changes, text) -> None:
    assert gain_text(dataclasses.replace(TUNING, **changes)) == text


def test_what_failed_says_why() -> None:
    assert gain_text(NOTHING) == "Not tuned: no NVIDIA driver."
    assert tuning_sheet(NOTHING).rows == ()


def test_settings_in_words() -> None:
    assert settings_text(SessionSettings(1)) == "1 thread"
    assert settings_text(SessionSettings(8, False)) == "8 threads, no spinning"
    assert settings_text(DEFAULT) == "2 threads, spinning"
    assert settings_text(SEARCHES[2]) == "cudnn_conv_algo_search DEFAULT"
