from __future__ import annotations

import dataclasses

import pytest
from doctor_machines import fine

from mnistbench.measure.doctor.agreement import compare_answers, count_differences

RIGHT = fine()


@pytest.mark.parametrize(
    ("ran", "severity", "differences", "distance"),
    [
        (fine(), "ok", 0, 0.0),
        (fine(1e-5), "ok", 0, 1e-4),
        (fine(-0.01), "note", 0, 0.1),
        (fine(0.2), "problem", 0, 2.0),
        (fine(labels=(0, 0, 0, 0, 1, 1, 1, 7)), "problem", 1, 0.0),
        (fine(labels=()), "problem", 8, 0.0),
        (dataclasses.replace(fine(), scores=None), "problem", 0, None),
        (dataclasses.replace(fine(), scores=((1.0,),)), "problem", 0, None),
        (dataclasses.replace(fine(), scores=((),) * 8), "problem", 0, None),
    ],
)
def test_answers_beside_the_right_ones(ran, severity, differences, distance):
    found = compare_answers(ran, RIGHT)
    assert (found.severity, found.label_differences) == (severity, differences)
    assert found.max_logit_difference == (distance if distance is None else pytest.approx(distance))
    assert bool(found.text) == (severity != "ok")


def test_a_reference_that_is_not_finite_or_all_zeros():
    assert compare_answers(RIGHT, dataclasses.replace(RIGHT, scores=None)).severity == "problem"
    zeros = dataclasses.replace(RIGHT, scores=((0.0,) * 10,) * 8)
    assert compare_answers(zeros, zeros).severity == "ok"
    assert compare_answers(RIGHT, zeros).severity == "problem"


@pytest.mark.parametrize(
    ("one", "other", "count"), [((), (), 0), ((1,), (), 1), ((1, 2), (1, 3), 1), ((1, 2, 3), (1,), 2)]
)
def test_differences_are_counted_in_lists_of_any_length(one, other, count):
    assert count_differences(one, other) == count_differences(other, one) == count
