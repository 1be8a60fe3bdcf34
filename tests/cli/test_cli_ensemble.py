from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

import mnistbench

MEMBERS = ("16-10", "24-P-48-P-96-10")


@pytest.fixture
def pair(trained, tmp_path):
    """An ensemble of the two trained networks."""
    output = tmp_path / "pair.onnx"
    trained("ensemble", *MEMBERS, "--output", output).succeeds()
    return output


def test_an_ensemble_beside_its_members(trained, tmp_path):
    outcome = trained("ensemble", *MEMBERS, "--output", tmp_path / "pair.onnx").succeeds()
    assert "Ensemble of 2" in outcome.out
    assert max(map(len, outcome.out.splitlines())) <= 80
    for text in (*MEMBERS, "pair.onnx", "would let the"):
        assert text in outcome.out
    assert f"wrote {tmp_path / 'pair.onnx'}" in outcome.err
    assert "200 of 200 images" in outcome.err


def test_json_is_the_entry(trained, tmp_path):
    output = tmp_path / "pair.onnx"
    entry = trained("ensemble", *MEMBERS, "--output", output, "--json").succeeds().json
    assert (entry["kind"], entry["name"], entry["path"]) == ("model", "pair", str(output))
    assert [member["name"] for member in entry["training"]["members"]] == list(MEMBERS)
    (evaluated,) = trained("evaluate", output, "--json").succeeds().json
    for key in ("sha256", "num_parameters", "macs", "notation"):
        assert evaluated[key] == entry[key]
    assert evaluated["num_errors"] == entry["metrics"]["num_errors"]
    members = trained("evaluate", *MEMBERS, "--json").succeeds().json
    assert evaluated["num_parameters"] == sum(member["num_parameters"] for member in members)
    assert evaluated["macs"] == sum(member["macs"] for member in members)


def test_it_works_wherever_a_model_does(trained, pair, digits_folder):
    (row,) = trained("bench", pair, "--quick", "--processes", 1, "--batch", 2, "--json").succeeds().json
    assert (row["name"], row["error"]) == ("pair", None)
    assert row["error_rate"] is not None
    assert mnistbench.load(pair).num_parameters == row["num_parameters"]
    trained("compare-accuracy", pair, "16-10").succeeds()
    outcome = trained("ensemble", pair, "16-10", "--output", pair.with_name("again.onnx")).succeeds()
    assert "16-10 + 24-P-48-P-96-10" in outcome.out.replace("\n", "")


def test_an_entry_in_the_zoo_finds_it_by_name(trained, tmp_path):
    shutil.copytree(trained.work / "zoo", tmp_path / "own" / "zoo")
    own = replace(trained, work=tmp_path / "own")
    own("ensemble", *MEMBERS, "--output", own.work / "zoo" / "pair.onnx").succeeds()
    (row,) = own("evaluate", "pair", "--json").succeeds().json
    assert row["file"] == str(own.work / "zoo" / "pair.onnx")
    assert mnistbench.load("pair", zoo=own.work / "zoo").name == "pair"
    own("evaluate", "16-10").succeeds()


@pytest.mark.parametrize(
    ("names", "texts"),
    [
        (("16-10",), ("1 different models (16-10)", "name from 2 to 100")),
        (("16-10", "16-10"), ("1 different models", "counts once")),
        (("16-10", "none.onnx"), ("none.onnx",)),
    ],
)
def test_members_that_make_no_ensemble(trained, tmp_path, names, texts):
    trained("ensemble", *names, "--output", tmp_path / "out.onnx", "--json").fails_with(*texts)
    assert not (tmp_path / "out.onnx").exists()


def test_bundled_models_are_of_another_dataset_than_the_patterns(trained, tmp_path):
    outcome = trained("ensemble", "16-10", "64-64-10", "--output", tmp_path / "out.onnx")
    outcome.fails_with("64-64-10.onnx was trained on mnist", "--data-dir")


def test_float_input_is_refused(trained, tmp_path):
    trained("export", "16-10", "--input", "float32", "--output", tmp_path / "zoo").succeeds()
    file = tmp_path / "zoo" / "16-10-float32.onnx"
    trained("ensemble", file, "24-P-48-P-96-10", "--output", tmp_path / "out.onnx").fails_with("--input uint8")


def test_the_name_of_a_network_is_refused(trained, tmp_path):
    trained("ensemble", *MEMBERS, "--output", tmp_path / "16-10.onnx").fails_with("choose another name")


def test_an_unknown_name_is_wrong_usage(trained, tmp_path):
    trained("ensemble", "nonsense", "--output", tmp_path / "out.onnx").fails_with("unknown network", code=2)


def test_the_output_has_to_be_named(trained):
    outcome = trained("ensemble", *MEMBERS)
    assert outcome.code == 2
    assert "--output" in outcome.err
