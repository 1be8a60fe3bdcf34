from __future__ import annotations

import dataclasses
import json
import os
import random
import sys
from pathlib import Path
from subprocess import run as run_process

import pytest
from records import ENVIRONMENT, record, seeds

from mnistbench.artifacts import bundled_zoo
from mnistbench.catalog import NETWORKS, find
from mnistbench.errors import ArtifactError
from mnistbench.measure.summary import manifest_results, summarize
from mnistbench.published import (
    Published,
    collect_runs,
    environment_key,
    merge,
    published_file,
    read_published,
    record_of,
    save_published,
)
from mnistbench.results import EpochResult, TrainingResult

KEY = environment_key(ENVIRONMENT)


def published(*runs) -> Published:
    return Published(tuple(runs), {KEY: ENVIRONMENT})


def training(name: str = "16-10", num_errors: int = 400, **changes) -> TrainingResult:
    spec = find(name).spec
    values = {
        "name": name,
        "notation": spec.notation,
        "dropout": spec.dropout,
        "recipe": "default",
        "seed": 0,
        "epochs": 2,
        "batch_size": 128,
        "device": "cpu",
        "precision": "float32",
        "num_threads": 1,
        "dataset": "mnist",
        "dataset_sha256": "ab" * 32,
        "evaluated_on": "test",
        "selection": "last",
        "selected_epoch": 2,
        "num_errors": num_errors,
        "num_images": 10_000,
        "error_rate": num_errors / 10_000,
        "error_rate_low": 0.0,
        "error_rate_high": 1.0,
        "epoch_seconds": 1.2345678,
        "first_epoch_seconds": 2.0,
        "history": (EpochResult(1, 0.71234567, 900, 10_000, 2.0), EpochResult(2, 0.4, num_errors, 10_000, 1.0)),
        "weights_sha256": "cd" * 32,
        "job": "0123456789ab",
        "environment": ENVIRONMENT,
        "learning_rate": 0.02,
        "max_shift": 2,
    }
    return TrainingResult(**(values | changes))


def put(work: Path, result: TrainingResult, job: str = "aaa", *, age: int = 0) -> Path:
    file = work / "training" / result.name / job / "result.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(result.as_dict()), encoding="utf-8")
    os.utime(file, (1_000_000 - age, 1_000_000 - age))
    return file


def test_a_record_keeps_what_the_tables_need():
    kept = record_of(training())
    assert (kept.epoch_errors, kept.epoch_losses) == ((900, 400), (0.71235, 0.4))
    assert (kept.learning_rate, kept.max_shift, kept.error_rate, kept.environment) == (0.02, 2, 0.04, KEY)


def test_what_is_saved_comes_back_in_the_papers_order(tmp_path):
    runs = [*seeds("32-P-32-10", [130, 131]), *seeds("16-10", [400], "paper"), *seeds("16-10", [430, 410])]
    random.Random(1).shuffle(runs)
    file = tmp_path / "new" / "results.json"
    assert save_published(file, published(*runs)) == read_published(file)
    found = read_published(file)
    assert [(r.name, r.recipe, r.seed) for r in found.runs] == [
        ("16-10", "default", 0),
        ("16-10", "default", 1),
        ("16-10", "paper", 0),
        ("32-P-32-10", "default", 0),
        ("32-P-32-10", "default", 1),
    ]
    assert set(found.runs) == set(runs)
    assert found.environments == {KEY: ENVIRONMENT}


def test_the_file_has_one_record_a_line_and_the_same_bytes_each_time(tmp_path):
    file = tmp_path / "results.json"
    save_published(file, published(*seeds("16-10", [400, 410, 420])))
    before = file.read_text(encoding="utf-8")
    save_published(file, published(record("16-10", 410, seed=1)))
    assert file.read_text(encoding="utf-8") == before
    assert [json.loads(line.rstrip(","))["seed"] for line in before.splitlines() if '"weights_sha256"' in line] == [
        0,
        1,
        2,
    ]


def test_nothing_is_read_where_there_is_no_file_and_nothing_can_be_saved(tmp_path):
    assert read_published(tmp_path / "absent.json") == Published()
    save_published(tmp_path / "empty.json", Published())
    assert read_published(tmp_path / "empty.json") == Published()


def test_a_newer_run_replaces_one_of_the_same_network_recipe_and_seed():
    old = published(*seeds("16-10", [400, 410]), record("16-10", 450, recipe="paper"))
    other = dataclasses.replace(ENVIRONMENT, cpu="another")
    newer = record("16-10", 390, seed=1, job="later", environment=environment_key(other))
    merged = merge(old, Published((newer,), {environment_key(other): other}))
    assert [(r.recipe, r.seed, r.num_errors) for r in merged.runs] == [
        ("default", 0, 400),
        ("default", 1, 390),
        ("paper", 0, 450),
    ]
    assert set(merged.environments) == {KEY, environment_key(other)}


def test_environments_that_no_run_names_go():
    assert merge(Published((), {KEY: ENVIRONMENT}), Published()) == Published()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "{}",
        "\0",
        pytest.param("[" * 300_000, id="deep"),
        '{"kind": "published_results", "schema_version": 1}',
        '{"kind": "published_results", "schema_version": 2, "environments": {}, "runs": []}',
        '{"kind": "published_results", "schema_version": 1, "environments": [], "runs": []}',
        '{"kind": "published_results", "schema_version": 1, "environments": {}, "runs": [{}]}',
        '{"kind": "published_results", "schema_version": 1, "environments": {}, "runs": [3]}',
    ],
)
def test_a_damaged_file_says_what_to_do_and_is_left_as_it_is(tmp_path, content):
    file = tmp_path / "results.json"
    file.write_text(content, encoding="utf-8")
    for attempt in (lambda: read_published(file), lambda: save_published(file, published(record()))):
        with pytest.raises(ArtifactError, match=r"results\.json cannot be read.*restore it"):
            attempt()
    assert file.read_text(encoding="utf-8") == content


@pytest.mark.parametrize(
    "changes",
    [
        {"num_errors": -1},
        {"num_errors": "400"},
        {"num_images": 0},
        {"epoch_errors": [20_000]},
        {"epoch_errors": ["1"]},
        {"epoch_losses": [float("nan")]},
        {"seed": None},
        {"name": 3},
        {"environment": "elsewhere"},
    ],
)
def test_a_record_with_impossible_figures_is_damage(tmp_path, changes):
    file = tmp_path / "results.json"
    save_published(file, published(record()))
    document = json.loads(file.read_text(encoding="utf-8"))
    document["runs"][0].update(changes)
    file.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(ArtifactError, match="cannot be read"):
        read_published(file)


def test_finished_runs_are_collected_from_a_work_folder(tmp_path):
    put(tmp_path, training(seed=1), "a")
    put(tmp_path, training("64-10", 200, recipe="paper", selection="best_on_test"), "b")
    put(tmp_path, training(evaluated_on="validation"), "c")
    put(tmp_path, training(dataset="patterns"), "d")
    (tmp_path / "training" / "16-10" / "unfinished").mkdir()
    found = collect_runs(tmp_path)
    assert [(r.name, r.recipe, r.seed) for r in found.runs] == [("16-10", "default", 1), ("64-10", "paper", 0)]
    assert found.environments == {KEY: ENVIRONMENT}
    assert [r.name for r in collect_runs(tmp_path, ["64-10"]).runs] == ["64-10"]
    assert [r.name for r in collect_runs(tmp_path, recipes=["default"]).runs] == ["16-10"]
    assert collect_runs(tmp_path / "absent") == Published()


def test_the_newest_of_several_runs_of_one_seed_counts(tmp_path):
    put(tmp_path, training(num_errors=300, job="new"), "aaa", age=0)
    put(tmp_path, training(num_errors=500, job="old"), "zzz", age=50)
    assert [run.num_errors for run in collect_runs(tmp_path).runs] == [300]


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"kind": "training"}', "\0", pytest.param("[" * 300_000, id="deep")]
)
def test_damaged_runs_are_told_and_passed_over(tmp_path, content):
    put(tmp_path, training(), "good")
    damaged = put(tmp_path, training(seed=1), "bad")
    damaged.write_text(content, encoding="utf-8")
    impossible = put(tmp_path, training(seed=2), "impossible")
    document = json.loads(impossible.read_text(encoding="utf-8"))
    impossible.write_text(json.dumps(document | {"num_errors": 10_001}), encoding="utf-8")
    told: list[str] = []
    assert [run.seed for run in collect_runs(tmp_path, on_damaged=told.append).runs] == [0]
    assert len(told) == 2
    assert any(str(damaged) in text and "train again" in text for text in told)
    assert any(str(impossible) in text for text in told)


def test_results_are_read_without_torch(tmp_path):
    save_published(tmp_path / "results.json", published(record()))
    script = (
        "import sys; sys.modules.update(dict.fromkeys(['torch', 'onnx', 'onnxruntime', 'rich', 'click']))\n"
        "from pathlib import Path; from mnistbench.published import collect_runs, read_published\n"
        f"assert len(read_published(Path({str(tmp_path / 'results.json')!r})).runs) == 1; collect_runs(Path('none'))"
    )
    run_process([sys.executable, "-c", script], check=True)


def test_the_manifest_says_what_the_published_results_say():
    manifest = json.loads((bundled_zoo() / "manifest.json").read_text(encoding="utf-8"))
    assert manifest.get("results", []) == manifest_results(summarize(read_published().runs))


def test_the_published_results_are_of_the_papers_networks():
    names = {network.name for network in NETWORKS}
    assert published_file().name == "results.json"
    for run in read_published().runs:
        assert run.name in names
        assert run.dataset == "mnist"
        assert run.num_images == 10_000
        assert len(run.epoch_errors) == len(run.epoch_losses) == run.epochs <= 30
        assert run.epoch_errors[run.selected_epoch - 1] == run.num_errors
