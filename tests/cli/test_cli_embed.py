"""``mnistbench embed``: what it writes, says and refuses."""

from __future__ import annotations

import hashlib
import os

import pytest
from latency_models import write_model, write_other

from mnistbench.embed.kits import TARGETS
from mnistbench.precisions import PRECISIONS
from mnistbench.training import acceptance


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_one_target_is_written_into_the_folder_itself(trained, tmp_path):
    outcome = trained("embed", "16-10", "--target", "python", tmp_path / "kit").succeeds()
    assert "python" in outcome.out
    assert f"{tmp_path / 'kit' / 'README.md'}" in outcome.err
    assert max(map(len, outcome.out.splitlines())) <= 80
    assert {"README.md", "model.onnx", "predict.py"} <= set(names(tmp_path / "kit"))


@pytest.mark.parametrize(
    ("text", "targets"), [("node,cpp", ["cpp", "node"]), ("all", sorted(TARGETS)), ("node,all", sorted(TARGETS))]
)
def test_several_targets_get_a_folder_each(trained, tmp_path, text, targets):
    trained("embed", "16-10", tmp_path / "kits", "--target", text).succeeds()
    assert sorted(path.name for path in (tmp_path / "kits").iterdir()) == targets


def test_json_lists_the_files(trained, tmp_path):
    document = trained("embed", "16-10", "--target", "python,triton", tmp_path / "kits", "--json").succeeds().json
    assert document["name"] == "16-10"
    for kit in document["kits"]:
        assert kit["folder"] == str(tmp_path / "kits" / kit["target"])
        assert kit["files"] == names(tmp_path / "kits" / kit["target"])
    model = tmp_path / "kits" / "python" / "model.onnx"
    assert document["sha256"] == hashlib.sha256(model.read_bytes()).hexdigest()


def test_a_file_by_its_path(trained, tmp_path):
    file = write_model(tmp_path / "mine.onnx")
    trained("embed", file, "--target", "triton", tmp_path / "kit").succeeds()
    assert (tmp_path / "kit" / "model_repository" / "mine" / "1" / "model.onnx").read_bytes() == file.read_bytes()


def test_the_folder_where_the_user_stands(trained, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    trained("embed", "16-10", "--target", "node", ".").succeeds()
    assert "digits.mjs" in os.listdir()
    assert [path.name for path in tmp_path.iterdir()] == ["here"]


def test_a_folder_in_use_is_refused_unless_forced(trained, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    trained("embed", "16-10", "--target", "python", tmp_path).fails_with("is not empty", "--force")
    assert names(tmp_path) == ["mine.txt"]
    trained("embed", "16-10", "--target", "python", tmp_path, "--force").succeeds()
    assert {"mine.txt", "README.md"} <= set(names(tmp_path))


def test_a_file_in_place_of_the_folder(trained, tmp_path):
    (tmp_path / "file").write_text("x")
    trained("embed", "16-10", "--target", "python", tmp_path / "file").fails_with("is a file")
    trained("embed", "16-10", "--target", "python", tmp_path / "file" / "kit").fails_with("cannot use")


@pytest.mark.parametrize("make", [write_other, lambda path: write_model(path, batch=1)])
def test_a_model_without_the_contract_is_refused(trained, tmp_path, make):
    file = make(tmp_path / "foreign.onnx")
    trained("embed", file, "--target", "all", tmp_path / "kit", "--json").fails_with(
        "foreign.onnx does not keep the contract", "uint8 [batch, 1, 28, 28]", "mnistbench export"
    )
    assert not (tmp_path / "kit").exists()


def test_a_damaged_file_is_refused(trained, tmp_path):
    (tmp_path / "x.onnx").write_bytes(b"this is no model")
    trained("embed", tmp_path / "x.onnx", "--target", "cpp", tmp_path / "kit").fails_with("x.onnx")
    trained("embed", tmp_path / "none.onnx", "--target", "cpp", tmp_path / "kit").fails_with("none.onnx")
    assert not (tmp_path / "kit").exists()


def test_data_that_is_not_there_leaves_nothing(trained, tmp_path):
    trained("embed", "16-10", "--target", "cpp", tmp_path / "kit", "--data-dir", tmp_path / "none").fails_with("none")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [["--target", "java"], ["--target", "python,"], ["--target", ""], []])
def test_targets_that_are_none_are_wrong_usage(trained, tmp_path, arguments):
    outcome = trained("embed", "16-10", *arguments, tmp_path / "kit")
    assert outcome.code == 2
    assert "--target" in outcome.err
    assert not (tmp_path / "kit").exists()


def test_names_that_are_none(trained, tmp_path):
    outcome = trained("embed", "table4", "--target", "cpp", tmp_path / "kit")
    assert outcome.code == 2
    assert "group" in outcome.err
    trained("embed", "64-64-x", "--target", "cpp", tmp_path / "kit").fails_with("64-64-x", code=2)
    trained("embed", "16-16-16-10", "--target", "cpp", tmp_path / "kit").fails_with("mnistbench train")


@pytest.fixture
def two_seeds(cli, monkeypatch):
    """A zoo with ``16-10`` of seed 1 and ``16-10@int8`` of seed 0."""
    # On 200 images one more error is half a point.
    monkeypatch.setattr(acceptance, "LARGEST_LOSSES", dict.fromkeys(PRECISIONS, 0.05))
    cli("train", "16-10", "--seeds", "0..1", "--epochs", 1, "--batch-size", 32).succeeds()
    cli("export", "16-10", "--seed", 0, "--precision", "fp32,int8").succeeds()
    cli("export", "16-10", "--seed", 1).succeeds()
    return cli


@pytest.mark.parametrize("target", ["huggingface", "all"])
def test_another_seed_in_another_precision_is_left_out_and_named(two_seeds, tmp_path, target):
    outcome = two_seeds("embed", "16-10", "--target", target, tmp_path / "kit", "--json").succeeds()
    told = [line for line in outcome.err.splitlines() if line.startswith("left out of the kit for Hugging Face: ")]
    assert len(told) == 1
    assert "16-10@int8" in told[0]
    assert told[0].endswith("run: mnistbench export 16-10 --precision fp32,int8")
    folder = tmp_path / "kit" / "huggingface" if target == "all" else tmp_path / "kit"
    assert [path.name for path in (folder / "onnx").iterdir()] == ["model.onnx"]
    assert "model_int8" not in (folder / "README.md").read_text(encoding="utf-8")
    # The command that it names puts both of one run into the kit.
    two_seeds("export", "16-10", "--precision", "fp32,int8").succeeds()
    again = two_seeds("embed", "16-10", "--target", "huggingface", tmp_path / "again").succeeds()
    assert "left out" not in again.err
    assert sorted(path.name for path in (tmp_path / "again" / "onnx").iterdir()) == ["model.onnx", "model_int8.onnx"]


def test_nothing_is_told_of_precisions_that_no_kit_would_have(two_seeds, tmp_path):
    assert "left out" not in two_seeds("embed", "16-10", "--target", "python", tmp_path / "kit").succeeds().err
