"""Golden inputs of the normaliser; ``python tests/pictures/normaliser_cases.py`` writes them with their answers anew.

Each case has grey levels as they are seen (``grey``) and the exact 28x28 image that comes out (``image``). Other
implementations, in other languages, must agree within 2.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

VECTORS = Path(__file__).with_name("normaliser_vectors.json")


def cases() -> dict[str, np.ndarray]:
    """Name and grey levels, uint8 of shape ``(h, w)``."""
    generator = np.random.default_rng(3)
    bar = np.zeros((28, 28), np.uint8)
    bar[4:24, 13:15] = 255
    seven = np.full((40, 30), 250, np.uint8)
    seven[6:10, 5:24] = 20
    for row in range(10, 34):
        seven[row, 22 - (row - 10) // 2 : 26 - (row - 10) // 2] = 20
    ring = np.zeros((60, 50))
    y, x = np.mgrid[0:60, 0:50]
    distance = np.hypot((x - 20) / 0.7, y - 33)
    ring = 255 * np.clip(1.5 - np.abs(distance - 17) / 3, 0, 1)
    light = 120 + 100 * (x / 50) + 20 * (y / 60)
    corner = np.zeros((12, 17), np.uint8)
    corner[2, 2:14] = corner[2:9, 2] = 255
    speckled = ring.copy()
    speckled[3, 44] = speckled[55, 2] = 255
    return {
        "a bar that is one already": bar,
        "black on white": 255 - bar,
        "a seven, dark on light": seven,
        "an oval ring off-centre": ring.round().astype(np.uint8),
        "uneven light": (light * (1 - 0.75 * ring / 255)).round().astype(np.uint8),
        "grain": (200 - 150 * ring / 255 + generator.normal(0, 6, ring.shape)).clip(0, 255).round().astype(np.uint8),
        "specks": speckled.round().astype(np.uint8),
        "a hairline": np.pad(np.full((70, 1), 255, np.uint8), ((10, 10), (30, 40))),
        "small and wider than high": corner,
        "one pixel": np.pad(np.full((1, 1), 255, np.uint8), 4),
        "nothing": np.full((12, 12), 77, np.uint8),
    }


def normalised(grey: np.ndarray) -> np.ndarray:
    """The whole way from grey levels to the 28x28 image, without looking nearer."""
    from mnistbench.pictures.clean import keep_strokes
    from mnistbench.pictures.ink import find_ink
    from mnistbench.pictures.normalise import normalise

    return normalise(keep_strokes(find_ink(grey.astype(np.float64)).values).ink)


def write() -> None:
    """The file, one case a line."""
    lines = [
        json.dumps({"name": name, "grey": grey.tolist(), "image": normalised(grey).tolist()}, separators=(",", ":"))
        for name, grey in cases().items()
    ]
    VECTORS.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(write())
