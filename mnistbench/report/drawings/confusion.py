"""A confusion matrix as a picture: rows are true classes, columns answers, the darker the more often.

Knows numbers only, nothing of models.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from mnistbench.report.drawings.picture import LINE, box, picture, words
from mnistbench.report.html.markup import Markup, element, join
from mnistbench.report.units import rough_count

CELL = 44.0
_LEFT, _TOP = 74.0, 62.0
_RIGHT = 84.0
_BOTTOM = 16.0

_FAINTEST, _STRONGEST = 0.1, 0.55
"""Opacity of a cell; the words in it must stay readable on light and on dark paper."""

_LONGEST = 5
"""Digits of a number that fit a cell."""


def draw_confusion(matrix: Sequence[Sequence[int]], name: str) -> str:
    """An SVG file that shows which digit was taken for which.

    Args:
        matrix: Rows are true digits, columns answers; as many of each.
        name: What the model is called.
    """
    size = len(matrix)
    wrong = [(number, row, column) for row, column, number in _cells(matrix) if row != column and number]
    most_wrong = max((number for number, _, _ in wrong), default=0)
    most_right = max((matrix[digit][digit] for digit in range(size)), default=0)
    cells = [
        _cell(row, column, number, most_right if row == column else most_wrong)
        for row, column, number in _cells(matrix)
    ]
    total = sum(map(sum, matrix))
    num_errors = sum(number for number, _, _ in wrong)
    often = sorted(wrong, key=lambda one: (-one[0], one[1], one[2]))[:3]
    told = "".join(f"; {row} taken for {column} {number:,} times" for number, row, column in often)
    return picture(
        _LEFT + size * CELL + _RIGHT,
        _TOP + size * CELL + _BOTTOM,
        f"Confusion matrix of {name}",
        f"Rows are true digits, columns answers: {num_errors:,} of {total:,} wrong{told}.",
        _heads(matrix),
        *cells,
    )


def _cells(matrix: Sequence[Sequence[int]]) -> list[tuple[int, int, int]]:
    return [(row, column, number) for row, numbers in enumerate(matrix) for column, number in enumerate(numbers)]


def _heads(matrix: Sequence[Sequence[int]]) -> Markup:
    size = len(matrix)
    middle, right = _LEFT + size * CELL / 2, _LEFT + size * CELL + _RIGHT / 2
    parts = [words(middle, 24, ["answer"], "quiet"), words(right, _TOP - 12, ["errors"], "quiet")]
    parts.append(words(_LEFT / 2 - 6, _TOP + size * CELL / 2, ["true", "digit"], "quiet"))
    for index, row in enumerate(matrix):
        across, down = _LEFT + (index + 0.5) * CELL, _TOP + (index + 0.5) * CELL + LINE / 3
        parts.append(words(across, _TOP - 12, [str(index)]))
        parts.append(words(_LEFT - 14, down, [str(index)]))
        parts.append(words(right, down, [_short(sum(row) - row[index])], "quiet"))
    return join(parts)


def _cell(row: int, column: int, number: int, most: int) -> Markup:
    x, y = _LEFT + column * CELL, _TOP + row * CELL
    parts = [box(x, y, CELL, CELL, "cell")]
    if number:
        # By the square root: a single error beside thirty is still to be seen.
        opacity = _FAINTEST + (_STRONGEST - _FAINTEST) * math.sqrt(number / most)
        kind = "right" if row == column else "wrong"
        parts.insert(0, box(x, y, CELL, CELL, kind, fill_opacity=f"{opacity:.2f}"))
        told = element("title", f"{row} read as {column}: {number:,}")
        middle = x + CELL / 2, y + CELL / 2 + LINE / 3
        parts.append(element("g", told, words(*middle, [_short(number)])))
    return join(parts)


def _short(number: int) -> str:
    return str(number) if len(str(number)) <= _LONGEST else rough_count(number)
