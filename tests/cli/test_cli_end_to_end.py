from __future__ import annotations

import json

import pytest
from PIL import Image

NAME = "24-P-48-P-96-10"


def test_list_has_the_papers_29_networks_with_the_documented_keys(cli):
    rows = cli("list", "--json").succeeds().json
    assert len(rows) == 29
    for row in rows:
        assert {"name", "notation", "dropout", "table", "paper_error", "num_parameters", "macs"} <= set(row)
        assert 0 < row["paper_error"] < 0.1
    counts = {row["name"]: row["num_parameters"] for row in rows}
    assert counts["32-32-P-64-64-P-256-128-64-10"] == 909_866
    assert counts["6-P-16-P-120-84-10"] == 61_706


def test_list_of_a_network_outside_the_paper_leaves_its_figures_empty(cli):
    (row,) = cli("list", NAME, "--dropout", 0.25, "--json").succeeds().json
    assert (row["name"], row["dropout"]) == (f"{NAME}-dropout0.25", 0.25)
    assert row["table"] is None
    assert row["paper_error"] is None


def test_a_network_outside_the_paper_is_evaluated(trained):
    (row,) = trained("evaluate", NAME, "--json").succeeds().json
    assert (row["name"], row["notation"], row["num_images"]) == (NAME, NAME, 200)
    assert row["error_rate"] == row["num_errors"] / 200
    assert row["dataset"] == "patterns"
    assert (row["table"], row["paper_error"]) == (None, None)


def test_a_network_outside_the_paper_is_timed(trained):
    rows = trained("bench", NAME, "--quick", "--batch", "1,8", "--json").succeeds().json
    assert [row["batch_size"] for row in rows] == [1, 8]
    for row in rows:
        assert (row["name"], row["device"], row["mode"]) == (NAME, "cpu", "e2e")
        assert row["provider"] == "CPUExecutionProvider"
        assert row["error"] is None
        assert 0 < row["min_seconds"] <= row["p50_seconds"]


def test_figures_of_the_paper_come_with_its_networks(trained):
    (row,) = trained("evaluate", "16-10", "--json").succeeds().json
    # The paper's error is on MNIST, which these images are not.
    assert (row["dataset"], row["table"], row["paper_error"]) == ("patterns", 1, None)
    (row,) = trained("bench", "16-10", "--quick", "--batch", 1, "--json").succeeds().json
    assert (row["table"], row["paper_error"]) == (1, 0.0501)


def test_one_text_means_the_same_by_name_and_by_file(trained):
    by_name = trained("evaluate", NAME, "--json").succeeds().json[0]
    by_file = trained("evaluate", trained.work / "zoo" / f"{NAME}.onnx", "--json").succeeds().json[0]
    assert by_name == by_file


def test_dropout_goes_through_every_command(cli):
    named = ("8-10", "--dropout", 0.25)
    (row,) = cli("train", *named, "--epochs", 1, "--json").succeeds().json
    assert (row["name"], row["dropout"]) == ("8-10-dropout0.25", 0.25)
    (row,) = cli("export", *named, "--json").succeeds().json
    assert (row["name"], row["file"]) == ("8-10-dropout0.25", "8-10-dropout0.25.onnx")
    assert [row["name"] for row in cli("evaluate", *named, "--json").succeeds().json] == ["8-10-dropout0.25"]
    (row,) = cli("bench", *named, "--quick", "--batch", 1, "--json").succeeds().json
    assert (row["name"], row["dropout"]) == ("8-10-dropout0.25", 0.25)
    # The network without dropout was not trained.
    cli("evaluate", "8-10").fails_with("no ONNX file of 8-10", "mnistbench train 8-10")


def test_training_again_keeps_what_is_finished(cli):
    first = cli("train", "8-10", "--epochs", 1, "--json").succeeds()
    again = cli("train", "8-10", "--epochs", 1, "--json").succeeds()
    assert "kept" in again.err
    assert again.json == first.json


def test_the_data_can_be_named_by_option(cli, digits_folder, tmp_path):
    (row,) = cli("train", "8-10", "--epochs", 1, "--json", "--data-dir", digits_folder, MNISTBENCH_DATA="").json
    assert row["dataset"] == "patterns"
    shown = cli("data", "--data-dir", digits_folder, "--json").succeeds().json
    assert (shown["name"], shown["complete"], shown["verified"], shown["is_cache"]) == ("patterns", True, False, False)
    assert len(shown["files"]) == 4


def test_a_picture_of_the_digits(trained, tmp_path):
    file = tmp_path / "digits.png"
    trained("data", "show", file, "--model", trained.work / "zoo" / f"{NAME}.onnx").succeeds()
    with Image.open(file, formats=["PNG"]) as picture:
        assert picture.size > (100, 100)


def test_data_show_takes_the_folder_that_was_given_before_its_name(trained, offline, tmp_path):
    model = trained.work / "zoo" / "16-10.onnx"
    args = ("data", "--data-dir", trained.data, "show", tmp_path / "digits.png", "--model", model)
    trained(*args, **offline | {"MNISTBENCH_DATA": ""}).succeeds()


def test_reproduce_saves_what_it_prints_and_does_nothing_twice(cli):
    first = cli("reproduce", "16-10", "8-10", "--epochs", 1, "--json").succeeds()
    rows = first.json["rows"]
    assert [row["name"] for row in rows] == ["16-10", "8-10"]
    for row in rows:
        assert row["error"] is None
        assert row["evaluation"]["num_images"] == 200
        assert row["latency"][0]["p50_seconds"] > 0
    assert json.loads((cli.work / "reproduce.json").read_text(encoding="utf-8")) == first.json
    assert "16-10" in (cli.work / "reproduce.md").read_text(encoding="utf-8")
    again = cli("reproduce", "16-10", "8-10", "--epochs", 1, "--json").succeeds()
    assert again.json["rows"] == rows
    assert "bench" not in again.err


@pytest.mark.parametrize("command", ["evaluate", "bench"])
def test_output_keeps_the_document_in_a_file(trained, tmp_path, command):
    file = tmp_path / "result.json"
    more = ["--quick", "--batch", 1] if command == "bench" else []
    trained(command, "16-10", "--output", file, *more).succeeds()
    assert "16-10" in json.dumps(json.loads(file.read_text(encoding="utf-8")))
