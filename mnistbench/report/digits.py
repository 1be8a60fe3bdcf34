"""The paper's Figure 1: sample digits, easy and hard, as a picture.

What is easy a model's probabilities decide; they come as an array, because this
file runs no model and reads no dataset.

Source: the paper, Figure 1.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from mnistbench.errors import InputError
from mnistbench.files import atomic_write
from mnistbench.layers import INPUT_SHAPE, NUM_CLASSES

SIDE = INPUT_SHAPE[1]

PAPER = (255, 255, 255)
TEXT = (32, 32, 32)
QUIET = (110, 110, 110)
WRONG = (190, 30, 45)
RULE = (215, 215, 215)

# In units of ``scale``, which is also how many picture pixels an image's pixel is wide.
MARGIN = 8
GAP = 7
CAPTION = 9
HEADING = 14
BLOCK_GAP = 7


@dataclass(frozen=True, eq=False)
class DigitSamples:
    """Images to draw, with what is written below them.

    Attributes:
        heading: Above the block.
        images: uint8 of shape ``(n, 28, 28)``, 0 background to 255 ink.
        labels: Integers of shape ``(n,)``, 0 to 9: the truth.
        predictions: Integers of shape ``(n,)``: what the model read; ``None`` leaves that out.
    """

    heading: str
    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.integer]
    predictions: npt.NDArray[np.integer] | None = None

    def __post_init__(self) -> None:
        if self.images.ndim != 3 or self.images.shape[1:] != (SIDE, SIDE) or self.images.dtype != np.uint8:
            raise InputError(
                f"images have the shape {self.images.shape} and dtype {self.images.dtype}; "
                f"expected (n, {SIDE}, {SIDE}) and uint8"
            )
        for name, values in (("labels", self.labels), ("predictions", self.predictions)):
            if values is not None and values.shape != (len(self.images),):
                raise InputError(f"{name} have the shape {values.shape}; expected ({len(self.images)},)")


def pick_easy_and_hard(
    labels: npt.NDArray[np.integer], probabilities_of_truth: npt.NDArray[np.floating], *, per_digit: int = 2
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Choose the images that a model is surest and least sure of.

    Args:
        labels: Integers of shape ``(n,)``, 0 to 9.
        probabilities_of_truth: Shape ``(n,)``, 0 to 1: what the model gives the right class.
        per_digit: How many of each digit; a digit with fewer images gives what it has.

    Returns:
        Indices of the easy and of the hard images. Each is in rows of the digits
        0 to 9: first the easiest (hardest) of every digit, then the second, and so
        on. Equal probabilities are taken in the order of the images.

    Raises:
        InputError: When the arrays do not fit each other or ``per_digit`` is below 1.
    """
    if labels.ndim != 1 or labels.shape != probabilities_of_truth.shape:
        raise InputError(
            f"labels have the shape {labels.shape} and probabilities {probabilities_of_truth.shape}; expected (n,)"
        )
    if per_digit < 1:
        raise InputError(f"per_digit {per_digit} is too small; expected 1 or more")
    return _pick(labels, -probabilities_of_truth, per_digit), _pick(labels, probabilities_of_truth, per_digit)


def draw_digits(easy: DigitSamples, hard: DigitSamples, *, scale: int = 4, per_row: int = NUM_CLASSES) -> Image.Image:
    """Draw two blocks of digits, dark on white, each with its label below.

    Args:
        easy: The upper block.
        hard: The lower block; a prediction that differs from the label is marked.
        scale: Picture pixels for each pixel of an image, from 2 to 16.
        per_row: Images in a row.

    Raises:
        InputError: When ``scale`` or ``per_row`` is out of range or both blocks are empty.
    """
    if not 2 <= scale <= 16 or per_row < 1:
        raise InputError(f"scale {scale} and per_row {per_row}; expected a scale from 2 to 16 and 1 or more in a row")
    blocks = [block for block in (easy, hard) if len(block.images)]
    if not blocks:
        raise InputError("there are no digits to draw; give at least one image")
    columns = min(per_row, max(len(block.images) for block in blocks))
    width = 2 * MARGIN + columns * (SIDE + GAP) - GAP
    height = 2 * MARGIN + sum(_block_height(block, per_row) for block in blocks) + BLOCK_GAP * (len(blocks) - 1)
    picture = Image.new("RGB", (width * scale, height * scale), PAPER)
    top = MARGIN
    for block in blocks:
        _draw_block(picture, block, top, scale, per_row)
        top += _block_height(block, per_row) + BLOCK_GAP
    return picture


def write_png(picture: Image.Image, path: Path) -> None:
    """Write a picture as PNG, whole or not at all.

    Raises:
        OSError: As :func:`mnistbench.files.atomic_write`.
    """
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", optimize=True)
    atomic_write(path, buffer.getvalue())


def _pick(
    labels: npt.NDArray[np.integer], difficulty: npt.NDArray[np.floating], per_digit: int
) -> npt.NDArray[np.intp]:
    order = np.argsort(difficulty, kind="stable")
    of_each = [order[labels[order] == digit][:per_digit] for digit in range(NUM_CLASSES)]
    rows = [chosen[rank] for rank in range(per_digit) for chosen in of_each if rank < len(chosen)]
    return np.array(rows, dtype=np.intp)


def _block_height(block: DigitSamples, per_row: int) -> int:
    rows = -(-len(block.images) // per_row)
    return HEADING + rows * (SIDE + CAPTION + GAP) - GAP


def _draw_block(picture: Image.Image, block: DigitSamples, top: int, scale: int, per_row: int) -> None:
    draw = ImageDraw.Draw(picture)
    heading_font = ImageFont.load_default(size=8 * scale)
    draw.text((MARGIN * scale, top * scale), block.heading, fill=TEXT, font=heading_font, anchor="lt")
    rule = (top + HEADING - 4) * scale
    draw.line((MARGIN * scale, rule, picture.width - MARGIN * scale - 1, rule), fill=RULE, width=max(1, scale // 3))
    caption_font = ImageFont.load_default(size=5.5 * scale)
    for index, image in enumerate(block.images):
        row, column = divmod(index, per_row)
        left = MARGIN + column * (SIDE + GAP)
        upper = top + HEADING + row * (SIDE + CAPTION + GAP)
        # Ink is 255 in the data; on white paper it is dark. Nearest keeps the real pixels visible.
        digit = Image.fromarray(255 - image).resize((SIDE * scale, SIDE * scale), Image.Resampling.NEAREST)
        picture.paste(digit, (left * scale, upper * scale))
        text, colour = _caption(block, index)
        centre = ((left + SIDE / 2) * scale, (upper + SIDE + CAPTION / 2) * scale)
        draw.text(centre, text, fill=colour, font=caption_font, anchor="mm")


def _caption(block: DigitSamples, index: int) -> tuple[str, tuple[int, int, int]]:
    label = int(block.labels[index])
    if block.predictions is None or int(block.predictions[index]) == label:
        return str(label), QUIET
    return f"{label} read as {int(block.predictions[index])}", WRONG
