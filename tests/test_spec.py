from __future__ import annotations

import dataclasses
import itertools
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistbench.errors import NotationError
from mnistbench.layers import Conv2d, Layer, Linear, MaxPool2d
from mnistbench.spec import NetworkSpec


def lenet5() -> NetworkSpec:
    return NetworkSpec.from_notation("6-P-16-P-120-84-10", dropout=0.25, kernel_sizes=5, paddings=(2, 0))


def test_everything_is_derived_from_the_layers() -> None:
    spec = lenet5()
    assert spec.notation == "6-P-16-P-120-84-10"
    assert spec.convolutions == (Conv2d(6, 5, 2), Conv2d(16, 5, 0))
    assert spec.hidden_widths == (120, 84)
    assert spec.shapes == (
        (1, 28, 28),
        (6, 28, 28),
        (6, 14, 14),
        (16, 10, 10),
        (16, 5, 5),
        (120,),
        (84,),
        (10,),
    )
    # LeCun's counts layer by layer, without his trainable pools.
    assert spec.num_parameters == 156 + 2_416 + 48_120 + 10_164 + 850 == 61_706
    assert spec.macs == 117_600 + 240_000 + 48_000 + 10_080 + 840


def test_same_padding_tells_the_papers_largest_network_from_a_smaller_one() -> None:
    text = "32-32-P-64-64-P-256-128-64-10"
    assert NetworkSpec.from_notation(text).num_parameters == 909_866
    assert NetworkSpec.from_notation(text, paddings=0).num_parameters == 369_194


@given(st.lists(st.integers(1, 3000), max_size=5))
def test_a_fully_connected_network_counts_a_bias_for_each_unit(widths: list[int]) -> None:
    sizes = [784, *widths, 10]
    spec = NetworkSpec.from_notation("-".join(map(str, sizes[1:])))
    products = sum(a * b for a, b in itertools.pairwise(sizes))
    assert spec.macs == products
    assert spec.num_parameters == products + sum(sizes[1:])
    assert spec.hidden_widths == tuple(widths)
    assert spec.convolutions == ()


def test_the_document_rebuilds_the_spec() -> None:
    document = json.loads(json.dumps(lenet5().as_dict()))
    assert document == {
        "notation": "6-P-16-P-120-84-10",
        "dropout": 0.25,
        "kernel_sizes": [5, 5],
        "paddings": [2, 0],
    }
    assert NetworkSpec.from_notation(document.pop("notation"), **document) == lenet5()


def test_specs_are_frozen_values() -> None:
    spec = lenet5()
    assert spec.notation
    assert spec == lenet5()
    assert hash(spec) == hash(lenet5())
    assert spec != dataclasses.replace(spec, dropout=0.5)
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec.dropout = 0.5


def test_whole_numbers_as_dropout_become_fractions() -> None:
    spec = NetworkSpec.from_notation("10", dropout=0)
    assert type(spec.dropout) is float


@pytest.mark.parametrize("dropout", [-0.1, 1.0, 20.0, math.nan, math.inf])
def test_dropout_is_a_probability_below_one(dropout: float) -> None:
    with pytest.raises(NotationError, match=r"dropout .* is out of range"):
        NetworkSpec.from_notation("10", dropout=dropout)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ((), "ends in nothing; the last layer must be the 10 outputs"),
        ((MaxPool2d(3), Linear(10)), "3x3 pool; the notation has 2x2 only"),
        ((Conv2d(4), Linear(10)), "cannot be written"),
        ((Linear(10), MaxPool2d(), Linear(10)), "needs an image"),
        ((MaxPool2d(),) * 5 + (Linear(10),), "leaves nothing"),
    ],
)
def test_layers_that_are_no_network_are_refused(layers: tuple[Layer, ...], message: str) -> None:
    with pytest.raises(NotationError, match=message):
        NetworkSpec(layers)


@pytest.mark.parametrize("layers", [(Linear(5),), (MaxPool2d(),), (Conv2d(10), MaxPool2d()), (Linear(10), Linear(11))])
def test_a_spec_ends_in_ten_logits(layers: tuple[Layer, ...]) -> None:
    with pytest.raises(NotationError, match="the last layer must be the 10 outputs") as caught:
        NetworkSpec(layers)
    assert str(layers[-1]) in str(caught.value)
