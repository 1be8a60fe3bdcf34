from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import onnx
import pytest
from ensembles import saved, tiny_model
from onnx import numpy_helper

from mnistbench.errors import ExportError
from mnistbench.training import agreement as agreement_module
from mnistbench.training.agreement import (
    MAX_PROBABILITY_DIFFERENCE,
    Agreement,
    compare_with_members,
    require_agreement,
)
from mnistbench.training.graph import to_bytes
from mnistbench.training.member import Member, read_member
from mnistbench.training.merge import merge_models

IMAGES = np.random.default_rng(1).integers(0, 256, (70, 28, 28), dtype=np.uint8)
LABELS = np.arange(70) % 10


@pytest.fixture
def members(tmp_path: Path) -> list[Member]:
    return [read_member(saved(tiny_model(seed=seed), tmp_path, str(seed))) for seed in range(3)]


def merged(members: list[Member]) -> onnx.ModelProto:
    return merge_models([member.model for member in members], name="all")


def compare(model: onnx.ModelProto, members: list[Member]) -> Agreement:
    return compare_with_members(to_bytes(model), members, IMAGES, LABELS)


@pytest.mark.parametrize("batch", [500, 64, 1])
def test_a_true_mean_passes(members, monkeypatch, batch):
    monkeypatch.setattr(agreement_module, "_BATCH", batch)
    told = []
    found = compare_with_members(
        to_bytes(merged(members)), members, IMAGES, LABELS, on_progress=lambda *pair: told.append(pair)
    )
    require_agreement(found)
    assert (found.num_images, found.label_differences) == (70, 0)
    assert found.max_probability_difference <= MAX_PROBABILITY_DIFFERENCE
    assert told[-1] == (70, 70)
    assert len(told) == math.ceil(70 / batch)


def test_errors_are_counted_of_all_and_of_each(members):
    found = compare(merged(members), members)
    alone = [compare(merged([member, member]), [member, member]) for member in members]
    assert found.member_errors == tuple(one.num_errors for one in alone)
    assert 0 < found.num_errors < 70


def node(model: onnx.ModelProto, name: str) -> onnx.NodeProto:
    return next(one for one in model.graph.node if one.name == name)


def change(model: onnx.ModelProto, name: str, number: float) -> None:
    tensor = next(one for one in model.graph.initializer if one.name == name)
    array = np.full(numpy_helper.to_array(tensor).shape, number, np.float32)
    tensor.CopyFrom(numpy_helper.from_array(array, name))


def another_share(model):
    change(model, "member_share", 0.333)


def other_weights(model):
    change(model, "member2.fc2.bias", 0.3)


def no_number(model):
    change(model, "member2.fc2.bias", math.nan)


def least_likely(model):
    node(model, "label").op_type = "ArgMin"


def label_of_a_member(model):
    node(model, "label").input[0] = "member1.probabilities"


def member_twice(model):
    node(model, "sum3").input[1] = "member2.probabilities"


def logits_of_a_member(model):
    node(model, "logits").input[0] = "member1.probabilities"


@pytest.mark.parametrize(
    "damage",
    [another_share, other_weights, no_number, least_likely, label_of_a_member, member_twice, logits_of_a_member],
)
def test_what_is_no_mean_is_refused(members, damage):
    model = merged(members)
    damage(model)
    with pytest.raises(ExportError, match="nothing is written"):
        require_agreement(compare(model, members))


@pytest.mark.parametrize(
    ("differences", "largest", "passes"),
    [
        (0, 0.0, True),
        (0, MAX_PROBABILITY_DIFFERENCE, True),
        (0, 1.001 * MAX_PROBABILITY_DIFFERENCE, False),
        (1, 0.0, False),
        (0, math.nan, False),
        (0, math.inf, False),
    ],
)
def test_what_agreement_is(differences, largest, passes):
    found = Agreement(100, 5, (5, 6), differences, largest)
    if passes:
        require_agreement(found)
        return
    with pytest.raises(ExportError, match=f"disagree on {differences} of 100 labels"):
        require_agreement(found)


def test_two_certain_members_that_contradict_each_other_agree_with_their_mean(tmp_path):
    def certain(digit: int, little: float) -> onnx.ModelProto:
        model = tiny_model()
        # One class is certain, and another gets what only a double can add to 1.
        scores = np.full(10, -200.0)
        scores[digit], scores[8 - digit] = 0.0, math.log(little)
        for name, value in (("fc2.weight", np.zeros((10, 4))), ("fc2.bias", scores)):
            tensor = next(one for one in model.graph.initializer if one.name == name)
            tensor.CopyFrom(numpy_helper.from_array(value.astype(np.float32), name))
        return model

    files = [saved(certain(3, 1e-12), tmp_path, "a"), saved(certain(5, 1e-9), tmp_path, "b")]
    members = [read_member(file) for file in files]
    require_agreement(compare(merged(members), members))
