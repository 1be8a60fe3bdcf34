"""Very large pictures: made smaller in strips, with the same look."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_pictures import encoded
from PIL import Image

from mnistbench.errors import PictureError
from mnistbench.pictures import decode, shrink
from mnistbench.pictures.decode import open_picture
from mnistbench.pictures.shrink import shrunk

SIZE = (300, 200)


@pytest.fixture(autouse=True)
def large_is_small(monkeypatch):
    """As if pictures of 300x200 pixels were enormous."""
    monkeypatch.setattr(shrink, "LARGE", 40_000)
    monkeypatch.setattr(shrink, "SMALLER", 10_000)
    monkeypatch.setattr(shrink, "STRIP_PIXELS", 2_000)


def slope(mode):
    rows, columns = np.mgrid[0:200, 0:300]
    grey = Image.fromarray(((rows + columns) // 2).astype(np.uint8))
    if mode == "I;16":
        return Image.fromarray(((rows + columns) * 100).astype(np.uint16))
    return Image.fromarray((rows + columns).astype(np.float32)) if mode == "F" else grey.convert(mode)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F", "YCbCr"])
def test_every_mode_looks_as_before(mode, monkeypatch):
    picture = slope(mode)
    small = open_picture(shrunk(picture))
    monkeypatch.setattr(shrink, "LARGE", 1 << 40)
    whole = open_picture(picture)
    assert small.grey.shape == (67, 100)
    again = whole.grey[:198].reshape(66, 3, 100, 3).mean(axis=(1, 3))
    assert np.abs(small.grey[:66] - again).mean() < 2


def test_a_picture_of_usual_size_is_left_alone():
    picture = Image.new("L", (200, 200))
    assert shrunk(picture) is picture


@pytest.mark.parametrize("size", [(60_000, 1), (1, 60_000), (59_999, 3)])
def test_a_picture_of_few_rows_keeps_them(size):
    small = shrunk(Image.new("RGB", size, "white"))
    assert min(small.size) >= 1
    assert np.asarray(small).min() == 255


def test_transparency_stays():
    picture = Image.new("RGBA", SIZE, (0, 0, 0, 0))
    picture.paste((255, 0, 0, 255), (0, 0, 150, 200))
    small = np.asarray(shrunk(picture))
    assert small[10, 10].tolist() == [255, 0, 0, 255]
    assert small[10, 90, 3] == 0


def test_a_transparent_colour_of_a_palette_stays():
    palette = Image.new("P", SIZE, 1)
    palette.putpalette([255, 0, 0, 0, 255, 0])
    palette.info["transparency"] = 1
    small = shrunk(palette)
    assert small.mode == "RGBA"
    assert np.asarray(small)[..., 3].max() == 0


def test_the_size_that_is_told_is_the_originals():
    found = open_picture(encoded(slope("RGB")))
    assert (found.width, found.height) == SIZE


@pytest.mark.parametrize(("kind", "options", "most"), [("WEBP", {}, 3), ("TIFF", {}, 2), ("PNG", {}, 1)])
def test_decoders_that_hold_all_pixels_several_times_get_fewer(kind, options, most, monkeypatch):
    content = encoded(slope("RGB"), kind, **options)
    monkeypatch.setattr(decode, "MOST_LOADED_BYTES", 300 * 200 * 4 * most)
    open_picture(content)
    monkeypatch.setattr(decode, "MOST_LOADED_BYTES", 300 * 200 * 4 * most - 1)
    with pytest.raises(PictureError, match="300x200 pixels"):
        open_picture(content)
