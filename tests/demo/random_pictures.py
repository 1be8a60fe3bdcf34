"""Pictures of strokes at random: sizes, light, noise, polarity and colours; uint8 arrays."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter


def random_picture(generator: np.random.Generator) -> np.ndarray:
    """Grey levels of shape ``(h, w)``."""
    width, height = (int(side) for side in generator.integers(8, 400, 2))
    picture = Image.new("L", (width, height))
    pen = ImageDraw.Draw(picture)
    for _ in range(generator.integers(1, 4)):
        corners = generator.integers(0, (width, height), (generator.integers(2, 6), 2))
        thick = int(generator.integers(1, max(2, min(width, height) // 8)))
        pen.line([tuple(corner) for corner in corners.tolist()], fill=255, width=thick, joint="curve")
    if generator.random() < 0.5:
        picture = picture.filter(ImageFilter.GaussianBlur(generator.uniform(0.3, 2)))
    ink = np.asarray(picture) / 255.0
    y, x = np.mgrid[0:height, 0:width]
    light = np.full((height, width), generator.uniform(60, 250))
    if generator.random() < 0.6:
        light = light + generator.uniform(-60, 60) * x / width + generator.uniform(-60, 60) * y / height
    grey = light * (1 - generator.uniform(0.3, 1) * ink)
    if generator.random() < 0.4:
        grey = 255 - grey
    if generator.random() < 0.5:
        grey = grey + generator.normal(0, generator.uniform(0.5, 12), grey.shape)
    return grey.clip(0, 255).round().astype(np.uint8)


def coloured(grey: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The picture in colours, of shape ``(h, w, 4)``, partly transparent in two of three cases."""
    tints = generator.uniform(0.2, 1, 3)
    colours = np.empty((*grey.shape, 4))
    colours[..., :3] = grey[..., None] * tints
    kind = generator.integers(0, 3)
    colours[..., 3] = 255 if kind == 0 else 255 - grey if kind == 1 else generator.integers(0, 2, grey.shape) * 255
    return colours.round().astype(np.uint8)
