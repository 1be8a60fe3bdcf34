"""From an opened picture to the 28x28 images that a network is asked about; no network takes part.

What comes out is small and can go from one process to another.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from mnistbench.pictures.clean import Strokes, keep_strokes
from mnistbench.pictures.decode import Picture, open_picture
from mnistbench.pictures.features import shape_features
from mnistbench.pictures.ink import find_ink
from mnistbench.pictures.normalise import Image28, ink_box, normalise
from mnistbench.pictures.resample import Grey, reduced
from mnistbench.pictures.segment import MOST_REGIONS, Cutout, segment

WORKING = 192
"""Pixels of the longer side on which one digit is looked for."""

WORKING_ROW = 768
"""Likewise for several in a row."""

SMALL = 48
"""Pixels of the working picture; a smaller digit is looked at again, from nearer."""

AROUND = 0.75
"""Of the digit's longer side: how much paper is kept around it then."""


@dataclass(frozen=True, eq=False)
class Piece:
    """What may be one digit.

    Attributes:
        image: uint8 of shape ``(28, 28)``: exactly what the network is given.
        shape: Its :func:`mnistbench.pictures.features.shape_features`.
        box: Left, top, right and bottom in pixels of the original, as it stands upright.
    """

    image: Image28
    shape: Grey
    box: tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class Prepared:
    """A picture ready for the networks.

    Attributes:
        groups: From left to right; of each the ways to cut it, of each way the pieces. Without ``multi`` there is one
            group with one piece, or none where there is no ink; so too where there are too many shapes.
        dark_on_light: Whether the ink was darker than the paper.
        note: What is unusual about the file.
        width: Pixels of the original.
        height: Likewise.
        too_many: With ``multi``, how many shapes there are, if more than
            :data:`mnistbench.pictures.segment.MOST_REGIONS`: no row of digits; else 0.
    """

    groups: tuple[tuple[tuple[Piece, ...], ...], ...]
    dark_on_light: bool
    note: str
    width: int
    height: int
    too_many: int = 0


def prepare(source: Any, *, multi: bool = False) -> Prepared:
    """Open a picture and find what may be digits in it.

    Args:
        source: As :func:`mnistbench.pictures.decode.open_picture` takes it.
        multi: Whether to look for several digits in a row.

    Raises:
        PictureError: When it cannot be opened.
    """
    return prepare_picture(open_picture(source), multi=multi)


def prepare_picture(picture: Picture, *, multi: bool = False) -> Prepared:
    """As :func:`prepare`, for a picture that is open."""
    view = View(picture.grey, 0, 0, picture.width / picture.grey.shape[1])
    working, strokes, dark = _looked_at(view, WORKING_ROW if multi else WORKING)
    if not multi:
        box = ink_box(strokes.ink)
        if box is not None and max(box[2] - box[0], box[3] - box[1]) < SMALL and max(view.grey.shape) > WORKING:
            nearer = _looked_at(view.nearer(working, box), WORKING)
            working, strokes, dark = nearer if nearer[1].regions else (working, strokes, dark)
    num_shapes = len(strokes.regions)
    too_many = num_shapes if multi and num_shapes > MOST_REGIONS else 0
    whole = (((Cutout(strokes.ink, 0, 0),),),) if strokes.regions else ()
    cutouts = segment(strokes) if multi and not too_many else whole
    groups = tuple(
        tuple(tuple(_piece(cutout, working) for cutout in way) for way in ways)
        for ways in cutouts
    )  # fmt: skip
    return Prepared(groups, dark, picture.note, picture.width, picture.height, too_many)


@dataclass(frozen=True, eq=False)
class View:
    """A part of a picture at some size.

    Attributes:
        grey: Shape ``(h, w)``, 0 to 255.
        top: Where it begins, in pixels of the original.
        left: Likewise.
        scale: Pixels of the original for each of its own.
    """

    grey: Grey
    top: float
    left: float
    scale: float

    def nearer(self, working: View, box: tuple[int, int, int, int]) -> View:
        """The surroundings of a box that was found on a reduced view."""
        factor = working.scale / self.scale
        top, left, bottom, right = (edge * factor for edge in box)
        around = AROUND * max(bottom - top, right - left)
        first_row, first_column = max(0, math.floor(top - around)), max(0, math.floor(left - around))
        part = self.grey[first_row : math.ceil(bottom + around), first_column : math.ceil(right + around)]
        return View(part, self.top + first_row * self.scale, self.left + first_column * self.scale, self.scale)


def _looked_at(view: View, longest: int) -> tuple[View, Strokes, bool]:
    grey = reduced(view.grey, longest)
    ink = find_ink(grey)
    working = View(grey, view.top, view.left, view.scale * view.grey.shape[1] / grey.shape[1])
    return working, keep_strokes(ink.values), ink.dark_on_light


def _piece(cutout: Cutout, working: View) -> Piece:
    image = normalise(cutout.ink)
    top, left, bottom, right = ink_box(cutout.ink) or (0, 0, *cutout.ink.shape)
    edges = (
        working.left + (cutout.left + left) * working.scale,
        working.top + (cutout.top + top) * working.scale,
        working.left + (cutout.left + right) * working.scale,
        working.top + (cutout.top + bottom) * working.scale,
    )
    return Piece(image, shape_features(image), (round(edges[0]), round(edges[1]), round(edges[2]), round(edges[3])))


def empty_image() -> Image28:
    """28x28 pixels without ink."""
    return np.zeros((28, 28), dtype=np.uint8)
