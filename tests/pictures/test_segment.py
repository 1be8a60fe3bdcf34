from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from drawn_pictures import FOUR, ONE, SEVEN, stroked, zero

from mnistbench.pictures.clean import Strokes, keep_strokes
from mnistbench.pictures.regions import Region, find_regions
from mnistbench.pictures.segment import NEAR, OVERLAP, PART, grouped, seam, segment


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


def box_of(group):
    """Top, left, bottom and right of regions."""
    edges = np.array([(region.top, region.left, region.bottom, region.right) for region in group])
    return (*edges[:, :2].min(0).tolist(), *edges[:, 2:].max(0).tolist())


def are_one_digit(a, b, tallest):
    shared = min(a[3], b[3]) - max(a[1], b[1])
    near = NEAR * tallest
    is_above = shared > OVERLAP * min(a[3] - a[1], b[3] - b[1])
    is_low = min(a[2] - a[0], b[2] - b[0]) < PART * tallest
    is_part = is_low and -shared < near and min(a[2], b[2]) > max(a[0], b[0]) - near
    return is_above or is_part


def merged_one_by_one(regions):
    """The rule of :func:`grouped` as it is said: everything is looked at again after each merge."""
    groups = [[region] for region in sorted(regions, key=lambda r: (r.left + r.right, r.top))]
    while True:
        boxes = [box_of(group) for group in groups]
        tallest = max(bottom - top for top, _, bottom, _ in boxes)
        pairs = enumerate(itertools.pairwise(boxes))
        first = next((first for first, (a, b) in pairs if are_one_digit(a, b, tallest)), None)
        if first is None:
            return groups
        groups[first : first + 2] = [groups[first] + groups[first + 1]]


def regions_at_random(seed):
    """Boxes anywhere in a row: high and low, apart and above each other."""
    generator = np.random.default_rng(seed)
    count = generator.integers(1, 60)
    corners = generator.integers(0, (80, 10 * count), (count, 2))
    ends = corners + generator.integers(1, (60, 25), (count, 2))
    return tuple(
        Region(number, *corner, *end, 1.0, 255.0)
        for number, (corner, end) in enumerate(zip(corners.tolist(), ends.tolist(), strict=True), start=1)
    )


@pytest.mark.parametrize("seed", range(60))
def test_groups_are_those_of_merging_one_by_one(seed):
    regions = regions_at_random(seed)
    assert grouped(regions) == merged_one_by_one(regions)


def test_thousands_of_regions_are_grouped_at_once():
    dots = itertools.product(range(0, 400, 4), range(0, 400, 4))
    regions = tuple(Region(i, top, left, top + 2, left + 2, 4.0, 255.0) for i, (top, left) in enumerate(dots, start=1))
    began = time.process_time()
    assert sorted(region.number for group in grouped(regions) for region in group) == list(range(1, 10_001))
    assert time.process_time() - began < 5  # seconds; a hundred times as long as it takes


def test_many_shapes_that_could_be_cut_are_cut_into_few_parts():
    dashes = np.zeros((768, 768))
    for index in range(180):
        dashes[40 + index * 97 % 680 :, 20 + 4 * index :][:3, :8] = 255
    groups = segment(keep_strokes(dashes))
    assert len(groups) == 180
    assert sum(len(way) for group in groups for way in group) <= 2000
    assert max(len(way) for way in segment(keep_strokes(dashes[:, :60]))[0]) > 2
