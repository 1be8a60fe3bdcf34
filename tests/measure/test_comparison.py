from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from test_accuracy import IMAGES, LABELS, Fake, path  # noqa: F401 - the fixture

from mnistbench.errors import InputError
from mnistbench.measure.comparison import compare_accuracy
from mnistbench.measure.stats import mcnemar
from mnistbench.results import ComparisonResult


def run(a, b, images=IMAGES, labels=LABELS):
    return compare_accuracy(a, b, images, labels, dataset="tiny", dataset_sha256="00")


def test_who_is_wrong_where(path):  # noqa: F811
    result = run(Fake(path, wrong=(1, 2, 3), name="one"), Fake(path, wrong=(3, 4), name="two"))
    counts = (result.both_right, result.only_a_wrong, result.only_b_wrong, result.both_wrong)
    assert counts == (21, 2, 1, 1)
    assert (result.a.name, result.a.num_errors, result.b.name, result.b.num_errors) == ("one", 3, "two", 2)
    assert result.answers_differ == 3
    assert (result.p_value, result.better) == (mcnemar(2, 1), None)
    assert ComparisonResult.from_dict(result.as_dict()) == result


def test_different_wrong_answers_differ_too(path):  # noqa: F811
    class Other(Fake):
        def predict(self, images, **keywords):
            return (super().predict(images, **keywords) + 1) % 10

    result = run(Fake(path, wrong=(3,)), Other(path, wrong=(3,)))
    assert (result.both_wrong, result.only_b_wrong, result.answers_differ) == (1, 24, 25)


@pytest.mark.parametrize(("wrong_a", "wrong_b", "better"), [(9, 0, "b"), (0, 9, "a"), (5, 0, None), (0, 0, None)])
def test_the_better_one_is_named_only_where_chance_is_unlikely(path, wrong_a, wrong_b, better):  # noqa: F811
    result = run(Fake(path, wrong=tuple(range(wrong_a))), Fake(path, wrong=tuple(range(wrong_b))))
    assert result.better == better


def test_a_model_equals_itself(path):  # noqa: F811
    model = Fake(path, wrong=(1, 2))
    result = run(model, dataclasses.replace(model))
    assert (result.answers_differ, result.p_value, result.better) == (0, 1.0, None)


def test_arrays_that_do_not_fit(path):  # noqa: F811
    with pytest.raises(InputError, match="expected"):
        run(Fake(path), Fake(path), labels=np.arange(3))
