from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mnistbench.errors import ModelError
from mnistbench.runtime.input_plan import InputPlan
from mnistbench.runtime.trial import choose_by_trial

FIRST = InputPlan("x", "flat", "float32", "0..1", None, "y", "scores", {"layout": "shape"})
SECOND = dataclasses.replace(FIRST, value_range="-1..1")
LABELS = np.arange(20) % 10
IMAGES = np.zeros((20, 28, 28), np.uint8)


def predictor(errors):
    """Answers with a number of errors by value range, and by whether the images are the moved ones."""

    def of(plan):
        def predict(images):
            truth = np.tile(LABELS, len(images) // len(LABELS))
            wrong = errors[plan.value_range][len(images) > len(LABELS)]
            return np.where(np.arange(len(truth)) < wrong, (truth + 1) % 10, truth)

        return predict

    return of


def choose(first, second):
    return choose_by_trial([FIRST, SECOND], predictor({"0..1": first, "-1..1": second}), IMAGES, LABELS)


def test_fewest_errors_win_and_the_plan_says_so():
    chosen = choose((1, 9), (2, 7))
    assert chosen.value_range == "-1..1"
    assert chosen.how_found == {
        "layout": "shape",
        "value_range": "trial: 2 errors on 20 training images, 7 on 80 moved ones; next flat 0..1: 1 and 9",
    }


def test_near_chance_candidates_are_out_whatever_they_do_on_moved_images():
    chosen = choose((10, 0), (9, 30))
    assert chosen.value_range == "-1..1"
    assert "next" not in chosen.how_found["value_range"]


def test_candidates_that_always_answer_alike_are_the_same():
    assert choose((0, 9), (0, 9)).value_range == "0..1"


def test_equal_counts_of_other_mistakes_are_a_tie():
    with pytest.raises(ModelError, match=r"flat 0\.\.1, flat -1\.\.1 are equally good.*--input-range"):
        choose((1, 8), (2, 7))


def test_a_tie_without_any_error_says_nothing():
    with pytest.raises(ModelError, match="equally good"):
        choose((0, 0), (0, 0))


def test_near_chance_is_no_choice():
    with pytest.raises(ModelError, match=r"more than half of 20 training images \(best: 9\)"):
        choose((12, 0), (11, 0))


def test_no_images_are_no_choice():
    with pytest.raises(ModelError, match="training images"):
        choose_by_trial([FIRST, SECOND], predictor({"0..1": (0, 0), "-1..1": (0, 0)}), IMAGES[:0], LABELS[:0])
