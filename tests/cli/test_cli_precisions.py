"""Exporting in several precisions, and what else takes their names."""

from __future__ import annotations

import json

import pytest

import mnistbench
from mnistbench.errors import ProcessError
from mnistbench.measure.latency.processes import FreshProcesses
from mnistbench.measure.latency.request import Measured
from mnistbench.results import PrecisionResult, PrecisionRun, ProcessResult
from mnistbench.training import acceptance

NAME = "24-P-48-P-96-10"
ALL = "fp32,fp16,int8,web"
SECONDS = {"fp32": 0.004, "fp16": 0.008, "int8": 0.001, "web": 0.002}


@pytest.fixture
def simulated(monkeypatch):
    """No process is started; each precision has its time."""

    def measure(_self, request):
        seconds = SECONDS[request.name.partition("@")[2] or "fp32"] * request.batch_size
        figures = ProcessResult(0.01, 0.001, 10, True, 20, "noise", seconds, seconds, seconds)
        return Measured(figures, (seconds,) * 20, "CPUExecutionProvider", {}, 16, {})

    monkeypatch.setattr(FreshProcesses, "__call__", measure)


def test_every_precision_is_written_and_told(precise, tmp_path, monkeypatch):
    monkeypatch.setattr(acceptance, "LARGEST_LOSSES", dict.fromkeys(SECONDS, 0.05))
    outcome = precise("export", NAME, "--precision", "int8, FP16,fp32", "--output", tmp_path, "--json").succeeds()
    assert [(row["precision"], row["file"]) for row in outcome.json] == [
        ("int8", f"{NAME}-int8.onnx"),
        ("fp16", f"{NAME}-fp16.onnx"),
        ("fp32", f"{NAME}.onnx"),
    ]
    assert outcome.json[0]["calibration"]["num_images"] == 200
    assert (tmp_path / f"{NAME}-int8.onnx").read_bytes() == (precise.work / "zoo" / f"{NAME}-int8.onnx").read_bytes()
    text = precise("export", NAME, "--precision", "fp32,web", "--output", tmp_path).succeeds().out
    assert "points" in text
    assert "web.onnx" in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_precision_that_loses_too_much_stops_no_other(precise, tmp_path, monkeypatch):
    monkeypatch.setattr(acceptance, "LARGEST_LOSSES", {"fp16": 1.0, "int8": -1.0, "web": 1.0})
    outcome = precise("export", "16-10", NAME, "--precision", ALL, "--output", tmp_path, "--json")
    assert outcome.code == 3
    assert "Traceback" not in outcome.err
    failed = [(row["name"], row["precision"]) for row in outcome.json if "error" in row]
    assert failed == [("16-10", "int8"), (NAME, "int8")]
    errors = [row["error"] for row in outcome.json if "error" in row]
    assert all("percentage points (allowed: -100.00); the model is not published" in error for error in errors)
    assert len([row for row in outcome.json if "error" not in row]) == 6
    assert not list(tmp_path.glob("*int8*"))
    only = precise("export", "16-10", "--precision", "int8", "--output", tmp_path / "only")
    assert only.code == 1
    assert "failed: 16-10@int8: " in only.err


@pytest.mark.parametrize("text", ["int9", "", "fp32,,int8", "fp32 int8"])
def test_an_unknown_precision_is_wrong_usage(precise, text):
    outcome = precise("export", NAME, "--precision", text)
    assert outcome.code == 2
    assert "--precision" in outcome.err
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize("command", ["export", "precisions"])
def test_names_without_a_precision_where_an_option_says_it(precise, command):
    outcome = precise(command, f"{NAME}@int8")
    assert outcome.code == 2
    assert f"'{NAME}@int8' says a precision; here --precision does" in outcome.err


def test_names_say_the_precision_everywhere(precise, simulated):
    rows = precise("evaluate", f"{NAME}@int8", NAME, f"{NAME}@FP16", "--json").succeeds().json
    assert [row["name"] for row in rows] == [f"{NAME}@int8", NAME, f"{NAME}@fp16"]
    assert [row["notation"] for row in rows] == [NAME] * 3
    rows = precise("evaluate", "table1@web", "--json").succeeds().json
    assert [(row["name"], row["table"]) for row in rows] == [("16-10@web", 1)]
    rows = precise("bench", NAME, f"{NAME}@web", "--batch", 2, "--json").succeeds().json
    assert [(row["name"], row["p50_seconds"]) for row in rows] == [(NAME, 0.008), (f"{NAME}@web", 0.004)]
    document = precise("compare-accuracy", NAME, f"{NAME}@int8", "--json").succeeds().json
    assert [document[side]["name"] for side in "ab"] == [NAME, f"{NAME}@int8"]


def test_groups_and_unknown_precisions_are_told_apart(precise):
    precise("compare-accuracy", "table1@int8", NAME).fails_with("table1@int8 stands for several models", code=2)
    for command in ("evaluate", "bench"):
        precise(command, f"{NAME}@int9").fails_with("unknown precision 'int9'", "fp32, fp16, int8, web", code=2)
    outcome = precise("evaluate", "table1@int8", "--json").succeeds()
    assert "passed over: 64-10@int8 has not been exported" in outcome.err
    precise("evaluate", "64-10@int8").fails_with("no ONNX file of 64-10 in int8", "export 64-10 --precision int8")


def test_models_are_loaded_by_precision(precise):
    zoo = precise.work / "zoo"
    names = [mnistbench.load(NAME, zoo=zoo, precision=one).name for one in SECONDS]
    assert names == [NAME, f"{NAME}@fp16", f"{NAME}@int8", f"{NAME}@web"]
    assert mnistbench.load(f"{NAME}@int8", zoo=zoo).path.name == f"{NAME}-int8.onnx"
    assert mnistbench.load(NAME, zoo=zoo).path.name == f"{NAME}.onnx"


def test_precisions_are_evaluated_and_timed_side_by_side(precise, simulated):
    kept = precise.work / "precisions.json"
    outcome = precise("precisions", NAME, "--batch", "1,4", "--output", kept, "--json").succeeds()
    run = PrecisionRun.from_dict(json.loads(kept.read_text(encoding="utf-8")))
    assert [row.as_dict() for row in run.results] == outcome.json
    assert (run.settings["batch_sizes"], run.settings["processes"]) == ([1, 4], 5)
    assert (run.settings["modes"], run.settings["most_processes"], run.settings["seed"]) == (["e2e"], 15, 20)
    assert run.environment.packages["mnistbench"]
    rows = [PrecisionResult.from_dict(row) for row in outcome.json]
    assert [(row.precision, row.batch_size) for row in rows] == [(one, size) for one in SECONDS for size in (1, 4)]
    assert [row.speed for row in rows] == [1, 1, 0.5, 0.5, 4, 4, 2, 2]
    assert [row.undisturbed_seconds for row in rows] == [SECONDS[row.precision] * row.batch_size for row in rows]
    plain = {row.batch_size: row.undisturbed_seconds for row in rows if row.precision == "fp32"}
    speeds = [plain[row.batch_size] / row.undisturbed_seconds for row in rows]
    assert [row.undisturbed_speed for row in rows] == pytest.approx(speeds)
    assert {(row.name, row.device, row.provider, row.num_images) for row in rows} == {(NAME, "cpu", "cpu", 200)}
    assert all(row.num_errors == round(200 * row.error_rate) for row in rows)
    assert all(row.error_difference is not None for row in rows)
    sizes = {row.precision: row.size_bytes for row in rows}
    assert sizes["int8"] < sizes["fp16"] < sizes["fp32"]
    # The run is kept as one of bench, for compare and report.
    file = max((precise.work / "bench").glob("*.json"))
    own = json.loads(file.read_text(encoding="utf-8"))["settings"]
    assert {key: run.settings[key] for key in own} == own
    assert {row["name"] for row in json.loads(file.read_text(encoding="utf-8"))["results"]} == {
        NAME,
        *(f"{NAME}@{one}" for one in ("fp16", "int8", "web")),
    }
    text = precise("precisions", NAME, "--precision", "int8").succeeds().out
    assert "Precisions on cpu" in text
    assert "4.00×" in text
    assert "fp16" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_row_that_was_cut_short_shows_in_the_exit_code(precise, monkeypatch):
    asked = []

    def measure(_self, request):
        asked.append(request.name)
        if asked.count(f"{NAME}@int8") == 3:
            raise ProcessError("the process was killed")
        seconds = SECONDS[request.name.partition("@")[2] or "fp32"]
        figures = ProcessResult(0.01, 0.001, 10, True, 20, "noise", seconds, seconds, seconds)
        return Measured(figures, (seconds,) * 20, "CPUExecutionProvider", {}, 16, {})

    monkeypatch.setattr(FreshProcesses, "__call__", measure)
    outcome = precise("precisions", NAME, "--precision", "int8", "--json")
    assert outcome.code == 3
    assert [(row["precision"], row["speed"], row["error"]) for row in outcome.json] == [
        ("fp32", 1, None),
        ("int8", 4, None),
    ]
    assert f"cut short: {NAME}@int8 on cpu by cpu, batch 1: the process was killed" in outcome.err
    asked.clear()
    assert precise("bench", f"{NAME}@int8", "--batch", 1, "--json").code == 3


def test_precisions_of_a_group_are_those_that_were_exported(precise, simulated):
    outcome = precise("precisions", "table1", "--json").succeeds()
    assert [(row["name"], row["precision"]) for row in outcome.json] == [("16-10", one) for one in SECONDS]
    assert "passed over: " in outcome.err


def test_precisions_that_are_not_there_say_what_to_run(precise, trained, simulated):
    precise("precisions", "64-10").fails_with("no ONNX file of 64-10", "mnistbench export 64-10")
    trained("precisions", NAME, "--precision", "int8").fails_with(f"mnistbench export {NAME} --precision int8")
    precise("precisions", "mlp").fails_with("unknown network 'mlp'", code=2)
    (row,) = trained("precisions", NAME, "--json").succeeds().json
    assert (row["precision"], row["speed"], row["error_difference"]) == ("fp32", 1, 0)


def test_a_device_that_is_not_there_is_never_replaced(precise, simulated):
    hidden = {"CUDA_VISIBLE_DEVICES": "-1"}
    precise("precisions", "16-10", "--device", "cuda", **hidden).fails_with("cuda:0")


@pytest.mark.slow
def test_a_real_run(precise):
    rows = precise("precisions", "16-10", "--quick", "--json").succeeds().json
    assert [row["precision"] for row in rows] == [*SECONDS]
    assert all(row["p50_seconds"] > 0 and row["error"] is None for row in rows)


def test_the_card_of_another_precision_says_what_its_file_says(precise, tmp_path):
    precise("card", f"{NAME}@int8", "--output", tmp_path).succeeds()
    text = (tmp_path / f"{NAME}-int8.md").read_text(encoding="utf-8")
    assert "| precision | int8 |" in text
    assert "training images, drawn with the seed 20; method " in text
    assert "compared with those of the same weights in fp32" in text
    assert "| arithmetic | float32 |" in text
    assert "torch's" not in text


def test_members_of_an_ensemble_are_told_apart_by_their_precision(precise, tmp_path):
    output = tmp_path / "pair.onnx"
    outcome = precise("ensemble", f"{NAME}@int8", NAME, f"{NAME}@web", "--output", output, "--json").succeeds()
    members = outcome.json["training"]["members"]
    assert [member["name"] for member in members] == [f"{NAME}@int8", NAME, f"{NAME}@web"]
    assert [member["precision"] for member in members] == ["int8", "fp32", "web"]
    metadata = mnistbench.load(output).metadata
    assert metadata["mnistbench.precision"] == outcome.json["precision"] == "mixed"
    assert json.loads(metadata["mnistbench.members"]) == members
    precise("card", output, "--output", tmp_path).succeeds()
    text = (tmp_path / "pair.md").read_text(encoding="utf-8")
    assert f"| {NAME}@int8 | int8 |" in text
    assert f"| {NAME} | fp32 |" in text
    assert "| precision | mixed |" in text
    assert "![Architecture of" in text


def test_an_ensemble_within_an_ensemble_keeps_its_name(precise, tmp_path):
    inner, outer = tmp_path / "inner.onnx", tmp_path / "outer.onnx"
    precise("ensemble", f"{NAME}@int8", "16-10@int8", "--output", inner).succeeds()
    entry = precise("ensemble", inner, NAME, "--output", outer, "--json").succeeds().json
    assert [member["name"] for member in entry["training"]["members"]] == [f"{NAME}@int8 + 16-10@int8", NAME]
    assert [member["precision"] for member in entry["training"]["members"]] == ["int8", "fp32"]
