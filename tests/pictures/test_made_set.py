"""A small part of the made set is read and refused as promised, and its letters are the whole alphabet."""

from __future__ import annotations

import string

import numpy as np
import picture_tables
import pytest
from pictures.glyphs import NEAR_LETTERS, OTHER_LETTERS, TWINS, find_fonts
from pictures.make_set import FONTS, NEAR, is_right, make_digits, make_near_letters, make_others

import mnistbench
from mnistbench.measure.stats import wilson_interval
from mnistbench.pictures.prepare import prepare
from mnistbench.pictures.read import DEFAULT_MODEL, Reader

COUNT = 200


@pytest.fixture(scope="module")
def reader():
    return Reader(mnistbench.load(DEFAULT_MODEL, num_threads=2))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "seed", "promised", "least"), [(make_digits, 21, 0.95, 184), (make_others, 22, 0.90, 172)]
)
def test_digits_are_read_and_others_refused(reader, make, seed, promised, least):
    # The fewest of 200 whose 95% binomial interval (Wilson's) still has the promised share in it.
    refuted = [wilson_interval(right, COUNT)[1] < promised for right in (least - 1, least)]
    assert refuted == [True, False]
    made = list(make(COUNT, np.random.default_rng(seed), find_fonts(*FONTS)))
    answers = reader.read([prepare(each.picture) for each in made])
    assert sum(map(is_right, made, answers)) >= least


def test_every_letter_is_far_from_digits_near_them_or_a_twin():
    assert sorted(OTHER_LETTERS + NEAR_LETTERS + TWINS) == sorted(string.ascii_letters)


def test_letters_near_digits_are_kinds_of_their_own():
    fonts = find_fonts(*FONTS)
    made = list(make_near_letters(8, np.random.default_rng(0), fonts))
    assert len(made) == (8 if fonts else 0)
    assert all(each.label == -1 and each.kind.removeprefix(NEAR) in NEAR_LETTERS for each in made)
    assert list(make_near_letters(8, np.random.default_rng(0), [])) == []


def test_the_document_names_the_letters_that_are_left_out():
    table = picture_tables.pictures()
    assert f"Left out are the twins of digits, which are digits in most fonts or hands: {', '.join(TWINS)}." in table
    assert "| letters near digits | " in table
    # By its number: letters near digits are not counted among the others.
    assert "| no digits, all | 1,000 | " in table
