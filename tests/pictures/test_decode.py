"""Pictures of every kind, and those that are broken or hostile: one clear error each."""

from __future__ import annotations

import io
import os
import struct
import zlib

import numpy as np
import pytest
from drawn_pictures import FOUR, SEVEN, encoded, stroked
from PIL import Image

from mnistbench.errors import PictureError
from mnistbench.pictures.decode import LONGEST, MOST_BYTES, open_picture

GREY = stroked(SEVEN)
RGB = np.repeat(GREY[..., None], 3, axis=2)


def png_header(width, height):
    """A PNG that claims a size and has no pixels."""

    def chunk(kind, content):
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 9)) + chunk(b"IEND", b"")


def difference(picture, expected):
    return np.abs(picture.grey - expected).mean()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "PPM", "GIF", "TIFF"])
def test_formats(kind):
    found = open_picture(encoded(GREY, kind))
    assert difference(found, GREY) < 2
    assert (found.width, found.height, found.note) == (100, 100, "")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F", "YCbCr"])
def test_modes_as_pil_images(mode):
    picture = Image.fromarray(GREY)
    if mode in ("I;16", "I"):
        picture = Image.fromarray(GREY.astype(np.uint16) * 257) if mode == "I;16" else picture.convert("I")
    else:
        picture = picture.convert(mode)
    assert difference(open_picture(picture), GREY) < 3


@pytest.mark.parametrize(
    ("kind", "mode"), [("TIFF", "CMYK"), ("JPEG", "CMYK"), ("PNG", "1"), ("PNG", "P"), ("TIFF", "F"), ("PNG", "LA")]
)
def test_modes_in_files(kind, mode):
    assert difference(open_picture(encoded(Image.fromarray(GREY).convert(mode), kind)), GREY) < 3


@pytest.mark.parametrize(("top", "kind"), [(65535, "PNG"), (4095, "TIFF"), (65535, "PPM")])
def test_deep_pixels(top, kind):
    deep = (GREY.astype(np.uint32) * top // 255).astype(np.uint16)
    assert difference(open_picture(encoded(deep, kind)), GREY) < 1


def test_floats_with_nan_and_any_range():
    levels = GREY / 255.0
    levels[0, 0] = np.nan
    assert difference(open_picture(Image.fromarray(levels.astype(np.float32))), GREY) < 2


@pytest.mark.parametrize("ink", [0, 255, 128])
def test_ink_on_a_transparent_ground(ink):
    rgba = np.zeros((100, 100, 4), np.uint8)
    rgba[..., :3] = ink
    rgba[..., 3] = 255 - GREY
    for source in (rgba, encoded(rgba), Image.fromarray(rgba)):
        found = open_picture(source)
        corner, middle = found.grey[0, 0], found.grey[12, 50]
        assert abs(corner - middle) > 100
        assert abs(middle - ink) < 5


def test_holes_in_an_opaque_picture_become_paper():
    rgba = np.dstack([RGB, np.full((100, 100), 255, np.uint8)])
    rgba[:10, :10] = 0
    assert open_picture(rgba).grey[5, 5] > 250


def test_a_transparent_colour_of_a_palette():
    palette = Image.fromarray(GREY).convert("P")
    palette.info["transparency"] = 255
    assert open_picture(encoded(palette, "PNG", transparency=255)).grey[50, 5] > 200


def test_nothing_but_transparency():
    assert np.ptp(open_picture(np.zeros((9, 9, 4), np.uint8)).grey) == 0


def test_colours_of_equal_luminance_are_told_apart():
    yellow = np.where(RGB < 128, np.array([255, 255, 0]), 255).astype(np.uint8)
    assert np.ptp(open_picture(yellow).grey) > 200


def test_exif_turns_the_picture_upright():
    lying = Image.fromarray(np.rot90(stroked(FOUR)[:, 20:]).copy())
    exif = Image.Exif()
    exif[0x0112] = 6
    found = open_picture(encoded(lying, "JPEG", exif=exif, quality=95))
    assert (found.width, found.height) == (80, 100)
    assert difference(found, stroked(FOUR)[:, 20:]) < 3


def test_large_pictures_are_kept_small_and_know_their_size():
    large = Image.fromarray(GREY).resize((3000, 1500))
    for source in (large, encoded(large, "JPEG"), encoded(large.convert("RGB")), np.asarray(large)):
        found = open_picture(source)
        assert (found.width, found.height) == (3000, 1500)
        assert max(found.grey.shape) <= LONGEST


def test_animations_give_their_first_frame_and_say_so():
    frames = [Image.fromarray(stroked(lines)) for lines in (SEVEN, FOUR)]
    for kind in ("GIF", "WEBP", "PNG", "TIFF"):
        found = open_picture(encoded(frames[0], kind, save_all=True, append_images=frames[1:]))
        assert difference(found, GREY) < 3
        assert found.note == "the first of 2 frames"


def test_a_callers_picture_keeps_its_size_and_its_frame():
    large = Image.fromarray(GREY).resize((4000, 3000))
    photo = Image.open(io.BytesIO(encoded(large, "JPEG")))
    for _ in range(2):
        found = open_picture(photo)
        assert photo.size == (found.width, found.height) == (4000, 3000)
        assert difference(found, open_picture(large).grey) < 2
    frames = [Image.fromarray(stroked(lines)) for lines in (SEVEN, FOUR, SEVEN)]
    animation = Image.open(io.BytesIO(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])))
    animation.seek(1)
    found = open_picture(animation)
    assert difference(found, stroked(FOUR)) < 3
    assert (animation.tell(), found.note) == (1, "number 2 of 3 frames")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF"])
def test_a_callers_picture_that_is_cut_off_is_one_clear_line(kind):
    content = encoded(np.random.default_rng(0).integers(0, 256, (200, 200)).astype(np.uint8), kind)
    with Image.open(io.BytesIO(content[: len(content) // 2])) as cut, pytest.raises(PictureError) as caught:
        open_picture(cut)
    assert str(caught.value).startswith("the picture is damaged or cut off: ")


def test_a_wrong_ending_is_read_by_its_content_and_told(tmp_path):
    path = tmp_path / "seven.jpg"
    path.write_bytes(encoded(GREY, "PNG"))
    found = open_picture(path)
    assert difference(found, GREY) == 0
    assert found.note == "named .jpg, but PNG inside"


def test_colours_are_kept_when_asked_for():
    for source in (RGB, encoded(RGB), Image.fromarray(RGB).convert("CMYK"), encoded(GREY.astype(np.uint16) * 257)):
        shown = open_picture(source, colours=True).shown
        assert (shown.mode, shown.size) == ("RGB", (100, 100))
    assert open_picture(RGB).shown is None


BROKEN = {
    "empty": (b"", "is empty"),
    "text": (b"hello, world", "no picture in a format"),
    "svg": (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
    "svg with a comment": (b"<!-- drawn -->\n<svg/>", "SVG"),
    "html": (b"<!DOCTYPE html><p>404", "web page"),
    "pdf": (b"%PDF-1.7 ...", "PDF"),
    "heic": (b"\0\0\0\x18ftypheic....", "HEIC"),
    "bomb": (png_header(50_000, 50_000), "too large"),
    "just too many pixels": (png_header(8_001, 8_000), "broken.png is too large: 8,001x8,000 pixels"),
    "larger than an integer": (png_header(2**31 - 1, 2**31 - 1), "too large"),
    "0x0": (png_header(0, 0), "damaged"),
    "no pixels in it": (png_header(100, 100), "damaged or cut off"),
    "cut off": (encoded(GREY)[:400], "damaged or cut off"),
    "half a jpeg": (encoded(GREY, "JPEG")[:600], "damaged or cut off"),
    "half a gif": (encoded(GREY, "GIF")[:300], "damaged or cut off"),
    "half a tiff": (encoded(GREY, "TIFF")[:300], ""),
    "half a webp": (encoded(GREY, "WEBP")[:60], ""),
    "a pgm of nothing": (b"P5\n10 10\n255\n", "damaged or cut off"),
    "a pgm of minus one": (b"P5\n-1 10\n255\n....", ""),
    "only a beginning": (b"\x89PNG\r\n\x1a\n", ""),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_give_one_clear_line(tmp_path, name):
    content, text = BROKEN[name]
    path = tmp_path / "broken.png"
    path.write_bytes(content)
    with pytest.raises(PictureError) as caught:
        open_picture(path)
    message = str(caught.value)
    assert message.startswith(f"{path} ")
    assert message.count(str(path)) == 1
    assert text in message
    assert ";" in message  # the next step
    assert "\n" not in message
    with pytest.raises(PictureError, match="the picture"):
        open_picture(content)


@pytest.mark.parametrize("seed", range(60))
def test_changed_bytes_give_a_picture_or_one_error(seed):
    generator = np.random.default_rng(seed)
    kind = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")[seed % 6]
    content = bytearray(encoded(GREY, kind))
    for position in generator.integers(0, len(content), 12):
        content[position] = generator.integers(256)
    try:
        grey = open_picture(bytes(content)).grey
    except PictureError:
        return
    assert np.isfinite(grey).all()
    assert 0 <= grey.min() <= grey.max() <= 255


def test_what_is_no_file(tmp_path):
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    for path, text in (
        (tmp_path, "is a folder"),
        (tmp_path / "none.png", "cannot be read: No such file"),
        (pipe, "device or a pipe"),
        ("a\0b.png", "no name of a file"),
        (tmp_path / ("x" * 300), "cannot be read"),
    ):
        with pytest.raises(PictureError, match=text):
            open_picture(path)


def test_a_file_of_too_many_bytes(tmp_path):
    path = tmp_path / "large.bmp"
    with path.open("wb") as stream:
        stream.truncate(MOST_BYTES + 1)
    with pytest.raises(PictureError, match="too large"):
        open_picture(path)


@pytest.mark.parametrize(
    "given",
    [
        np.zeros((0, 5), np.uint8),
        np.zeros((5, 5)),
        np.zeros((5, 5, 2), np.uint8),
        np.zeros((2, 5, 5, 3), np.uint8),
        np.zeros(5, np.uint8),
        Image.new("L", (0, 0)),
        None,
        3,
    ],
    ids=["no rows", "floats", "two channels", "a batch", "a row", "no pixels", "nothing", "a number"],
)
def test_other_things_are_refused(given):
    with pytest.raises(PictureError):
        open_picture(given)
