from __future__ import annotations

import numpy as np
import pytest
from latency_models import IMAGES, OWN

from mnistbench.errors import InputError, ModelError
from mnistbench.measure.latency.inputs import Inputs
from mnistbench.measure.latency.workload import draw_inputs, make_workload

DIGITS = Inputs(("label",), OWN)
TENSORS = Inputs(("z",), None, {"x": (None, 3), "n": ()}, {"x": "float32", "n": "int64"})


@pytest.mark.parametrize(("batch_size", "count"), [(1, 16), (32, 16), (4096, 4), (20_000, 2)])
def test_digits_are_distinct_and_the_same_for_a_seed(batch_size, count):
    images = IMAGES[:, None]
    inputs = draw_inputs(images, batch_size, OWN, seed=1)
    assert len(inputs) == count
    assert {given.shape for given in inputs} == {(batch_size, 1, 28, 28)}
    assert all(np.array_equal(a, b) for a, b in zip(inputs, draw_inputs(images, batch_size, OWN, seed=1), strict=True))
    assert len({given.tobytes() for given in inputs[:4]}) > 1


def test_tensors_are_distinct_and_the_same_for_a_seed():
    first, again, other = (make_workload(TENSORS, 4, None, seed) for seed in (1, 1, 2))
    assert len(first.feeds) == 16
    assert {feed["x"].shape for feed in first.feeds} == {(4, 3)}
    assert {feed["n"].shape for feed in first.feeds} == {()}
    assert len({feed["x"].tobytes() for feed in first.feeds}) == 16
    assert all(np.array_equal(a["x"], b["x"]) for a, b in zip(first.feeds, again.feeds, strict=True))
    assert not np.array_equal(first.feeds[0]["x"], other.feeds[0]["x"])


def test_large_tensors_are_fewer():
    large = Inputs(("z",), None, {"x": (None, 1024, 1024)}, {"x": "float32"})
    assert len(make_workload(large, 32, None).feeds) == 2


@pytest.mark.parametrize("images", [None, IMAGES[:0]])
def test_digits_need_images(images):
    with pytest.raises(InputError, match="at least one"):
        make_workload(DIGITS, 1, images)


def test_labels_are_what_must_stay_the_same():
    workload = make_workload(DIGITS, 2, IMAGES)
    expected = workload.digest([np.array([3, 4])])
    workload.check([np.array([3, 4])], expected)
    with pytest.raises(ModelError, match="answers to the same inputs changed"):
        workload.check([np.array([3, 5])], expected)
    with pytest.raises(ModelError, match="expected 2 numbers"):
        workload.check([np.array([3])], expected)


VALUES = np.array([[1.0, -2.0, np.nan, np.inf]], dtype=np.float32)


@pytest.mark.parametrize(
    ("now", "same"),
    [
        (VALUES, True),
        (VALUES * np.float32(1.001), True),
        (VALUES + np.float32(0.5), False),
        (np.nan_to_num(VALUES), False),
        (VALUES[:, :3], False),
        (VALUES.astype(np.float64), False),
    ],
)
def test_other_answers_may_differ_in_the_last_digits_only(now, same):
    workload = make_workload(TENSORS, 1, None)
    expected = workload.digest([VALUES])
    if same:
        workload.check([now], expected)
    else:
        with pytest.raises(ModelError, match="changed"):
            workload.check([now], expected)


def test_whole_numbers_must_be_the_same():
    workload = make_workload(TENSORS, 1, None)
    with pytest.raises(ModelError, match="changed"):
        workload.check([np.array([1, 3])], workload.digest([np.array([1, 2])]))


def test_a_digest_is_a_copy():
    workload, answer = make_workload(TENSORS, 1, None), np.zeros(3)
    expected = workload.digest([answer])
    answer += 1
    with pytest.raises(ModelError, match="changed"):
        workload.check([answer], expected)
