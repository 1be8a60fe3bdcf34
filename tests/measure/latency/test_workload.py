from __future__ import annotations

import contextlib
import dataclasses

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


def ranks(count, wrong, dtype=np.int64):
    """Answers of a right device, and of one that gives others for the first so many elements."""
    right = np.arange(count).astype(dtype) % 100
    found = right.copy()
    found[:wrong] = (found[:wrong] + 50) % 100
    return found, right


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint64, np.uint8, np.int16])
@pytest.mark.parametrize(("count", "wrong", "agrees"), [(10, 0, True), (10, 5, True), (10, 6, False), (10, 10, False)])
def test_ranks_of_noise_may_turn_over_on_another_device(dtype, count, wrong, agrees):
    workload = make_workload(TENSORS, 1, None)
    found, right = ranks(count, wrong, dtype)
    if agrees:
        workload.check_agreement([[found]], [[right]], "cuda:0")
    else:
        with pytest.raises(ModelError, match=f"{wrong} of {count} numbers of its output 'z' on cuda:0 are others"):
            workload.check_agreement([[found]], [[right]], "cuda:0")


def test_whole_numbers_are_counted_over_all_inputs_and_by_output():
    workload = dataclasses.replace(make_workload(TENSORS, 1, None), outputs=("values", "indices"))
    values = np.ones(4, np.float32)
    turned, right = ranks(4, 4)
    # One input of two has other ranks altogether, as where its scores are all alike.
    workload.check_agreement([[values, turned], [values, right]], [[values, right]] * 2, "cuda:0")
    with pytest.raises(ModelError, match="8 of 8 numbers of its output 'indices'"):
        workload.check_agreement([[values, turned]] * 2, [[values, right]] * 2, "cuda:0")
    with pytest.raises(ModelError, match="its answers on cuda:0 are others than on the CPU"):
        workload.check_agreement([[values * 2, right]] * 2, [[values, right]] * 2, "cuda:0")


def test_a_single_element_cannot_tell_rounding_from_a_fault():
    workload = make_workload(TENSORS, 1, None)
    workload.check_agreement([[np.array([3])]], [[np.array([4])]], "cuda:0")


@pytest.mark.parametrize(("wrong", "agrees"), [(0, True), (10, True), (11, False), (50, False)])
def test_truth_values_agree_by_chance_and_may_differ_less(wrong, agrees):
    workload = make_workload(TENSORS, 1, None)
    right = np.arange(100) % 2 == 0
    found = np.where(np.arange(100) < wrong, ~right, right)
    with contextlib.nullcontext() if agrees else pytest.raises(ModelError, match=f"{wrong} of 100 numbers"):
        workload.check_agreement([[found]], [[right]], "cuda:0")


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16])
def test_quantised_numbers_may_be_off_as_others_may(dtype):
    workload = make_workload(TENSORS, 1, None)
    right = np.arange(20, 120).astype(dtype)
    workload.check_agreement([[right + dtype(5)]], [[right]], "cpu openvino")
    with pytest.raises(ModelError, match="100 of 100 numbers"):
        workload.check_agreement([[right - dtype(6)]], [[right]], "cpu openvino")


@pytest.mark.parametrize(
    "found", [np.zeros(3, np.int64), np.zeros((2, 2), np.int64), np.zeros(4, np.int32)], ids=["count", "shape", "type"]
)
def test_another_shape_or_type_is_no_rounding(found):
    workload = make_workload(TENSORS, 1, None)
    with pytest.raises(ModelError, match="other shapes or types"):
        workload.check_agreement([[found]], [[np.zeros(4, np.int64)]], "cuda:0")


def test_an_empty_answer_agrees_with_an_empty_one():
    for dtype in (np.int64, np.uint8, np.float32, bool):
        make_workload(TENSORS, 1, None).check_agreement([[np.zeros(0, dtype)]], [[np.zeros(0, dtype)]], "cuda:0")


def test_a_digest_is_a_copy():
    workload, answer = make_workload(TENSORS, 1, None), np.zeros(3)
    expected = workload.digest([answer])
    answer += 1
    with pytest.raises(ModelError, match="changed"):
        workload.check([answer], expected)
