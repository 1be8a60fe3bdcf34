"""Golden vectors: which pictures are chosen, and that the answers are the model's."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from latency_models import write_model
from tiny import make_dataset

from mnistbench.artifacts import ModelFile
from mnistbench.embed.golden import CLEAR_MARGIN, COARSE_TOLERANCE, TOLERANCES, clear_margin, make_golden
from mnistbench.embed.model import read_model
from mnistbench.errors import DataError, ModelError
from mnistbench.precisions import MIXED, PRECISIONS
from mnistbench.runtime.model import Model

TINY = make_dataset()


@pytest.mark.parametrize("key", ["lenet", "own"])
def test_answers_are_those_of_the_model_for_each_digit(embedded, vectors, key):
    golden = vectors[key]
    model = Model.load(embedded[key].file.path)
    names = [case.name for case in golden.cases]
    assert names[:10] == [f"digit-{digit}" for digit in range(10)]
    assert [case.truth for case in golden.cases[:10]] == list(range(10))
    assert len(set(names)) == len(names) <= 13
    for case in golden.cases:
        assert case.image.shape == (28, 28)
        assert case.image.dtype == np.uint8
        assert model.predict(case.image).tolist() == [case.label]
        np.testing.assert_allclose(model.predict_proba(case.image)[0], case.probabilities, atol=1e-6)


def test_some_answers_are_unsure_and_yet_clear(vectors):
    unsure = [case for case in vectors["lenet"].cases if case.name.startswith("unsure")]
    assert len(unsure) == 3
    for case in unsure:
        second, best = np.sort(case.probabilities)[-2:]
        assert best - second >= CLEAR_MARGIN
        assert best < 0.9


@pytest.mark.parametrize("precision", [*PRECISIONS, MIXED])
def test_a_difference_within_the_tolerance_changes_no_label(embedded, precision):
    model = dataclasses.replace(embedded["lenet"], precision=precision)
    golden = make_golden(model, TINY.test_images, TINY.test_labels, dataset="x")
    assert golden.tolerance == TOLERANCES.get(precision, COARSE_TOLERANCE)
    assert clear_margin(golden.tolerance) >= max(CLEAR_MARGIN, 2 * golden.tolerance)
    assert [case.name for case in golden.cases][-3:] == ["unsure-1", "unsure-2", "unsure-3"]
    for case in golden.cases:
        second, best = np.sort(case.probabilities)[-2:]
        assert best - second > clear_margin(golden.tolerance), case.name


def test_the_tiny_data_has_pictures_that_are_clear_in_float_only(vectors):
    # Without them the test above could not fail.
    margins = [np.diff(np.sort(case.probabilities)[-2:])[0] for case in vectors["lenet"].cases]
    assert min(margins) < clear_margin(COARSE_TOLERANCE)


def test_digits_that_the_data_lacks_are_left_out(embedded):
    few = TINY.test_labels < 3
    images, labels = TINY.test_images[few], TINY.test_labels[few]
    golden = make_golden(embedded["own"], images, labels, dataset="few")
    assert [case.name for case in golden.cases][:3] == ["digit-0", "digit-1", "digit-2"]
    one = make_golden(embedded["own"], images[:1], labels[:1], dataset="one")
    assert [case.name for case in one.cases] == [f"digit-{labels[0]}"]


def test_without_images_there_is_nothing_to_compare(embedded):
    with pytest.raises(DataError, match="none has no test image"):
        make_golden(embedded["own"], np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.int64), dataset="none")


def test_coarser_precisions_are_compared_more_coarsely(embedded, vectors):
    assert vectors["own"].tolerance == 1e-4
    for precision, tolerance in (("fp16", 1e-2), ("int8", 5e-2), ("web", 5e-2)):
        model = dataclasses.replace(embedded["own"], precision=precision)
        assert make_golden(model, TINY.test_images, TINY.test_labels, dataset="x").tolerance == tolerance


def test_a_model_that_answers_nan_gets_no_kit(tmp_path):
    from onnx import load, numpy_helper, save

    path = write_model(tmp_path / "nan.onnx")
    broken = load(path)
    broken.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.full((784, 10), np.nan, np.float32), "w"))
    save(broken, path)
    with pytest.raises(ModelError, match=r"nan\.onnx answers with what are no probabilities"):
        make_golden(read_model(ModelFile(path, "nan")), TINY.test_images, TINY.test_labels, dataset="x")
