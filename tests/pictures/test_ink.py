from __future__ import annotations

import numpy as np
import pytest
from drawn_pictures import FOUR, SEVEN, stroked, zero

from mnistbench.pictures.clean import keep_strokes
from mnistbench.pictures.ink import find_ink, flat_paper
from mnistbench.pictures.light import fitted, light_below, light_either_way

Y, X = np.mgrid[0:100, 0:100] / 100
LIGHTS = {
    "from the left": 80 + 150 * X,
    "from below": 80 + 150 * Y,
    "a lamp in the middle": 60 + 190 * np.exp(-((X - 0.5) ** 2 + (Y - 0.5) ** 2) / 0.5),
    "a lamp in a corner": 60 + 190 * np.exp(-((X - 0.1) ** 2 + (Y - 0.1) ** 2) / 0.5),
}


def agreement(ink, expected):
    """Share of the pixels on which two inks agree that there is some."""
    first, second = ink > 100, expected > 100
    return (first & second).sum() / (first | second).sum()


@pytest.mark.parametrize("light", LIGHTS.values(), ids=LIGHTS)
@pytest.mark.parametrize("picture", [stroked(SEVEN), stroked(FOUR), zero(width=18)], ids=["7", "4", "bold 0"])
def test_uneven_light_is_taken_away(light, picture):
    share = 1 - picture / 255.0
    for contrast in (0.5, 0.85):
        found = find_ink((light * (1 - contrast * share)).round())
        assert found.dark_on_light
        assert agreement(found.values, 255 * share) > 0.85


@pytest.mark.parametrize(("ink", "paper"), [(0, 255), (255, 0), (100, 130), (130, 100)])
def test_which_side_is_ink(ink, paper):
    found = find_ink(stroked(FOUR, ink=ink, paper=paper).astype(float))
    assert found.dark_on_light == (ink < paper)
    assert found.contrast == pytest.approx(abs(ink - paper), abs=2)
    assert agreement(found.values, 255.0 - stroked(FOUR)) > 0.95


def test_grain_leaves_no_ink_on_the_paper():
    grain = np.random.default_rng(1).normal(0, 10, (100, 100))
    found = find_ink((stroked(SEVEN, ink=60, paper=190) + grain).clip(0, 255))
    assert 7 < found.noise < 12
    kept = keep_strokes(found.values)
    assert agreement(kept.ink, 255.0 - stroked(SEVEN)) > 0.85
    assert len(kept.regions) == 1


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (28, 28), (60, 1)])
def test_empty_paper_has_no_ink(shape):
    for level in (0.0, 77.0, 255.0):
        found = find_ink(np.full(shape, level))
        assert found.contrast == 0
        assert not found.values.any()


def test_grain_and_light_alone_are_no_ink():
    for seed in range(5):
        paper = LIGHTS["a lamp in a corner"] + np.random.default_rng(seed).normal(0, 4, (100, 100))
        assert not keep_strokes(find_ink(paper.clip(0, 255)).values).regions


def test_ruled_lines_are_no_ink():
    picture = stroked(SEVEN, ink=40, paper=220).astype(float)
    picture[::20] = np.minimum(picture[::20], 170)
    picture *= 0.6 + 0.4 * X
    kept = keep_strokes(find_ink(picture).values)
    assert agreement(kept.ink, 255.0 - stroked(SEVEN)) > 0.8


def test_flat_paper_is_that_of_nearly_the_whole_border():
    picture = np.full((40, 40), 200.0)
    assert flat_paper(picture) == 200
    picture[10:30, 10:30] = 0
    assert flat_paper(picture) == 200
    assert flat_paper(np.tile(np.arange(40.0) * 5, (40, 1))) is None


def test_a_surface_of_the_second_degree_is_found_below_ink():
    small = (100 + 60 * X - 40 * Y + 50 * X * Y - 30 * X * X)[::3, ::3]
    np.testing.assert_allclose(fitted(small, np.ones_like(small)), small, atol=0.01)
    inked = small.copy()
    inked[8:26, 10:22] += 90
    np.testing.assert_allclose(light_either_way(inked), small, atol=1)
    np.testing.assert_allclose(light_below(inked, light_either_way(inked)), small, atol=1)


def test_specks_lines_and_faint_regions_are_left_out():
    ink = 255.0 - stroked(SEVEN).astype(float)
    ink[95, 5] = 255
    ink[2:4, :] = 255
    ink[60:70, 5:15] = 100
    kept = keep_strokes(ink)
    assert len(kept.regions) == 1
    assert kept.num_specks == 3
    expected = 255.0 - stroked(SEVEN)
    np.testing.assert_array_equal(kept.ink, np.where(expected >= 26, expected, 0))
