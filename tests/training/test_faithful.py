from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest
from records import record

from mnistbench.catalog import find
from mnistbench.data.sources import MNIST
from mnistbench.published import read_published
from mnistbench.results import RunRecord
from mnistbench.training.faithful import follows_recipe
from mnistbench.training.job import make_job
from mnistbench.training.recipes import RECIPES, find_recipe


def faithful(name: str = "16-10", recipe: str = "default", seed: int = 3, device: str = "cpu", **changed) -> RunRecord:
    job = make_job(
        find(name),
        find_recipe(recipe),
        dataset="mnist",
        dataset_sha256=changed.pop("dataset_sha256", MNIST.combined_sha256()),
        device=device.partition(":")[0],
        precision="float32",
        seed=seed,
        **changed,
    )
    return record(name, recipe=recipe, seed=seed, device=device, job=job.key)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
@pytest.mark.parametrize("name", ["16-10", "lenet5-dropout", "largest", "24-P-48-P-96-10"])
@pytest.mark.parametrize("device", ["cpu", "cuda:1"])
def test_a_run_of_the_recipe_counts_on_every_device(recipe, name, device) -> None:
    assert follows_recipe(faithful(find(name).name, recipe.name, device=device))


@pytest.mark.parametrize(
    "changed",
    [
        {"epochs": 2},
        {"batch_size": 64},
        {"learning_rate": 0.5},
        {"max_shift": 3},
        {"label_smoothing": 0.3},
        {"initialization": "he"},
        {"max_rotation": 5},
        {"max_scaling": 0.05},
        {"evaluated_on": "validation"},
        {"dataset_sha256": "ab" * 32},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_no_option_goes_unnoticed(changed) -> None:
    assert not follows_recipe(faithful(**changed))


@pytest.mark.parametrize(
    "other", [{"seed": 4}, {"device": "cuda"}, {"precision": "bfloat16"}, {"precision": "int8"}, {"recipe": "paper"}]
)
def test_a_record_must_be_of_the_run_it_names(other) -> None:
    assert not follows_recipe(dataclasses.replace(faithful(), **other))


@pytest.mark.parametrize("other", [{"recipe": "gone"}, {"name": "no-network"}, {"dataset": "fashion"}])
def test_what_is_not_known_here_does_not_count(other) -> None:
    assert not follows_recipe(dataclasses.replace(faithful(), **other))


def test_every_committed_record_is_of_todays_recipes() -> None:
    assert [run.name for run in read_published().runs if not follows_recipe(run)] == []


def test_the_check_costs_no_torch() -> None:
    code = "import sys, mnistbench.training.faithful; assert not {'torch', 'onnx', 'safetensors'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
