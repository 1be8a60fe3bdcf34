"""Makes a very large picture smaller strip by strip, so that no second copy of all its pixels is ever in memory.

Takes PIL images; knows nothing of files, and leaves pictures of usual size as they are.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

LARGE = 16_000_000
"""Pixels; up to this a few copies of a picture take no more than some hundred megabytes."""

SMALLER = 4_000_000
"""Pixels of what is made of a larger one."""

STRIP_PIXELS = 2_000_000
"""Of the picture, at a time."""


def shrunk(picture: Any) -> Any:
    """The picture with each ``k x k`` pixels averaged to one, where it has more than :data:`LARGE`.

    ``k`` is the least whole number that leaves :data:`SMALLER` or fewer. Palettes become colours; deep
    pixels become mode F.
    """
    from PIL import Image

    pixels = picture.width * picture.height
    if pixels <= LARGE:
        return picture
    factor = math.ceil(math.sqrt(pixels / SMALLER))
    # A picture of few rows is not averaged away.
    across, down = min(factor, picture.width), min(factor, picture.height)
    is_deep = picture.mode.startswith("I") or picture.mode == "F"
    mode = "F" if is_deep else _averaged_mode(picture)
    size = (math.ceil(picture.width / across), math.ceil(picture.height / down))
    whole = Image.new(mode, size)
    rows = max(1, STRIP_PIXELS // (picture.width * down)) * down
    for top in range(0, picture.height, rows):
        strip = picture.crop((0, top, picture.width, min(picture.height, top + rows)))
        strip = _deep(strip) if is_deep else strip.convert(mode)
        whole.paste(strip.reduce((across, down)), (0, top // down))
    whole.info = {key: value for key, value in picture.info.items() if key != "transparency"}
    return whole


def _averaged_mode(picture: Any) -> str:
    if "A" in picture.mode or "a" in picture.mode or "transparency" in picture.info:
        return "RGBA"
    return "L" if picture.mode in ("1", "L") else "RGB"


def _deep(strip: Any) -> Any:
    from PIL import Image

    return Image.fromarray(np.nan_to_num(np.asarray(strip, dtype=np.float32), nan=0.0, posinf=0.0, neginf=0.0))
