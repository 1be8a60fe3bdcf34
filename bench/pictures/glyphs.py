"""Digits, letters and signs in the fonts of the machine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.fonts", "/Library/Fonts", "C:/Windows/Fonts")

OTHER_LETTERS = "AEFHKMNRTVWXadefhkmnprtvwxy"
"""Letters taken to be far from every digit: about half of the alphabet, and the easier one."""

NEAR_LETTERS = "CDGJLPQUYciju"
"""Letters that are no digit, but near one: a digit with a stroke more or less, or as a hurried hand leaves it."""

TWINS = "BIOSZbgloqsz"
"""Letters that are a digit too in most fonts or hands: 8, 1, 0, 5, 2, 6, 9, 1, 0, 9, 5, 2. Either may be meant."""

SIGNS = "#@&%?$+=*{}~"


def find_fonts(*families: str) -> list[Path]:
    """TrueType files below the usual folders whose name begins with one of ``families``, by name."""
    found = {
        path.name: path
        for folder in FOLDERS
        for path in sorted(Path(folder).expanduser().rglob("*.[to]tf"))
        if path.name.startswith(families)
    }
    return [found[name] for name in sorted(found)]


def glyph(text: str, font: Path, size: int) -> Image.Image:
    """A text in a font, cropped to its ink: mode L, 255 ink on 0."""
    loaded = ImageFont.truetype(str(font), size)
    left, top, right, bottom = loaded.getbbox(text)
    canvas = Image.new("L", (max(1, int(right - left)), max(1, int(bottom - top))))
    ImageDraw.Draw(canvas).text((-left, -top), text, fill=255, font=loaded)
    return canvas


def random_glyph(letters: str, fonts: list[Path], random: np.random.Generator) -> tuple[str, Image.Image]:
    """One of the letters in one of the fonts, 24 to 160 points high."""
    letter = letters[random.integers(len(letters))]
    font = fonts[random.integers(len(fonts))]
    return letter, glyph(letter, font, int(random.integers(24, 161)))
