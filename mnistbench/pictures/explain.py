"""A picture of an answer: the original, the exact 28x28 input, and ten bars.

Draws; knows no model.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mnistbench.files import atomic_write
from mnistbench.pictures.decode import Picture
from mnistbench.pictures.read import Answer

SIDE = 280
"""Pixels of each of the three panels."""

MARGIN = 20
HEAD = 64
FOOT = 34
PAPER = (255, 255, 255)
TEXT = (32, 32, 32)
QUIET = (100, 100, 100)
GROUND = (236, 236, 236)
BAR = (150, 165, 185)
WINNER = (20, 90, 170)
REFUSED = (190, 30, 45)


def draw_explanation(picture: Picture, answer: Answer, name: str = "") -> Image.Image:
    """Draw an answer; one row of panels for each digit that was read.

    Args:
        picture: As :func:`mnistbench.pictures.decode.open_picture` opens it with ``colours``.
        answer: What was read on it.
        name: Written above.
    """
    digits = answer.digits or (answer,)
    width = 3 * SIDE + 4 * MARGIN
    sheet = Image.new("RGB", (width, HEAD + len(digits) * (SIDE + FOOT) + MARGIN), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN, 12), _fitting(name, width - 2 * MARGIN), fill=TEXT, font=_font(17))
    draw.text((MARGIN, 38), _headline(answer), fill=TEXT if _read(answer) else REFUSED, font=_font(15))
    for row, digit in enumerate(digits):
        top = HEAD + row * (SIDE + FOOT)
        _draw_original(sheet, picture, digit, top)
        enlarged = Image.fromarray(digit.image).resize((SIDE, SIDE), Image.Resampling.NEAREST)
        sheet.paste(enlarged.convert("RGB"), (2 * MARGIN + SIDE, top))
        _draw_bars(draw, digit, top)
        for column, caption in enumerate(("picture", "input, 28x28", "probability")):
            centre = MARGIN + column * (SIDE + MARGIN) + SIDE / 2
            draw.text((centre, top + SIDE + 6), caption, fill=QUIET, font=_font(13), anchor="ma")
    return sheet


def write_explanation(picture: Image.Image, path: Path) -> None:
    """Write it as PNG, whole or not at all.

    Raises:
        OSError: As :func:`mnistbench.files.atomic_write`.
    """
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    atomic_write(path, buffer.getvalue())


def _read(answer: Answer) -> bool:
    return answer.is_digit or any(digit.is_digit for digit in answer.digits)


def _headline(answer: Answer) -> str:
    if answer.text:
        return f"read as {answer.text}"
    if answer.label is not None and answer.probabilities is not None:
        return f"read as {answer.label}, with probability {answer.probabilities[answer.label]:.1%}"
    return f"not a digit: {answer.reason}"


def _draw_original(sheet: Image.Image, picture: Picture, digit: Answer, top: int) -> None:
    original = picture.shown
    scale = min(SIDE / original.width, SIDE / original.height)
    size = (max(1, round(original.width * scale)), max(1, round(original.height * scale)))
    small = original.resize(size, Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BOX)
    draw = ImageDraw.Draw(sheet)
    draw.rectangle((MARGIN, top, MARGIN + SIDE - 1, top + SIDE - 1), fill=GROUND)
    left, upper = MARGIN + (SIDE - size[0]) // 2, top + (SIDE - size[1]) // 2
    sheet.paste(small, (left, upper))
    if digit.box is not None:
        factor = size[0] / picture.width
        x0, y0, x1, y1 = (edge * factor for edge in digit.box)
        colour = WINNER if digit.is_digit else REFUSED
        draw.rectangle((left + x0 - 1, upper + y0 - 1, left + x1, upper + y1), outline=colour, width=2)


def _draw_bars(draw: ImageDraw.ImageDraw, digit: Answer, top: int) -> None:
    left = 3 * MARGIN + 2 * SIDE
    height = SIDE / 10
    longest = SIDE - 90
    probabilities = np.zeros(10) if digit.probabilities is None else np.array(digit.probabilities)
    for label, probability in enumerate(probabilities):
        middle = top + (label + 0.5) * height
        wins = digit.probabilities is not None and label == int(probabilities.argmax())
        colour = (WINNER if digit.is_digit else REFUSED) if wins else BAR
        draw.text((left + 10, middle), str(label), fill=TEXT, font=_font(16), anchor="mm")
        start = left + 26
        draw.rectangle((start, middle - 9, start + longest, middle + 9), fill=GROUND)
        if probability * longest >= 1:
            draw.rectangle((start, middle - 9, start + probability * longest, middle + 9), fill=colour)
        draw.text((left + SIDE, middle), f"{probability:.1%}", fill=TEXT, font=_font(13), anchor="rm")


def _font(size: int) -> Any:
    return ImageFont.load_default(size=size)


def _fitting(text: str, width: int) -> str:
    """The end of a text that is too long, which is where a file's name stands."""
    text = "".join(letter if letter.isprintable() else "?" for letter in text)
    font = _font(17)
    while text and font.getlength(text) > width:
        text = "…" + text[2:] if text.startswith("…") else "…" + text[1:]
    return text
