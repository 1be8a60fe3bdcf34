from __future__ import annotations

import json

import numpy as np
import pytest
from drawn_pictures import FOUR, ONE, SEVEN, stroked, zero
from normaliser_cases import VECTORS, cases, normalised
from PIL import Image

from mnistbench.pictures.normalise import CENTRE, ink_box, normalise, stroke_width
from mnistbench.pictures.resample import reduced, resample, weights

KEPT = {case["name"]: case for case in json.loads(VECTORS.read_text(encoding="utf-8"))}


def ink_of(lines, **options):
    return stroked(lines, ink=255, paper=0, **options).astype(np.float64)


def distance(first, second):
    """The smallest mean difference over shifts of one pixel: which of two pixels the centre is in may change."""
    first, second = first.astype(float), second.astype(float)
    shifts = [(row, column) for row in (-1, 0, 1) for column in (-1, 0, 1)]
    return min(np.abs(first - np.roll(second, shift, (0, 1))).mean() for shift in shifts)


@pytest.mark.parametrize("name", cases())
def test_golden_vectors(name):
    case = KEPT[name]
    np.testing.assert_array_equal(case["grey"], cases()[name])
    image = normalised(np.array(case["grey"], np.uint8))
    assert np.abs(image.astype(int) - np.array(case["image"])).max() <= 1


def test_the_golden_file_has_every_case_and_no_other():
    assert list(KEPT) == list(cases())


def test_an_image_that_is_normalised_stays_as_it_is():
    bar = cases()["a bar that is one already"]
    np.testing.assert_array_equal(normalise(bar.astype(float)), bar)
    once = normalise(ink_of(FOUR))
    assert distance(once, normalise(once.astype(float))) < 1


@pytest.mark.parametrize("lines", [ONE, SEVEN, FOUR])
@pytest.mark.parametrize("size", [40, 100, 350])
def test_box_of_20_and_centre_of_mass_in_the_centre(lines, size):
    image = normalise(ink_of(lines, size=size)).astype(float)
    top, left, bottom, right = ink_box(image)
    assert 19 <= max(bottom - top, right - left) <= 20
    index = np.arange(28)
    assert abs(image.sum(1) @ index / image.sum() - CENTRE) <= 0.51
    assert abs(image.sum(0) @ index / image.sum() - CENTRE) <= 0.51
    assert image.max() == 255


@pytest.mark.parametrize("picture", [stroked(SEVEN), stroked(FOUR), zero()], ids=["7", "4", "0"])
def test_inverting_scaling_and_shifting_change_next_to_nothing(picture):
    expected = normalised(picture)
    np.testing.assert_array_equal(normalised(255 - picture), expected)
    for size in (50, 160, 400):
        larger = np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling.BICUBIC))
        assert distance(normalised(larger), expected) < 8
    shifted = np.full((170, 140), 255, np.uint8)
    shifted[60:160, 5:105] = picture
    assert distance(normalised(shifted), expected) < 1


def test_other_colours_of_ink_and_paper_change_next_to_nothing():
    expected = normalised(stroked(SEVEN))
    assert distance(normalised(stroked(SEVEN, ink=90, paper=140)), expected) < 2
    assert distance(normalised(stroked(SEVEN, ink=200, paper=30)), expected) < 2


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (28, 28)])
def test_no_ink_is_an_empty_image(shape):
    assert not normalise(np.zeros(shape)).any()
    assert not normalise(np.full(shape, 25.0)).any()


@pytest.mark.parametrize("shape", [(1, 1), (1, 400), (400, 1), (300, 300)])
def test_ink_without_any_paper_stays_in_the_field(shape):
    image = normalise(np.full(shape, 255.0))
    assert image.shape == (28, 28)
    assert image.max() == 255


def test_hairlines_are_thickened_and_others_are_not():
    hair = np.zeros((200, 200))
    hair[20:180, 100] = 255
    assert (normalise(hair) > 128).any(0).sum() >= 2
    wide = ink_of(ONE, width=15)
    assert abs(stroke_width(normalise(wide).astype(float)) / stroke_width(wide) - 20 / 95) < 0.05


def test_the_width_of_strokes_is_that_of_a_bar():
    bar = np.zeros((200, 40))
    bar[10:190, 15:21] = 255
    assert stroke_width(bar) == pytest.approx(6 * 4 / np.pi, rel=0.05)
    assert stroke_width(np.zeros((5, 5))) == 0


@pytest.mark.parametrize(("size", "new"), [(1, 7), (5, 5), (7, 20), (20, 7), (400, 20), (21, 1)])
def test_weights_sum_to_one_and_agree_with_pillow(size, new):
    table = weights(size, new)
    np.testing.assert_allclose(table.sum(1), 1)
    line = np.random.default_rng(size).uniform(0, 255, size)
    theirs = Image.fromarray(line[None].astype(np.float32)).resize((new, 1), Image.Resampling.BILINEAR)
    np.testing.assert_allclose(table @ line, np.asarray(theirs)[0], atol=0.01)


def test_resampling_keeps_a_flat_image_and_the_same_size():
    flat = np.full((9, 14), 40.0)
    np.testing.assert_allclose(resample(flat, 5, 30), 40.0)
    assert resample(flat, 9, 14) is flat
    assert reduced(flat, 14) is flat
    assert reduced(flat, 7).shape == (5, 7)
    assert reduced(np.ones((1000, 1)), 10).shape == (10, 1)
