from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mnistbench.errors import InputError
from mnistbench.report.digits import PAPER, WRONG, DigitSamples, draw_digits, pick_easy_and_hard, write_png


def samples(count, predictions=None):
    images = np.full((count, 28, 28), 255, dtype=np.uint8)
    return DigitSamples("Digits", images, np.arange(count) % 10, predictions)


def has_colour(picture, colour):
    return bool((np.asarray(picture) == colour).all(axis=2).any())


def test_easy_are_the_surest_and_hard_the_least_sure():
    labels = np.array([3, 5, 3, 5, 3])
    probabilities = np.array([0.2, 0.9, 0.8, 0.1, 0.5])
    easy, hard = pick_easy_and_hard(labels, probabilities, per_digit=1)
    assert easy.tolist() == [2, 1]
    assert hard.tolist() == [0, 3]


def test_rows_go_through_the_digits_by_rank():
    labels = np.array([1, 0, 1, 0, 1])
    easy, hard = pick_easy_and_hard(labels, np.array([0.1, 0.2, 0.3, 0.4, 0.5]), per_digit=3)
    assert easy.tolist() == [3, 4, 1, 2, 0]
    assert hard.tolist() == [1, 0, 3, 2, 4]


@given(st.lists(st.tuples(st.integers(0, 9), st.floats(0, 1)), min_size=1, max_size=60), st.integers(1, 4))
def test_no_unpicked_image_is_easier_than_a_picked_one(pairs, per_digit):
    labels, probabilities = np.array([pair[0] for pair in pairs]), np.array([pair[1] for pair in pairs])
    easy, hard = pick_easy_and_hard(labels, probabilities, per_digit=per_digit)
    for digit in set(labels.tolist()):
        of_digit = np.flatnonzero(labels == digit)
        for chosen, sign in ((easy, 1), (hard, -1)):
            picked = [index for index in chosen if labels[index] == digit]
            left = np.setdiff1d(of_digit, picked)
            assert len(picked) == len(set(picked)) == min(per_digit, len(of_digit))
            if len(left):
                assert (sign * probabilities[picked]).min() >= (sign * probabilities[left]).max()


def test_arrays_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match=r"labels have the shape \(3,\) and probabilities \(2,\)"):
        pick_easy_and_hard(np.zeros(3, int), np.zeros(2))
    with pytest.raises(InputError, match="per_digit 0 is too small"):
        pick_easy_and_hard(np.zeros(3, int), np.zeros(3), per_digit=0)
    with pytest.raises(InputError, match=r"images have the shape \(1, 27, 28\)"):
        DigitSamples("", np.zeros((1, 27, 28), np.uint8), np.zeros(1, int))
    with pytest.raises(InputError, match="float64"):
        DigitSamples("", np.zeros((1, 28, 28)), np.zeros(1, int))
    with pytest.raises(InputError, match=r"predictions have the shape \(2,\); expected \(1,\)"):
        DigitSamples("", np.zeros((1, 28, 28), np.uint8), np.zeros(1, int), np.zeros(2, int))


def test_digits_are_drawn_dark_at_full_size():
    scale = 3
    picture = np.asarray(draw_digits(samples(1), samples(0), scale=scale))
    assert (picture == 0).all(axis=2).sum() == (28 * scale) ** 2


def test_the_picture_grows_with_rows_and_scale():
    one = draw_digits(samples(10), samples(10), scale=2)
    more = draw_digits(samples(20), samples(10), scale=2)
    large = draw_digits(samples(10), samples(10), scale=4)
    assert more.width == one.width
    assert more.height > one.height
    assert large.size == (2 * one.width, 2 * one.height)
    assert one.getpixel((0, 0)) == PAPER


def test_only_a_wrong_answer_is_marked():
    labels = np.arange(10)
    right, wrong = samples(10, labels), samples(10, (labels + 1) % 10)
    assert not has_colour(draw_digits(right, samples(10)), WRONG)
    assert has_colour(draw_digits(right, wrong), WRONG)


def test_captions_do_not_touch_their_neighbours():
    picture = np.asarray(draw_digits(samples(0), samples(10, (np.arange(10) + 1) % 10), scale=3))
    coloured = (np.abs(picture.astype(int) - PAPER).sum(axis=2) > 0)[-20 * 3 :]
    rows = np.flatnonzero((picture[-20 * 3 :] == WRONG).all(axis=2).any(axis=1))
    columns = coloured[rows[0] : rows[-1] + 1].any(axis=0)
    gaps = np.diff(np.flatnonzero(columns))
    assert (gaps > 12).sum() == 9


@pytest.mark.parametrize("options", [{"scale": 1}, {"scale": 17}, {"per_row": 0}])
def test_sizes_out_of_range_are_refused(options):
    with pytest.raises(InputError, match="expected a scale from 2 to 16"):
        draw_digits(samples(1), samples(1), **options)


def test_nothing_to_draw_is_refused():
    with pytest.raises(InputError, match="no digits to draw"):
        draw_digits(samples(0), samples(0))


def test_the_file_is_a_png_of_the_picture(tmp_path):
    picture = draw_digits(samples(3), samples(3), scale=2)
    write_png(picture, tmp_path / "new" / "digits.png")
    with Image.open(tmp_path / "new" / "digits.png", formats=["PNG"]) as reread:
        assert np.array_equal(np.asarray(reread), np.asarray(picture))
