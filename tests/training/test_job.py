from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import pytest
from tiny import tiny_job

from mnistbench.catalog import find
from mnistbench.errors import ArtifactError, TrainingError
from mnistbench.training.job import LATER_FIELDS, Job, find_finished, key_of, make_job, read_finished
from mnistbench.training.recipes import DEFAULT, PAPER

OTHER: dict[str, Any] = {
    "network": find("9-10-dropout0.5"),
    "recipe": "other",
    "optimizer": "adam",
    "betas": (0.8, 0.99),
    "weight_decay": 0.02,
    "schedule": "constant",
    "selection": "best_on_test",
    "epochs": 4,
    "learning_rate": 0.02,
    "max_shift": 1,
    "label_smoothing": 0.1,
    "batch_size": 99,
    "seed": 1,
    "device": "cuda",
    "precision": "bfloat16",
    "dataset": "other",
    "dataset_sha256": "8" * 64,
    "evaluated_on": "validation",
    "initialization": "he",
    "max_rotation": 5.0,
    "max_scaling": 0.05,
}


def test_the_key_changes_with_each_field() -> None:
    job = tiny_job()
    assert set(OTHER) == {field.name for field in dataclasses.fields(Job)}
    keys = {job.key} | {dataclasses.replace(job, **{name: value}).key for name, value in OTHER.items()}
    assert len(keys) == 1 + len(OTHER)


@pytest.mark.parametrize("text", ["8-10", "8-10-dropout0.4", "P-8-10-dropout0.5", "4-P-8-10-dropout0.5"])
def test_the_key_changes_with_the_network(text: str) -> None:
    assert tiny_job(text).key != tiny_job().key


def test_the_key_changes_with_kernels_and_paddings() -> None:
    keys = {tiny_job(f"4-P-10{suffix}").key for suffix in ("", "-k5p2", "-k3p0", "-k3p2")}
    assert len(keys) == 4


def test_the_key_is_the_same_in_every_process_and_for_every_spelling() -> None:
    # A constant: a change of it makes everybody's finished runs invisible, so it must be meant (raise REVISION then).
    assert tiny_job().key == "4585ea4f3094"
    assert tiny_job("8-10-DROPOUT0.50").key == tiny_job().key
    assert tiny_job("lenet5").key == tiny_job("6-p-16-p-120-84-10").key == tiny_job("LeNet-5").key


def test_the_key_names_the_folder() -> None:
    job = tiny_job()
    assert len(job.key) == 12
    assert int(job.key, 16) >= 0
    assert job.folder(Path("runs")) == Path("runs/training/8-10-dropout0.5") / job.key


def test_the_document_says_everything_in_json() -> None:
    job = tiny_job("lenet5")
    document = json.loads(json.dumps(job.as_dict(), allow_nan=False))
    assert document == job.as_dict()
    assert (document["name"], document["kernel_sizes"], document["paddings"]) == (job.network.name, [5, 5], [2, 0])
    assert {field.name for field in dataclasses.fields(Job)} - {"network"} <= set(document)


@pytest.mark.parametrize("recipe", [DEFAULT, PAPER], ids=lambda recipe: recipe.name)
def test_the_recipe_says_what_is_not_said(recipe) -> None:
    network = find("lenet5")
    job = make_job(network, recipe, dataset="d", dataset_sha256="s", device="cpu", precision="float32")
    settings = recipe.settings(network.spec)
    assert (job.epochs, job.learning_rate, job.batch_size) == (settings.epochs, settings.learning_rate, 128)
    assert (job.optimizer, job.weight_decay, job.schedule) == (recipe.optimizer, recipe.weight_decay, recipe.schedule)
    assert (job.recipe, job.selection, job.seed, job.evaluated_on) == (recipe.name, recipe.selection, 0, "test")


def test_what_is_said_replaces_the_recipe() -> None:
    job = tiny_job(epochs=7, batch_size=13, learning_rate=0.5, seed=3)
    assert (job.epochs, job.batch_size, job.learning_rate, job.seed) == (7, 13, 0.5, 3)


def test_without_the_test_set_there_is_no_best_epoch_on_it() -> None:
    assert tiny_job(recipe="paper").selection == "best_on_test"
    assert tiny_job(recipe="paper", evaluated_on="validation").selection == "last"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "epochs 0 is too small; expected 1 or more"),
        ({"epochs": -3}, "epochs -3 is too small"),
        ({"batch_size": 0}, "batch size 0 is too small; expected 1 or more"),
        ({"seed": -1}, "seed -1 is too small; expected 0 or more"),
        ({"seed": 2**32}, "seed 4294967296 is too large; expected 4294967295 or less"),
        ({"epochs": 10_001}, "epochs 10001 is too large; expected 10000 or less"),
        ({"label_smoothing": float("nan")}, "label smoothing nan is out of range"),
        ({"label_smoothing": 1.0}, "label smoothing 1.0 is out of range"),
        ({"max_rotation": 45.1}, "rotation 45.1 is out of range; expected 0 to 45 degrees"),
        ({"max_rotation": float("nan")}, "rotation nan is out of range"),
        ({"max_scaling": 0.51}, "scaling 0.51 is out of range; expected 0 to 0.5"),
        ({"max_scaling": -0.1}, "scaling -0.1 is out of range"),
        ({"learning_rate": 0.0}, "learning rate 0.0 is out of range; expected a positive number"),
        ({"learning_rate": -0.1}, "learning rate -0.1 is out of range"),
        ({"learning_rate": float("nan")}, "learning rate nan is out of range"),
        ({"learning_rate": float("inf")}, "learning rate inf is out of range"),
    ],
)
def test_numbers_out_of_range_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(TrainingError) as caught:
        tiny_job(**changes)
    assert message in str(caught.value)


def test_an_unknown_initialization_is_refused() -> None:
    with pytest.raises(TrainingError, match="unknown initialization 'zeros'; expected one of torch, glorot, he"):
        tiny_job(initialization="zeros")


def test_a_configuration_of_before_a_field_came_has_the_hash_it_had() -> None:
    document = tiny_job(initialization="torch").as_dict()
    key = key_of(document)
    assert key == "4585ea4f3094"
    for later in LATER_FIELDS:
        del document[later]
    assert key_of(document) == key
    assert tiny_job(initialization="he").key != key


def test_zero_has_one_hash_however_it_is_written() -> None:
    jobs = [tiny_job(label_smoothing=zero) for zero in (0, 0.0, -0.0)]
    assert len({job.key for job in jobs}) == 1
    assert jobs[0].key == tiny_job().key


RESULT = {
    "schema_version": 1,
    "kind": "training",
    **dict.fromkeys(("notation", "device", "precision", "dataset", "dataset_sha256", "weights_sha256", "job"), "x"),
    **dict.fromkeys(("epochs", "batch_size", "selected_epoch"), 1),
    **dict.fromkeys(("dropout", "num_threads", "num_errors", "error_rate", "error_rate_low", "error_rate_high"), 0),
    **dict.fromkeys(("epoch_seconds", "first_epoch_seconds"), 0),
    "num_images": 10,
    "name": "8-10",
    "recipe": "default",
    "seed": 0,
    "evaluated_on": "test",
    "selection": "last",
    "history": [],
    "environment": {
        **dict.fromkeys(("python", "platform", "cpu"), "x"),
        **dict.fromkeys(("cpus_usable", "memory_bytes"), 1),
        "cpu_features": [],
        "gpus": [],
        "packages": {},
    },
}


def finished(work_dir: Path, folder: str, seconds: int, **changes: Any) -> None:
    path = work_dir / "training" / "8-10" / folder
    path.mkdir(parents=True)
    (path / "weights.safetensors").write_bytes(b"")
    (path / "result.json").write_text(json.dumps(RESULT | changes))
    os.utime(path / "result.json", (seconds, seconds))


def test_the_newest_finished_run_is_found(tmp_path: Path) -> None:
    for folder, seconds in (("a", 100), ("b", 300), ("c", 200)):
        finished(tmp_path, folder, seconds)
    run = find_finished(tmp_path, "8-10")
    assert run is not None
    assert run.folder.name == "b"
    assert run.weights == run.folder / "weights.safetensors"
    assert find_finished(tmp_path, "9-10") is None


def test_runs_are_chosen_by_seed_and_recipe_and_validation_runs_never(tmp_path: Path) -> None:
    finished(tmp_path, "old", 1, seed=0)
    finished(tmp_path, "seed", 2, seed=1)
    finished(tmp_path, "paper", 3, recipe="paper")
    finished(tmp_path, "held-out", 4, evaluated_on="validation", seed=2)

    def found(**wanted: Any) -> str | None:
        run = find_finished(tmp_path, "8-10", **wanted)
        return None if run is None else run.folder.name

    assert found() == "paper"
    assert found(recipe="default") == "seed"
    assert found(seed=0) == "paper"
    assert found(seed=0, recipe="default") == "old"
    assert found(seed=1, recipe="paper") is None
    assert found(seed=2) is None


@pytest.mark.parametrize("missing", ["result.json", "weights.safetensors"])
def test_a_run_without_result_or_weights_is_unfinished(tmp_path: Path, missing: str) -> None:
    finished(tmp_path, "a", 1)
    folder = tmp_path / "training" / "8-10" / "a"
    (folder / missing).unlink()
    assert read_finished(folder) is None
    assert find_finished(tmp_path, "8-10") is None


def test_other_files_beside_the_runs_do_not_matter(tmp_path: Path) -> None:
    finished(tmp_path, "a", 1)
    (tmp_path / "training" / "8-10" / "notes.txt").write_text("x")
    assert find_finished(tmp_path, "8-10") is not None


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"\xff", b'{"kind": "training", "schema_version": 2}', b"[" * 300_000],
    ids=lambda c: repr(c[:6]),
)
def test_a_damaged_result_is_named(tmp_path: Path, content: bytes) -> None:
    finished(tmp_path, "a", 1)
    file = tmp_path / "training" / "8-10" / "a" / "result.json"
    file.write_bytes(content)
    with pytest.raises(ArtifactError, match=r"result\.json is damaged .*delete the folder .* and train again"):
        find_finished(tmp_path, "8-10")
