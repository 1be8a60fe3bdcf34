from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistbench.errors import ModelError
from mnistbench.runtime.input_plan import LAYOUTS, VALUE_RANGES, InputPlan, ranges_of, value_table

PLAN = InputPlan("given", "N1HW", "float32", "0..1", None, "scores", "scores", {"layout": "shape"})


def plan(**changes):
    return dataclasses.replace(PLAN, **changes)


def test_a_plan_is_data():
    document = PLAN.as_dict()
    assert json.loads(json.dumps(document)) == document
    assert document["how_found"] == {"layout": "shape"}


@pytest.mark.parametrize(
    ("value_range", "dtype", "low", "high"),
    [
        ("0..255", "uint8", 0, 255),
        ("0..255", "int64", 0, 255),
        ("0..255", "float64", 0, 255),
        ("0..1", "float32", 0, 1),
        ("-1..1", "float16", -1, 1),
        ("-128..127", "int8", -128, 127),
        ("standardised", "float64", -0.1307 / 0.3081, (1 - 0.1307) / 0.3081),
        ("0..1-inverted", "float32", 1, 0),
        ("0..255-inverted", "uint8", 255, 0),
    ],
)
def test_ends_of_each_range(value_range, dtype, low, high):
    table = value_table(value_range, dtype)
    assert (table.shape, table.dtype) == ((256,), dtype)
    assert (table[0], table[255]) == (pytest.approx(low), pytest.approx(high))


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int32", "int64", "float16", "float32", "float64"])
def test_every_range_fits_its_dtype_and_keeps_the_order_of_greys(dtype):
    for name in ranges_of(dtype):
        assert name in VALUE_RANGES
        steps = np.diff(value_table(name, dtype).astype(np.float64))
        assert (steps < 0).all() if name.endswith("inverted") else (steps > 0).all()


@pytest.mark.parametrize("layout", list(LAYOUTS))
def test_layouts_only_reshape(layout):
    images = np.arange(784, dtype=np.uint8).reshape(1, 28, 28)
    given_to_model = plan(layout=layout, dtype="uint8", value_range="0..255").prepare(images)
    has_batch, shape = LAYOUTS[layout]
    assert given_to_model.shape == ((1, *shape) if has_batch else shape)
    assert np.array_equal(given_to_model.ravel(), images.ravel())


SIZES = st.one_of(st.none(), st.integers(1, 5))


@given(st.integers(0, 9), SIZES, SIZES)
def test_chunks_cover_all_images_once_and_fill_up_the_last(count, size, wanted):
    images = np.arange(count, dtype=np.uint8)[:, None, None] * np.ones((28, 28), np.uint8)
    chunks = list(plan(dtype="uint8", value_range="0..255", batch_size=size).chunks(images, wanted))
    # A fixed batch wins over the wanted one, which leaves a smaller rest.
    assert all(len(part) == size if size else len(part) == useful <= (wanted or count) for part, useful in chunks)
    seen = [int(image[0, 0, 0]) for part, useful in chunks for image in part[:useful]]
    assert seen == list(range(count))


def test_labels_from_scores_in_any_shape():
    scores = np.eye(10, dtype=np.float32)[[3, 1]]
    for shape in [(2, 10), (2, 10, 1, 1), (20,)]:
        labels = PLAN.labels(scores.reshape(shape), 2)
        assert (labels.tolist(), labels.dtype) == ([3, 1], np.int64)


def test_labels_as_they_are():
    labels = plan(output_kind="label").labels(np.array([[9], [0]], np.int32), 2)
    assert (labels.tolist(), labels.dtype) == ([9, 0], np.int64)


@pytest.mark.parametrize(
    ("kind", "answer", "message"),
    [
        ("scores", np.zeros((2, 11)), "expected 20 numbers"),
        ("scores", np.full((2, 10), np.nan), "NaN"),
        ("label", np.zeros(3, int), "expected 2 numbers"),
        ("label", np.array([0, 10]), "beyond 0 to 9"),
        ("label", np.array([-1, 0]), "beyond 0 to 9"),
    ],
)
def test_answers_that_cannot_be_read(kind, answer, message):
    with pytest.raises(ModelError, match=message):
        plan(output_kind=kind).labels(answer, 2)
