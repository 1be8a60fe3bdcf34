"""Opening pictures of anybody's making: what is in them as grey levels, or one clear line why not.

Formats are told by content, never by name, and only those of :data:`FORMATS` are tried. Knows nothing of ink.
"""

from __future__ import annotations

import contextlib
import io
import os
import stat
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mnistbench.errors import PictureError
from mnistbench.pictures.grey import grey_of_array, grey_of_picture, picture_to_show
from mnistbench.pictures.resample import Grey
from mnistbench.pictures.shrink import shrunk

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "PPM", "GIF", "TIFF")
"""Pillow's names; PPM is PBM and PGM too."""

SUFFIXES: dict[str, tuple[str, ...]] = {
    "PNG": (".png", ".apng"),
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "WEBP": (".webp",),
    "BMP": (".bmp", ".dib"),
    "PPM": (".pgm", ".ppm", ".pbm", ".pnm"),
    "GIF": (".gif",),
    "TIFF": (".tif", ".tiff"),
}
"""How files of each format are usually named."""

MOST_BYTES = 1 << 26
"""Of a file; a photograph of fifty million pixels has less."""

MOST_PIXELS = 64_000_000
"""Of a picture; below Pillow's own limit, so that it never comes to that."""

MOST_LOADED_BYTES = 4 * MOST_PIXELS
"""What the pixels of a picture may take while they are decoded."""

_BYTES_OF_MODE = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2}
"""In Pillow's memory; all others have four."""

LONGEST = 1024
"""Pixels of the longer side that are kept; a digit of a fiftieth of that is still 20 pixels high."""

ADVICE = "give a PNG, JPEG, WebP, BMP, PGM, GIF or TIFF file"

_BROKEN = (OSError, SyntaxError, ValueError, TypeError, EOFError, LookupError, ArithmeticError, AttributeError)
"""What Pillow raises on damaged files, and the struct and zlib errors are among its OSErrors and ValueErrors."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture that was opened.

    Attributes:
        grey: Shape ``(h, w)``, 0 to 255, the longer side at most 1024 pixels, turned upright, transparency filled.
        width: Pixels of the original, as it stands upright.
        height: Likewise.
        note: What is unusual and still was read, such as an animation; empty where nothing is.
        shown: The picture as a PIL image of mode RGB, as large as ``grey``; ``None`` unless asked for.
    """

    grey: Grey
    width: int
    height: int
    note: str = ""
    shown: Any = None


def open_picture(source: Any, *, colours: bool = False) -> Picture:
    """Open a picture.

    Args:
        source: A path, the bytes of a file, a PIL image, or a uint8 array of shape ``(h, w)``, ``(h, w, 3)`` or
            ``(h, w, 4)``. A PIL image keeps its size and its frame, which is the one that is read; only its pixels may
            be loaded by this.
        colours: Whether to keep it in colours too, to be shown.

    Raises:
        PictureError: When it cannot be had; the message names file, reason and next step.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        return _from_bytes(bytes(source), "the picture", "", colours)
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        return _from_bytes(_read(path), str(path), path.suffix.lower(), colours)
    if isinstance(source, np.ndarray):
        return _from_array(source, colours)
    from PIL import Image

    if isinstance(source, Image.Image):
        with _faults_told("the picture"):
            return _from_pillow(source, "the picture", "", colours)
    raise PictureError(
        f"a picture cannot be had from {type(source).__name__}; give a path, bytes, a PIL image or a uint8 array"
    )


def _read(path: Path) -> bytes:
    """The bytes of a file, if it is one and not too large."""
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise PictureError(f"{path} is a folder, not a picture; name a file in it")
        if not stat.S_ISREG(found.st_mode):
            raise PictureError(f"{path} is a device or a pipe, not a file; {ADVICE}")
        if found.st_size > MOST_BYTES:
            raise _too_large(str(path), f"{found.st_size:,} bytes", f"{MOST_BYTES:,}")
        with path.open("rb") as stream:
            return stream.read(MOST_BYTES)
    except OSError as error:
        raise PictureError(f"{path} cannot be read: {error.strerror or error}; check the name and its rights") from None
    except ValueError as error:  # a name with a zero byte
        raise PictureError(f"{str(path)!r} is no name of a file: {error}; check it") from None


def _from_bytes(content: bytes, name: str, suffix: str, colours: bool) -> Picture:
    from PIL import Image

    if not content:
        raise PictureError(f"{name} is empty; {ADVICE}")
    with _faults_told(name, content), Image.open(io.BytesIO(content), formats=FORMATS) as picture:
        return _from_pillow(picture, name, suffix, colours, is_ours=True)


@contextlib.contextmanager
def _faults_told(name: str, content: bytes = b"") -> Iterator[None]:
    """Whatever Pillow raises within becomes one clear line.

    Raises:
        PictureError: In its place.
    """
    from PIL import Image, UnidentifiedImageError

    with warnings.catch_warnings():
        # Odd metadata is none of our business; only the size is, and that is checked apart.
        warnings.simplefilter("ignore")
        try:
            yield
        except PictureError:  # it is a ValueError too
            raise
        except Image.DecompressionBombError:
            raise _too_large(name, "far too many pixels", f"{MOST_PIXELS:,}") from None
        except UnidentifiedImageError:
            raise PictureError(f"{name} {_what_else(content)}") from None
        except MemoryError:
            raise PictureError(f"{name} does not fit into memory; make it smaller first") from None
        except _BROKEN as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise PictureError(f"{name} is damaged or cut off: {reason:.120}; save it anew") from None


def _from_pillow(picture: Any, name: str, suffix: str, colours: bool, *, is_ours: bool = False) -> Picture:
    """What is in a PIL image; a caller's own is neither made smaller nor moved to another frame."""
    from PIL import ImageOps

    width, height = picture.size
    if width < 1 or height < 1:
        raise PictureError(f"{name} has no pixels ({width}x{height}); {ADVICE}")
    most = _most_pixels(picture)
    if width * height > most:
        raise _too_large(name, f"{width:,}x{height:,} pixels", f"{most:,}")
    notes = []
    kind = picture.format
    if kind in SUFFIXES and suffix and suffix not in SUFFIXES[kind]:
        notes.append(f"named {suffix}, but {kind} inside")
    if getattr(picture, "n_frames", 1) > 1:
        if is_ours:
            picture.seek(0)
        frame = f"number {picture.tell() + 1}" if picture.tell() else "the first"
        notes.append(f"{frame} of {picture.n_frames} frames")
    if is_ours:
        picture.draft(None, (LONGEST, LONGEST))  # JPEG is decoded smaller at once; other formats ignore it
    picture.load()
    picture = shrunk(picture)
    try:
        turned = ImageOps.exif_transpose(picture)
    except _BROKEN:  # the picture is sound, only its EXIF is not
        turned = picture
    if (turned.width > turned.height) != (picture.width > picture.height):
        width, height = height, width
    shown = picture_to_show(turned, LONGEST) if colours else None
    return Picture(grey_of_picture(turned, LONGEST), width, height, "; ".join(notes), shown)


def _most_pixels(picture: Any) -> int:
    """How many pixels fit into the memory that loading may take: some decoders hold all of them several times."""
    copies = 1
    if picture.format == "WEBP":
        copies = 3
    elif picture.format == "TIFF" or "progressive" in picture.info or "progression" in picture.info:
        copies = 2
    return min(MOST_PIXELS, MOST_LOADED_BYTES // (copies * _BYTES_OF_MODE.get(picture.mode, 4)))


def _from_array(array: npt.NDArray[Any], colours: bool) -> Picture:
    expected = "expected uint8 of shape (h, w), (h, w, 3) or (h, w, 4)"
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise PictureError(f"the picture is an array of {array.dtype} and shape {array.shape}; {expected}")
    if not array.size:
        raise PictureError(f"the picture has no pixels: shape {array.shape}; {expected}, with one pixel at least")
    height, width = array.shape[:2]
    if height * width > MOST_PIXELS:
        raise _too_large("the picture", f"{width:,}x{height:,} pixels", f"{MOST_PIXELS:,}")
    shown = None
    if colours:
        from PIL import Image

        shown = picture_to_show(Image.fromarray(array), LONGEST)
    return Picture(grey_of_array(array, LONGEST), width, height, "", shown)


def _too_large(name: str, what: str, most: str) -> PictureError:
    return PictureError(f"{name} is too large: {what}, of at most {most}; make it smaller first")


def _what_else(content: bytes) -> str:
    """What a file is that is no picture of the formats known here, and what to do."""
    start = content[:1024].lstrip().lower()
    if start.startswith((b"<svg", b"<?xml", b"<!doctype svg")) or b"<svg" in start:
        return "is an SVG drawing, which has no pixels; save it as PNG first"
    if content[4:8] == b"ftyp":
        return "is a HEIC, AVIF or video file, which is not read here; save it as JPEG or PNG first"
    if content[:4] == b"%PDF":
        return "is a PDF document; save the page as PNG first"
    if start.startswith((b"<!doctype html", b"<html")):
        return f"is a web page, not a picture; {ADVICE}"
    return f"is no picture in a format that is read here, or its beginning is damaged; {ADVICE}"
