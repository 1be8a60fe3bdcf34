from __future__ import annotations

import numpy as np
import pytest
from drawn_pictures import FOUR, ONE, SEVEN, stroked, zero

from mnistbench.pictures.clean import Strokes, keep_strokes
from mnistbench.pictures.regions import find_regions
from mnistbench.pictures.segment import grouped, seam, segment


def cropped(picture):
    """The ink of a drawing, without its margin."""
    ink = 255.0 - picture
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def row_of(*digits, gap=12):
    """Inks beside each other, ``gap`` pixels apart, which may be below nothing."""
    width = sum(digit.shape[1] for digit in digits) + gap * (len(digits) - 1) + 40
    field = np.zeros((max(digit.shape[0] for digit in digits) + 40, width))
    left = 20
    for digit in digits:
        part = field[20 : 20 + digit.shape[0], left : left + digit.shape[1]]
        part[:] = np.maximum(part, digit)
        left += digit.shape[1] + gap
    return field


SEVEN_INK, FOUR_INK, ONE_INK, ZERO_INK = (cropped(p) for p in (stroked(SEVEN), stroked(FOUR), stroked(ONE), zero()))


def test_digits_apart_are_groups_from_left_to_right():
    groups = segment(keep_strokes(row_of(FOUR_INK, ONE_INK, SEVEN_INK)))
    assert len(groups) == 3
    for group, ink in zip(groups, (FOUR_INK, ONE_INK, SEVEN_INK), strict=True):
        np.testing.assert_array_equal(group[0][0].ink >= 128, ink[:, :][ink.any(1)] >= 128)
    assert [group[0][0].left for group in groups] == sorted(group[0][0].left for group in groups)


def test_parts_above_each_other_are_one_digit():
    broken = SEVEN_INK.copy()
    broken[30:36] = 0
    groups = segment(keep_strokes(row_of(broken, ONE_INK)))
    assert [len(find_regions(group[0][0].ink, 26.0)) for group in groups] == [2, 1]


def test_a_low_part_near_a_tall_one_belongs_to_it():
    flag = np.zeros((80, 30))
    flag[5:13] = 255
    with_flag = row_of(ZERO_INK[:80], flag, gap=5)
    assert len(segment(keep_strokes(with_flag))) == 1
    assert len(segment(keep_strokes(row_of(ZERO_INK[:80], flag, gap=40)))) == 2


def test_touching_digits_can_be_cut_where_they_touch():
    (group,) = segment(keep_strokes(row_of(ZERO_INK, ZERO_INK, gap=-6)))
    assert [len(way) for way in group][:3] == [1, 2, 2]
    errors = [max(abs(part.ink.sum() / ZERO_INK.sum() - 1) for part in way) for way in group[1:3]]
    assert min(errors) < 0.1


def test_a_narrow_digit_is_not_cut():
    (group,) = segment(keep_strokes(row_of(ONE_INK)))
    assert len(group) == 1


def test_no_ink_has_no_groups():
    assert segment(keep_strokes(np.zeros((9, 9)))) == ()
    assert grouped(()) == []


@pytest.mark.parametrize("column", [0, 4, 8])
def test_a_seam_goes_where_there_is_no_ink(column):
    ink = np.full((20, 9), 255.0)
    ink[:, column] = 0
    assert seam(ink) == [column] * 20


def test_a_seam_follows_a_slant():
    ink = np.full((9, 9), 255.0)
    ink[np.arange(9), np.arange(9)] = 0
    assert seam(ink) == list(range(9))
    assert seam(np.zeros((4, 1))) == [0] * 4


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 2), (1, 3), (2, 3), (1, 40), (3, 5)])
def test_a_speck_of_a_few_pixels_is_never_cut_into_more_parts_than_it_has_columns(height, width):
    ink = np.zeros((height + 4, width + 4))
    ink[2 : 2 + height, 2 : 2 + width] = 255
    for group in segment(Strokes(ink, find_regions(ink, 26.0), 0)):
        assert all(1 <= len(way) <= width for way in group)
