from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistbench.report.html.placement import DIGIT_WIDTH, TEXT_HEIGHT, Box, place_beside_points, spread

FRAME = Box(0, 0, 400, 300)
PLACES = st.tuples(st.floats(0, 400), st.floats(0, 300))


@given(st.lists(PLACES, max_size=25))
def test_labels_cover_neither_points_nor_each_other(points):
    anchors = [(str(number), x, y) for number, (x, y) in enumerate(points, start=1)]
    places = place_beside_points(anchors, points, FRAME)
    boxes = [
        Box.around(*place, DIGIT_WIDTH * len(text), TEXT_HEIGHT - 0.01)
        for place, (text, _, _) in zip(places, anchors, strict=True)
        if place is not None
    ]
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))
    assert not any(box.overlaps(Box.around(x, y, 2, 2)) for box in boxes for x, y in points)
    assert all(box.inside(FRAME) for box in boxes)


def test_a_single_label_has_a_place_and_a_crowd_leaves_some_out():
    assert place_beside_points([("1", 200, 150)], [(200, 150)], FRAME) != [None]
    crowd = [(200.0, 150.0)] * 60
    places = place_beside_points([("1", x, y) for x, y in crowd], crowd, FRAME)
    assert None in places
    assert any(places)


@given(st.lists(st.floats(0, 100), max_size=9))
def test_spread_heights_keep_their_order_and_their_gap(heights):
    placed = spread(heights, 0, 100, gap=10)
    ordered = sorted(placed)
    assert all(below - above >= 10 - 1e-9 for above, below in itertools.pairwise(ordered))
    assert all(-1e-9 <= height <= 100 + 1e-9 for height in placed)
    order = sorted(range(len(heights)), key=lambda position: (heights[position], position))
    assert [placed[position] for position in order] == ordered


def test_heights_with_room_stay_where_they_are():
    assert spread([80, 10, 40], 0, 100, gap=10) == [80, 10, 40]


def test_too_many_heights_share_the_room():
    assert spread([50] * 5, 0, 100, gap=60) == pytest.approx([0, 25, 50, 75, 100])
