"""Colours, transparency and deep pixels to one grey level a pixel, 0 to 255, at a bounded size.

Takes PIL images and arrays that are open already; knows nothing of files.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mnistbench.pictures.resample import Grey, reduced

LUMINANCE = (0.299, 0.587, 0.114)
"""Of red, green and blue. Source: ITU-R BT.601, as Pillow's mode L."""

BETTER = 1.5
"""A single colour is taken in place of luminance where its levels spread this many times as far: yellow on white."""

MOSTLY_OPAQUE = 0.6
"""From this share of visible pixels on they are a picture with holes; below, ink on a transparent ground."""


def grey_of_picture(picture: Any, longest: int) -> Grey:
    """Grey levels of a PIL image, its longer side at most ``longest`` pixels.

    Returns:
        Shape ``(h, w)``, 0 (black) to 255 (white).
    """
    mode = picture.mode
    if mode.startswith("I") or mode == "F":
        return reduced(_deep_levels(np.asarray(picture, dtype=np.float64)), longest)
    transparent = "A" in mode or "a" in mode or "transparency" in picture.info
    if transparent:
        picture = _smaller(picture.convert("RGBA"), longest)
    elif mode in ("L", "1"):
        return np.asarray(_smaller(picture.convert("L"), longest), dtype=np.float64)
    else:
        picture = _smaller(picture, longest).convert("RGB")
    return grey_of_array(np.asarray(picture), longest)


def grey_of_array(array: npt.NDArray[np.uint8], longest: int) -> Grey:
    """Grey levels of an array, its longer side at most ``longest`` pixels.

    Args:
        array: uint8 of shape ``(h, w)``, ``(h, w, 3)`` or ``(h, w, 4)``; the fourth is opacity.
        longest: 1 or more.

    Returns:
        Shape ``(h, w)``, 0 to 255.
    """
    if array.ndim == 2:
        return reduced(array.astype(np.float64), longest)
    levels = array.astype(np.float64)
    grey = _telling_channel(levels[..., :3])
    if array.shape[2] == 4:
        grey = _flattened(grey, levels[..., 3] / 255.0)
    return reduced(grey, longest)


def picture_to_show(picture: Any, longest: int) -> Any:
    """A PIL image of mode RGB to look at, transparency on white."""
    from PIL import Image

    if picture.mode.startswith("I") or picture.mode == "F":
        grey = _deep_levels(np.asarray(picture, dtype=np.float64))
        return _smaller(Image.fromarray(grey.astype(np.uint8)).convert("RGB"), longest)
    layer = _smaller(picture.convert("RGBA"), longest)
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")


def _telling_channel(colours: Grey) -> Grey:
    """Luminance, or the one of red, green and blue that tells ink from paper far better."""
    luminance: Grey = colours @ np.array(LUMINANCE)
    spread = colours.std(axis=(0, 1))
    best = int(spread.argmax())
    channel: Grey = colours[..., best]
    return channel if spread[best] > BETTER * luminance.std() and spread[best] > 1.0 else luminance


def _flattened(grey: Grey, opacity: Grey) -> Grey:
    """The picture on a ground of its own.

    Where most is visible, holes get the median of what is. Else it is ink on a transparent ground, which becomes
    white or black, whichever is farther from the ink.
    """
    seen = opacity > 0.5
    if seen.mean() >= MOSTLY_OPAQUE:
        ground = float(np.median(grey[seen]))
    else:
        ink = float((grey * opacity).sum() / opacity.sum()) if opacity.sum() else 0.0
        ground = 255.0 if ink < 127.5 else 0.0
    return grey * opacity + ground * (1.0 - opacity)


def _deep_levels(levels: Grey) -> Grey:
    """Levels of 12, 16 or 32 bits, or of any range at all, as 0 to 255."""
    levels = np.nan_to_num(levels, nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(levels.min()), float(levels.max())
    for top in (255.0, 4095.0, 65535.0):
        if low >= 0 and high <= top and high > 1:
            return levels * (255.0 / top)
    return (levels - low) * (255.0 / (high - low)) if high > low else np.zeros_like(levels)


def _smaller(picture: Any, longest: int) -> Any:
    """The picture with its longer side at most ``longest``, averaged; colours of a palette are made real first."""
    from PIL import Image

    if max(picture.size) <= longest:
        return picture
    if picture.mode in ("P", "1"):
        picture = picture.convert("RGB")
    scale = longest / max(picture.size)
    size = tuple(max(1, round(side * scale)) for side in picture.size)
    return picture.resize(size, Image.Resampling.BOX)
