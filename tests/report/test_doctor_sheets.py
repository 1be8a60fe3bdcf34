from __future__ import annotations

import io

import pytest

from mnistbench.report.doctor_sheets import doctor_sheets, findings_sheet, probes_sheet, remedy_lines, summary_line
from mnistbench.report.terminal import PIPE_WIDTH, make_console, print_sheet
from mnistbench.results import Diagnosis, Environment, Finding, ProbeResult

ENVIRONMENT = Environment("3.11", "Linux", "CPU", (), 2, None, (), {})
LONG = "pip uninstall -y onnxruntime-gpu onnxruntime-directml onnxruntime && pip install onnxruntime-gpu==1.31.1"
FINDINGS = (
    Finding("software", "numpy", "ok", "2.4.6"),
    Finding("surroundings", "threads", "note", "few", "unset OMP_NUM_THREADS"),
    Finding("software", "extra train", "missing", "torch", "pip install 'mnistbench[train]'"),
    Finding("software", "onnxruntime", "problem", "two at once", LONG),
    Finding("devices", "device cuda:0 tensorrt", "problem", f"/{'deep/' * 40}libcuda.so\x1b[31m\nis broken", LONG),
)
PROBES = (
    ProbeResult(
        "cpu", "cpu", "ok", "32-32-P-64-64-P-256-128-64-10-dropout", 0.0888, {"CPUExecutionProvider": 888}, 8, 0, 0.0
    ),
    ProbeResult(
        "cuda:15",
        "tensorrt",
        "problem",
        "32-32-P-64-64-P-256-128-64-10-dropout",
        88.8,
        {"TensorrtExecutionProvider": 888, "CPUExecutionProvider": 2},
        8,
        8,
        8.8888e-05,
        "wrong",
    ),
    ProbeResult("gpu:0", "openvino", "missing", error="not installed"),
)
DIAGNOSIS = Diagnosis(ENVIRONMENT, FINDINGS, PROBES)


def printed(sheets) -> str:
    stream = io.StringIO()
    for sheet in sheets:
        print_sheet(sheet, make_console(stream))
    return stream.getvalue()


@pytest.mark.parametrize("diagnosis", [DIAGNOSIS, Diagnosis(ENVIRONMENT, (), ())], ids=["full", "empty"])
def test_tables_fit_80_columns_and_hold_no_escape_codes(diagnosis):
    text = printed(doctor_sheets(diagnosis))
    assert max(map(len, text.splitlines())) <= PIPE_WIDTH
    assert "\x1b" not in text


def test_every_finding_and_probe_is_a_row():
    assert [row[:2] for row in findings_sheet(DIAGNOSIS).rows] == [(one.subject, one.severity) for one in FINDINGS]
    ours, theirs, missing = probes_sheet(DIAGNOSIS).rows
    assert ours[3:] == ("ok", "888×CPU", "88.8 ms", "8 of 8", "0")
    assert theirs[3:] == ("problem", "2×CPU, 888×Tensorrt", "88.8 s", "0 of 8", "8.9e-05")
    assert missing[2:] == ("–", "missing", "–", "–", "–", "–")


def test_a_long_path_loses_nothing_but_its_line():
    cell = findings_sheet(DIAGNOSIS).rows[-1][2]
    assert max(map(len, cell.split())) <= 40
    assert "deep/" * 40 in cell.replace("\n", "")
    assert "\\x1b[31m\\nis broken" in cell.replace("\n", "")


def test_commands_stand_once_on_a_line_the_worst_first():
    assert remedy_lines(DIAGNOSIS) == [
        "# onnxruntime, device cuda:0 tensorrt (problem)",
        LONG,
        "# extra train (missing)",
        "pip install 'mnistbench[train]'",
        "# threads (note)",
        "unset OMP_NUM_THREADS",
    ]
    assert remedy_lines(Diagnosis(ENVIRONMENT, FINDINGS[:1], ())) == []


def test_a_command_cannot_smuggle_in_a_line():
    found = Finding("files", "a\nb", "problem", "", "pip install x\nrm -rf y")
    assert remedy_lines(Diagnosis(ENVIRONMENT, (found,), ())) == ["# a\\nb (problem)", "pip install x\\nrm -rf y"]


def test_the_summary_counts():
    assert summary_line(DIAGNOSIS) == "Something is broken: 2 problem, 1 missing, 1 note, 1 ok."
    assert summary_line(Diagnosis(ENVIRONMENT, FINDINGS[:1], ())) == "Nothing is broken: 1 ok."
