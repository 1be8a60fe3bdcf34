"""``mnistbench results`` and ``compare-accuracy``: tables, JSON, saved files and what goes wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from records import ENVIRONMENT, record, seeds, whole_paper
from test_published import put, training

from mnistbench import artifacts, published
from mnistbench.catalog import NETWORKS, find
from mnistbench.data.sources import MNIST
from mnistbench.published import Published, environment_key, read_published, save_published
from mnistbench.results import TrainingResult
from mnistbench.training.job import make_job
from mnistbench.training.recipes import DEFAULT

KEYS = (
    "name notation dropout table row paper_error errors median_error seeds epochs range interval "
    "new_seed_range verdict recipes"
)


@pytest.fixture
def committed(tmp_path, monkeypatch) -> Path:
    """Where the committed results would be; the file is not there yet."""
    file = tmp_path / "committed" / "results.json"
    monkeypatch.setattr(published, "published_file", lambda: file)
    return file


def as_the_recipe_says(name: str = "16-10", num_errors: int = 400, **changes) -> TrainingResult:
    """A result whose hash is that of the recipe ``default`` for the network."""
    network = find(name)
    job = make_job(
        network,
        DEFAULT,
        dataset="mnist",
        dataset_sha256=MNIST.combined_sha256(),
        device="cpu",
        precision="float32",
        seed=changes.get("seed", 0),
    )
    own = {"epochs": job.epochs, "learning_rate": job.learning_rate, "max_shift": job.max_shift, "job": job.key}
    return training(name, num_errors, **(own | changes))


def save(file: Path, runs) -> None:
    save_published(file, Published(tuple(runs), {environment_key(ENVIRONMENT): ENVIRONMENT}))


def test_the_committed_results_are_shown(cli, committed):
    save(committed, whole_paper())
    shown = cli("results").succeeds()
    assert "Table 6" in shown.out
    assert "29 of 29 at or below the paper's error." in " ".join(shown.out.split())
    assert max(map(len, shown.out.splitlines())) <= 80


def test_json_has_one_object_a_network(cli, committed):
    save(committed, [*seeds("16-10", [400, 410, 430]), *seeds("16-10", [490, 500], "paper")])
    rows = cli("results", "--json").succeeds().json
    assert [row["name"] for row in rows] == [network.name for network in NETWORKS]
    assert all(list(row) == KEYS.split() for row in rows)
    assert rows[0]["errors"] == {"default": [0.04, 0.041, 0.043], "paper": [0.049, 0.05]}
    assert (rows[0]["median_error"], rows[0]["verdict"]) == (0.041, "at or below")
    only = cli("results", "16-10", "--recipe", "paper", "--json").succeeds().json
    assert [list(row["errors"]) for row in only] == [["paper"]]


def test_without_committed_results_a_line_says_so(cli, committed):
    shown = cli("results").succeeds()
    assert shown.out == ""
    assert "mnistbench results --work-dir runs" in shown.err
    rows = cli("results", "--json").succeeds().json
    assert len(rows) == 29
    assert {row["verdict"] for row in rows} == {None}
    assert len(cli("results", "--claims", "--json").succeeds().json["claims"]) == 11


def test_a_damaged_committed_file_is_one_line(cli, committed):
    committed.parent.mkdir()
    committed.write_text("{", encoding="utf-8")
    cli("results", "--json").fails_with("results.json cannot be read", "restore it")


def test_ones_own_runs_are_shown_and_damaged_ones_told(cli, committed, tmp_path):
    put(tmp_path / "mine", as_the_recipe_says())
    put(tmp_path / "mine", as_the_recipe_says("24-P-48-P-96-10", 123), "own")
    put(tmp_path / "mine", training("64-10"), "bad").write_text("{", encoding="utf-8")
    shown = cli("results", "--work-dir", tmp_path / "mine").succeeds()
    assert "4.00" in shown.out
    assert "Not in the paper" in shown.out
    assert "passed over" in shown.err
    assert not committed.exists()


def test_runs_with_other_settings_do_not_pass_for_the_recipe(cli, committed, tmp_path):
    put(tmp_path, as_the_recipe_says())
    put(tmp_path, as_the_recipe_says(num_errors=399, job="ab" * 6), "changed", age=-5)
    shown = cli("results", "--work-dir", tmp_path, "--json").succeeds()
    assert shown.json[0]["errors"] == {"default": [0.04]}
    assert "passed over, for other settings than their recipe's: 1" in shown.err


def test_a_folder_without_runs_and_one_that_is_missing(cli, committed, tmp_path):
    assert "no finished runs" in cli("results", "--work-dir", tmp_path).succeeds().err
    cli("results", "--work-dir", tmp_path / "absent").fails_with("no such folder")
    cli("results", "lenet6").fails_with("lenet5", code=2)


def test_runs_on_other_images_do_not_count(trained, committed):
    assert "no finished runs" in trained("results", "--work-dir", trained.work).succeeds().err


def test_saving_merges_and_keeps_the_manifests_models(cli, committed, tmp_path):
    zoo = tmp_path / "zoo"
    zoo.mkdir()
    manifest = {"schema_version": 1, "kind": "zoo", "models": [], "note": "stays"}
    (zoo / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    save(zoo / "results.json", [record("64-10", 200), record("16-10", 444)])
    put(tmp_path / "mine", as_the_recipe_says())
    cli("results", "--work-dir", tmp_path / "mine", "--save", zoo / "results.json").succeeds()
    assert [(run.name, run.num_errors) for run in read_published(zoo / "results.json").runs] == [
        ("16-10", 400),
        ("64-10", 200),
    ]
    written = json.loads((zoo / "manifest.json").read_text(encoding="utf-8"))
    assert written["note"] == "stays"
    assert [(entry["name"], entry["errors"]) for entry in written["results"]] == [("16-10", [0.04]), ("64-10", [0.02])]
    assert artifacts.read_manifest(zoo) == ()


@pytest.mark.parametrize("option", ["--save", "--plot-accuracy", "--plot-curves"])
def test_an_output_that_is_not_written_is_a_failure(cli, committed, tmp_path, option):
    shown = cli("results", "--work-dir", tmp_path, option, tmp_path / "new")
    assert shown.code == 1
    assert f"nothing to write for {option}" in shown.err
    assert not (tmp_path / "new").exists()


def test_a_result_with_nan_is_told_as_damaged(cli, committed, tmp_path):
    damaged = put(tmp_path / "mine", as_the_recipe_says())
    document = json.loads(damaged.read_text(encoding="utf-8"))
    damaged.write_text(json.dumps(document | {"epoch_seconds": float("nan")}), encoding="utf-8")
    put(tmp_path / "mine", as_the_recipe_says("64-10", 200))
    shown = cli("results", "--work-dir", tmp_path / "mine", "--save", tmp_path / "new.json").succeeds()
    assert "is damaged" in shown.err
    assert "NaN is no number of JSON" in shown.err
    assert [run.name for run in read_published(tmp_path / "new.json").runs] == ["64-10"]


def test_saving_over_a_damaged_file_is_refused(cli, committed, tmp_path):
    put(tmp_path / "mine", as_the_recipe_says())
    (tmp_path / "new.json").write_text("{", encoding="utf-8")
    cli("results", "--work-dir", tmp_path / "mine", "--save", tmp_path / "new.json").fails_with("new.json")
    assert (tmp_path / "new.json").read_text(encoding="utf-8") == "{"


def test_claims_are_printed_with_their_rule(cli, committed):
    save(committed, whole_paper())
    shown = cli("results", "--claims").succeeds().out
    assert "1000-500-10 overfits" in shown
    assert "Table 1" not in shown
    assert max(map(len, shown.splitlines())) <= 80
    claims = cli("results", "--claims", "--recipe", "paper", "--json").succeeds().json["claims"]
    assert {claim["recipe"] for claim in claims} == {"paper"}
    assert len(claims) == 6
    again = cli("results", "--claims", "--recipe", "paper", "--recipe", "paper", "--json").succeeds().json["claims"]
    assert again == claims
    cli("results", "16-10", "--claims").fails_with("leave out NAMES", code=2)


def test_pictures_are_drawn(cli, committed, tmp_path):
    pytest.importorskip("matplotlib")
    save(committed, seeds("16-10", [400, 410, 430]))
    files = [tmp_path / "pictures" / "a.png", tmp_path / "c.png"]
    shown = cli("results", "--json", "--plot-accuracy", files[0], "--plot-curves", files[1]).succeeds()
    assert len(shown.json) == 29
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in files)


def test_without_matplotlib_the_extra_is_named(cli, committed, tmp_path):
    save(committed, seeds("16-10", [400]))
    script = "import sys; sys.modules['matplotlib'] = None\n"
    script += "from pathlib import Path; from mnistbench import published; from mnistbench.cli import root\n"
    script += f"published.published_file = lambda: Path({str(committed)!r})\n"
    files = [str(tmp_path / "c.png"), str(tmp_path / "saved.json")]
    script += f"root.main(['results', '--plot-curves', {files[0]!r}, '--save', {files[1]!r}])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "mnistbench[plots]" in done.stderr
    assert "Traceback" not in done.stderr
    assert not any(Path(file).exists() for file in files)


def test_two_models_are_compared(trained):
    shown = trained("compare-accuracy", "16-10", "24-P-48-P-96-10").succeeds()
    assert "A: 16-10, B: 24-P-48-P-96-10" in shown.out
    assert "Verdict: " in shown.out
    document = trained("compare-accuracy", "16-10", trained.work / "zoo" / "16-10.onnx", "--json").succeeds().json
    assert (document["kind"], document["p_value"], document["better"]) == ("comparison", 1.0, None)
    assert (document["answers_differ"], document["only_a_wrong"], document["only_b_wrong"]) == (0, 0, 0)
    assert document["both_right"] + document["both_wrong"] == document["a"]["num_images"] == 200
    assert document["a"]["paper_error"] is None  # the images are not MNIST's


def test_what_cannot_be_compared_says_why(trained, tmp_path):
    trained("compare-accuracy", "16-10", "12-12-10").fails_with("mnistbench train 12-12-10")
    for group in ("quick", "table6", "ALL"):
        refused = trained("compare-accuracy", "16-10", group).fails_with("name one network", code=2)
        assert "passed over" not in refused.err
    refused = trained("compare-accuracy", "16-10", "16-10", "--device", "all").fails_with("cuda:N", code=2)
    assert "or all" not in refused.err
    trained("compare-accuracy", "16-10", "16-10", "--input-range", "0..2").fails_with("--input-range", code=2)
    trained("compare-accuracy", "16-10", tmp_path / "none.onnx").fails_with("none.onnx")
    trained("compare-accuracy", "16-10").fails_with("B", code=2)


@pytest.fixture
def foreign(trained, tmp_path) -> Path:
    """A model that takes 784 numbers from 0 to 1, under a name that a terminal would obey."""
    weights = numpy_helper.from_array(np.random.default_rng(0).normal(size=(784, 10)).astype(np.float32), "weights")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "weights"], ["y"]), helper.make_node("Neg", ["y"], ["z"])],
        "foreign",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 784])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 10]) for name in ("y", "z")],
        [weights],
    )
    file = tmp_path / "their\x1b[31ms.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), file)
    return file


def test_a_foreign_model_is_fed_as_told_and_ours_as_ever(trained, foreign):
    options = ("--input-layout", "flat", "--input-range", "0..1", "--output-name", "z")
    shown = trained("compare-accuracy", "16-10", foreign, *options).succeeds()
    assert "How models were fed" in shown.out
    assert "flat" in shown.out
    assert "\x1b" not in shown.out + shown.err
    assert r"their\x1b[31ms" in shown.out
    plain = trained("compare-accuracy", "16-10", "16-10", "--json").succeeds().json
    document = trained("compare-accuracy", foreign, "16-10", *options, "--json").succeeds().json
    assert document["b"] == plain["b"]
    assert [document["a"]["input"][key] for key in ("layout", "value_range")] == ["flat", "0..1"]
    other = trained("compare-accuracy", foreign, "16-10", *options[:-1], "y", "--json").succeeds().json
    assert other["a"]["num_errors"] != document["a"]["num_errors"]


def test_evaluate_suggests_no_devices_together(trained):
    refused = trained("evaluate", "16-10", "--device", "all").fails_with("cuda:N", code=2)
    assert "or all" not in refused.err
