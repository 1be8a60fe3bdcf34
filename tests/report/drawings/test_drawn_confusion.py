from __future__ import annotations

import re

import numpy as np
import pytest
from svg import inside, overlaps, read

from mnistbench.report.drawings.confusion import draw_confusion

PERFECT = np.diag([980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009])


def drawn(matrix, name="lenet5"):
    return draw_confusion(tuple(tuple(int(number) for number in row) for row in matrix), name)


MATRICES = {
    "perfect": PERFECT,
    "one error": PERFECT + np.eye(10, k=1),
    "all wrong": np.full((10, 10), 1000) - np.diag([1000] * 10),
    "nothing": np.zeros((10, 10)),
    "huge": np.full((10, 10), 123_456_789),
    "two classes": np.array([[3, 4], [5, 6]]),
}


@pytest.mark.parametrize("matrix", MATRICES.values(), ids=MATRICES)
def test_every_matrix_fits(matrix):
    svg = read(drawn(matrix))
    assert inside(svg)
    assert overlaps(svg) == []
    assert drawn(matrix) == drawn(matrix)


def test_numbers_stand_where_they_belong():
    matrix = PERFECT.copy()
    matrix[4, 9], matrix[9, 4], matrix[2, 7] = 7, 3, 5
    svg = read(drawn(matrix))
    nine = next(word for word in svg.words if word.text == "9")
    four = [word for word in svg.words if word.text == "4"][1]
    seven = next(word for word in svg.words if word.text == "7" and word.middle == nine.middle and word != nine)
    assert seven.baseline == four.baseline
    assert svg.title == "Confusion matrix of lenet5"
    assert svg.description == (
        "Rows are true digits, columns answers: 15 of 10,015 wrong; 4 taken for 9 7 times; 2 taken for 7 5 times; "
        "9 taken for 4 3 times."
    )
    errors = [word.text for word in svg.words if word.quiet][-10:]
    assert errors == ["0", "0", "5", "0", "7", "0", "0", "0", "0", "3"]


def test_zeros_are_blank_and_more_is_darker():
    matrix = PERFECT.copy()
    matrix[4, 9], matrix[9, 4] = 30, 1
    text = drawn(matrix)
    wrong = [float(value) for value in re.findall(r'class="wrong"[^>]*fill-opacity="([\d.]+)"', text)]
    assert len(wrong) == 2
    assert 0.1 < wrong[1] < wrong[0] <= 0.55
    assert len(re.findall(r'class="right"', text)) == 10
