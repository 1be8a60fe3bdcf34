from __future__ import annotations

import json

import pytest
from bench_runs import row, shaped

from mnistbench.report.html.shapes import NOT_NOTED, given_shapes, told_apart

DIGITS = {"name": "image", "layout": "N1HW", "dtype": "uint8", "batch_size": None, "output": "label"}


@pytest.mark.parametrize(
    ("options", "shapes"),
    [
        (shaped({"x": [None, 3, 8, 8]}), (("x", "[N, 3, 8, 8]"),)),
        (shaped({"y": (None,), "x": (4, None)}), (("x", "[4, N]"), ("y", "[N]"))),
        (shaped({"x": []}), (("x", "[]"),)),
        ({"input": DIGITS}, (("image", "[N, 1, 28, 28]"),)),
        ({"input": DIGITS | {"layout": "HW"}}, (("image", "[28, 28]"),)),
        ({"input": DIGITS | {"layout": "W"}}, ()),
        ({"input": DIGITS | {"layout": ["N1HW"]}}, ()),
        ({}, ()),
        ({"input": None}, ()),
        ({"input": "x"}, ()),
        ({"input": {"shapes": 3}}, ()),
        ({"input": {"shapes": {"x": "wide", "y": None}}}, (("x", "[wide]"), ("y", "[none]"))),
        ({"input": {"shapes": {"x": [1.5, "a", True]}}}, (("x", "[1.5, a, yes]"),)),
    ],
)
def test_what_a_model_was_given(options, shapes):
    assert given_shapes(row(options=options)) == shapes
    assert given_shapes(row(options=json.loads(json.dumps(options)))) == shapes


def test_digits_and_tensors_of_their_shape_are_the_same():
    assert given_shapes(row(options={"input": DIGITS})) == given_shapes(
        row(options=shaped({"image": [None, 1, 28, 28]}))
    )


ONE, TWO = (("x", "[N, 3]"),), (("x", "[N, 5]"),)


@pytest.mark.parametrize(
    ("every", "words"),
    [
        ([ONE, TWO], ["[N, 3]", "[N, 5]"]),
        ([ONE, ()], ["[N, 3]", NOT_NOTED]),
        ([(*ONE, ("y", "[N]")), (*TWO, ("y", "[N]"))], ["x [N, 3]", "x [N, 5]"]),
        ([(*ONE, ("y", "[N]")), (*TWO, ("y", "[2]"))], ["x [N, 3]", "x [N, 5]"]),
        (
            [(*ONE, ("y", "[N]")), (*ONE, ("y", "[2]")), (*TWO, ("y", "[N]"))],
            ["x [N, 3] y [N]", "x [N, 3] y [2]", "x [N, 5] y [N]"],
        ),
        ([ONE, (("z", "[N, 3]"),)], ["x [N, 3]", NOT_NOTED]),
    ],
)
def test_shapes_are_told_apart_in_few_words(every, words):
    assert told_apart(every) == words
