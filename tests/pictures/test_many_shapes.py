"""Pictures of very many shapes where a row of digits is looked for: answered at once, and not a digit."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from drawn_pictures import SEVEN, stroked, zero
from PIL import Image, ImageDraw, ImageFont

import mnistbench
from mnistbench.pictures.decode import open_picture
from mnistbench.pictures.explain import draw_explanation
from mnistbench.pictures.prepare import prepare
from mnistbench.pictures.read import AT_ONCE, Reader
from mnistbench.pictures.refuse import JUDGES
from mnistbench.pictures.segment import MOST_REGIONS
from mnistbench.runtime.model import Model


def dotted(every=4, dot=2, *, side=768, margin=64):
    """Black dots on white."""
    inside = np.arange(side - 2 * margin) % every < dot
    picture = np.full((side, side), 255, np.uint8)
    picture[margin:-margin, margin:-margin][np.outer(inside, inside)] = 0
    return picture


def page():
    """Lines of print."""
    picture = Image.new("L", (768, 768), 255)
    pen = ImageDraw.Draw(picture)
    for top in range(30, 730, 14):
        pen.text((30, top), "the quick brown fox jumps over the lazy dog " * 3, fill=0, font=ImageFont.load_default(10))
    return np.asarray(picture)


@pytest.mark.parametrize(("picture", "box"), [(dotted(), (64, 64, 702, 702)), (page(), None)], ids=["dots", "a page"])
def test_very_many_shapes_are_not_a_digit(picture, box):
    answer = mnistbench.predict_image(picture, multi=True)
    assert (answer.label, answer.is_digit, answer.probabilities, answer.score) == (None, False, None, None)
    assert (answer.text, answer.digits) == ("", ())
    counted = re.fullmatch(r"too many shapes for a row of digits: ([\d,]+)", answer.reason)
    assert int(counted[1].replace(",", "")) > 2 * MOST_REGIONS
    if box is not None:
        assert np.abs(np.array(answer.box) - box).max() <= 2
    assert json.dumps(answer.as_dict())
    assert np.asarray(draw_explanation(open_picture(picture, colours=True), answer)).std() > 5
    assert not mnistbench.predict_image(picture).is_digit


@pytest.mark.parametrize(("more", "too_many"), [(0, 0), (1, MOST_REGIONS + 1)])
def test_a_row_may_have_many_shapes_and_not_one_more(more, too_many):
    picture = np.full((768, 768), 255, np.uint8)
    for shape in range(MOST_REGIONS + more):
        row, column = divmod(shape, 24)
        picture[32 + 28 * row :, 32 + 28 * column :][:10, :10] = 0
    prepared = prepare(picture, multi=True)
    assert prepared.too_many == too_many
    assert len(prepared.groups) >= 1


def test_networks_get_a_bounded_number_of_images_in_a_call(monkeypatch):
    sizes = []
    ask = Model.predict_proba
    monkeypatch.setattr(Model, "predict_proba", lambda model, images: sizes.append(len(images)) or ask(model, images))
    reader = Reader(mnistbench.load(JUDGES[0], num_threads=1))
    pictures = [prepare(zero()), prepare(stroked(SEVEN))] * 150
    assert [answer.label for answer in reader.read(pictures)] == [0, 7] * 150
    assert sizes == [AT_ONCE, 300 - AT_ONCE]
