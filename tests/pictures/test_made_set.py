"""The letters of the made set are the whole alphabet, and the document says which are left out."""

from __future__ import annotations

import string

import numpy as np
import picture_tables
from pictures.glyphs import NEAR_LETTERS, OTHER_LETTERS, TWINS, find_fonts
from pictures.make_set import FONTS, NEAR, make_near_letters


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
