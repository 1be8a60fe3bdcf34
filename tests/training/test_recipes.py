from __future__ import annotations

import subprocess
import sys

import pytest

from mnistbench.catalog import NETWORKS, find
from mnistbench.errors import TrainingError
from mnistbench.spec import NetworkSpec
from mnistbench.training.recipes import DEFAULT, PAPER, RECIPES, SPEEDRUN, SPEEDRUN_NETWORK, family, find_recipe


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("10", "narrow"),
        ("16-10", "narrow"),
        ("64-16-10", "narrow"),
        ("17-10", "dense"),
        ("64-64-10", "dense"),
        ("999-10", "dense"),
        ("1000-500-10", "wide"),
        ("1500-1000-500-10-dropout0.25", "wide"),
        ("1500-16-10", "narrow"),
        ("lenet5", "convolutional"),
        ("32-P-32-P-1000-500-10", "convolutional"),
        ("largest", "deep"),
        ("8-8-P-8-P-10", "deep"),
        ("P-16-10", "narrow"),
    ],
)
def test_the_family_is_what_limits_a_network(name: str, expected: str) -> None:
    assert family(find(name).spec) == expected


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_every_network_has_usable_settings_in_every_recipe(recipe) -> None:
    for network in NETWORKS:
        settings = recipe.settings(network.spec)
        assert 1 <= settings.epochs <= 30
        assert 0 < settings.learning_rate <= 0.05
    assert recipe.batch_size == 128


def test_the_papers_recipe_is_the_papers() -> None:
    assert (PAPER.optimizer, PAPER.weight_decay, PAPER.schedule) == ("adam", 0.0, "constant")
    assert PAPER.selection == "best_on_test"
    assert {(s.epochs, s.learning_rate) for s in PAPER.families.values()} == {(15, 0.001)}
    assert {s.initialization for s in PAPER.families.values()} == {"glorot"}


def test_the_default_recipe_never_looks_at_the_test_set() -> None:
    assert DEFAULT.selection == "last"
    assert RECIPES[0] is DEFAULT


def test_the_papers_recipe_changes_no_image_and_no_target() -> None:
    changes = {(s.max_shift, s.max_rotation, s.max_scaling, s.label_smoothing) for s in PAPER.families.values()}
    assert changes == {(0, 0.0, 0.0, 0.0)}


def test_the_speedrun_is_one_epoch_of_the_network_it_is_made_for() -> None:
    network = find(SPEEDRUN_NETWORK)
    assert network.name == SPEEDRUN_NETWORK
    assert SPEEDRUN.settings(network.spec).epochs == 1
    assert SPEEDRUN.selection == "last"


def test_a_recipe_is_found_by_its_name_alone() -> None:
    assert find_recipe("paper") is PAPER
    assert find_recipe("default") is DEFAULT
    for name in ("", "Paper", "best"):
        with pytest.raises(TrainingError, match=f"unknown recipe '{name}'; expected one of default, paper, speedrun"):
            find_recipe(name)


def test_settings_depend_on_the_layers_and_not_on_dropout() -> None:
    for dropout in (0.0, 0.5):
        spec = NetworkSpec.from_notation("64-64-10", dropout=dropout)
        assert DEFAULT.settings(spec) is DEFAULT.families["dense"]


def test_naming_recipes_and_jobs_costs_neither_torch_nor_onnx() -> None:
    code = (
        "import sys, mnistbench.training.recipes, mnistbench.training.job; "
        "assert not {'torch', 'onnx', 'safetensors'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
