"""What happens to ink on its way into a picture: turned, coloured, put on paper, photographed.

Ink comes as mode L, 255 on 0; pictures leave as mode RGB.
"""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

Levels = npt.NDArray[np.float64]


def on_field(ink: Image.Image, random: np.random.Generator, *, turn: float = 10.0) -> Image.Image:
    """Turned by up to ``turn`` degrees and laid anywhere on a field 1.2 to 2.2 times as large."""
    turned = ink.rotate(random.uniform(-turn, turn), Image.Resampling.BICUBIC, expand=True)
    side = max(turned.size)
    width, height = (int(length + side * random.uniform(0.2, 1.2)) for length in turned.size)
    field = Image.new("L", (width, height))
    x, y = random.integers(0, width - turned.width + 1), random.integers(0, height - turned.height + 1)
    field.paste(turned, (int(x), int(y)))
    return field


def clean(ink: Image.Image, random: np.random.Generator) -> Image.Image:
    """Two flat colours at least 70 levels of grey apart, as a drawing program leaves them."""
    while True:
        paper, pen = random.integers(0, 256, 3), random.integers(0, 256, 3)
        if abs(float((paper - pen) @ (0.299, 0.587, 0.114))) > 70:
            break
    share = np.asarray(ink, dtype=float)[..., None] / 255
    return to_picture(paper + (pen - paper) * share)


def scanned(ink: Image.Image, random: np.random.Generator) -> Image.Image:
    """Dark pen on light paper with grain."""
    share = np.asarray(ink, dtype=float)[..., None] / 255
    paper, pen = random.uniform(190, 250) - random.uniform(0, 25, 3), random.uniform(10, 90, 3)
    return to_picture(paper + (pen - paper) * share + random.normal(0, random.uniform(2, 10), (*share.shape[:2], 1)))


def photographed(ink: Image.Image, random: np.random.Generator, *, lined: bool = False) -> Image.Image:
    """Seen from aside under uneven light, blurred, with noise and JPEG's traces; on ruled paper if asked."""
    ink = in_perspective(ink, random)
    share = np.asarray(ink, dtype=float)[..., None] / 255
    paper = np.ones((*share.shape[:2], 3)) * (random.uniform(200, 245) - random.uniform(0, 20, 3))
    if lined:
        paper = ruled(paper, random)
    pen = random.uniform(10, 80, 3)
    lit = (paper + (pen - paper) * share) * light(share.shape[:2], random)[..., None]
    picture = to_picture(lit).filter(ImageFilter.GaussianBlur(random.uniform(0.2, 0.012 * max(ink.size) + 0.4)))
    noisy = to_picture(np.asarray(picture, dtype=float) + random.normal(0, random.uniform(1, 6), (*share.shape[:2], 3)))
    buffer = io.BytesIO()
    noisy.save(buffer, "JPEG", quality=int(random.integers(45, 90)))
    return Image.open(buffer).convert("RGB")


def ruled(paper: Levels, random: np.random.Generator) -> Levels:
    """Paper with horizontal lines, as exercise books have them, fainter than any pen."""
    height = paper.shape[0]
    gap = max(12, int(height / random.uniform(2.5, 6)))
    thick = max(1, gap // 25)
    lines = paper.copy()
    for top in range(int(random.integers(0, gap)), height, gap):
        lines[top : top + thick] *= (0.72, 0.78, 0.9)
    return lines


def light(shape: tuple[int, ...], random: np.random.Generator) -> Levels:
    """Brightness over a picture, 0.4 to 1: from one side, or from a lamp above some point."""
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]]
    x, y = x / shape[1] - 0.5, y / shape[0] - 0.5
    angle = random.uniform(0, 2 * np.pi)
    if random.random() < 0.5:
        level = 0.5 + (x * np.cos(angle) + y * np.sin(angle)) / 1.42
    else:
        cx, cy = random.uniform(-0.5, 0.5, 2)
        level = np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / random.uniform(0.4, 1.2))
    return 1 - random.uniform(0.1, 0.6) * (1 - level)


def in_perspective(ink: Image.Image, random: np.random.Generator) -> Image.Image:
    """The field seen from aside: its corners moved by up to a twelfth of its size."""
    width, height = ink.size
    target = np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=float)
    source = target + random.uniform(-1, 1, (4, 2)) * (width / 12, height / 12)
    rows = []
    for (x, y), (u, v) in zip(target, source, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y, u], [0, 0, 0, x, y, 1, -v * x, -v * y, v]]
    system = np.array(rows)
    found = np.linalg.solve(system[:, :8], system[:, 8])
    return ink.transform(ink.size, Image.Transform.PERSPECTIVE, found.tolist(), Image.Resampling.BICUBIC)


def to_picture(levels: Levels) -> Image.Image:
    """Levels of shape ``(h, w)`` or ``(h, w, 3)`` as a picture."""
    return Image.fromarray(levels.clip(0, 255).round().astype(np.uint8)).convert("RGB")
