"""Pictures without a digit: textures, shapes, faces, noise, empty paper.

Two lists: one for fitting the decision, one for reporting. Scribbles and empty paper are in both, by other seeds; the
other kinds are in one only.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from pictures.anything import arc, coil, curves, fork, outline, spots
from pictures.scene import light, on_field, to_picture
from pictures.strokes import pen, scribble

Random = np.random.Generator


def shape_of(
    points: Callable[[Random], list[tuple[float, float]]], filled: bool | None
) -> Callable[[Random], Image.Image]:
    """A drawn outline or a filled form from its corners in 0..1."""

    def draw(random: Random) -> Image.Image:
        corners = [tuple(np.array(p) + random.normal(0, 0.015, 2)) for p in points(random)]
        solid = random.random() < 0.5 if filled is None else filled
        size = int(random.integers(40, 160))
        if solid:
            canvas = Image.new("L", (4 * size, 4 * size))
            ImageDraw.Draw(canvas).polygon([(x * 4 * size, y * 4 * size) for x, y in corners], fill=255)
            return canvas.resize((size, size), Image.Resampling.BOX)
        sides = [[a, b] for a, b in zip(corners, [*corners[1:], corners[0]], strict=True)]
        return pen(sides, size, random.uniform(0.03, 0.1), 1.0, 0.0)

    return draw


def star(points: int) -> list[tuple[float, float]]:
    """Corners of a star."""
    angles = np.arange(2 * points) * np.pi / points - np.pi / 2
    radii = np.where(np.arange(2 * points) % 2, 0.2, 0.5)
    return [(0.5 + r * np.cos(a), 0.5 + r * np.sin(a)) for r, a in zip(radii, angles, strict=True)]


def plus(random: Random) -> Image.Image:
    """A cross of two strokes, upright or lying."""
    lines = [[(0.5, 0), (0.5, 1)], [(0, 0.5), (1, 0.5)]]
    if random.random() < 0.5:
        lines = [[(0, 0), (1, 1)], [(0, 1), (1, 0)]]
    return pen(lines, int(random.integers(40, 160)), random.uniform(0.05, 0.15), 1.0, 0.0)


def spiral(random: Random) -> Image.Image:
    """A spiral of two to four turns."""
    t = np.linspace(0.1, 1, 40)
    a = t * 2 * np.pi * random.uniform(2, 4) + random.uniform(0, 6)
    points = [(0.5 + 0.5 * r * np.cos(b), 0.5 + 0.5 * r * np.sin(b)) for r, b in zip(t, a, strict=True)]
    return pen([points], int(random.integers(50, 160)), random.uniform(0.03, 0.06), 1.0, 0.0)


def grid(random: Random) -> Image.Image:
    """Crossing lines."""
    n = int(random.integers(3, 5))
    at = np.linspace(0, 1, n)
    lines = [[(x, 0), (x, 1)] for x in at] + [[(0, y), (1, y)] for y in at]
    return pen(lines, int(random.integers(50, 160)), random.uniform(0.03, 0.06), 1.0, 0.0)


def arrow(random: Random) -> Image.Image:
    """An arrow to the right or left."""
    tip, tail = (1.0, 0.0) if random.random() < 0.5 else (0.0, 1.0)
    near = 0.65 if tip else 0.35
    lines = [[(tail, 0.5), (tip, 0.5)], [(near, 0.2), (tip, 0.5)], [(near, 0.8), (tip, 0.5)]]
    return pen(lines, int(random.integers(40, 160)), random.uniform(0.05, 0.12), 1.2, 0.0)


def oval(cx: float, cy: float, rx: float, ry: float, start: float = 0, end: float = 360) -> list[tuple[float, float]]:
    """Points on an oval, by angle in degrees."""
    angles = np.radians(np.linspace(start, end, 16))
    return [(cx + rx * float(np.cos(a)), cy + ry * float(np.sin(a))) for a in angles]


def smiley(random: Random) -> Image.Image:
    """A round face: outline, dots for eyes, an arc for the mouth."""
    down = random.random() < 0.5
    mouth = oval(0.5, 0.6, 0.25, 0.18, 20, 160) if down else oval(0.5, 0.85, 0.25, 0.18, 200, 340)
    lines = [oval(0.5, 0.5, 0.5, 0.5), oval(0.32, 0.38, 0.03, 0.04), oval(0.68, 0.38, 0.03, 0.04), mouth]
    return pen(lines, int(random.integers(60, 160)), random.uniform(0.03, 0.07), random.uniform(0.8, 1.1), 0.0)


def portrait(random: Random) -> Image.Image:
    """A face in tones: hair, skin, eyes, nose and mouth, blurred; no line drawing at all."""
    size = int(random.integers(80, 200))
    tones = random.uniform([150, 120, 30, 30, 90], [230, 210, 90, 70, 140])
    picture = Image.new("L", (size, size), int(random.integers(60, 220)))
    draw = ImageDraw.Draw(picture)

    def blot(cx: float, cy: float, rx: float, ry: float, tone: float) -> None:
        draw.ellipse(((cx - rx) * size, (cy - ry) * size, (cx + rx) * size, (cy + ry) * size), fill=int(tone))

    blot(0.5, 0.45, 0.36, 0.42, tones[2])
    blot(0.5, 0.52, 0.28, 0.36, tones[0])
    for side in (-1, 1):
        blot(0.5 + side * 0.12, 0.45, 0.055, 0.03, 240)
        blot(0.5 + side * 0.12, 0.45, 0.025, 0.028, tones[3])
    blot(0.5, 0.57, 0.04, 0.07, tones[1])
    blot(0.5, 0.72, 0.1, 0.03, tones[4])
    return to_picture(np.asarray(picture.filter(ImageFilter.GaussianBlur(size / 60)), dtype=float))


def mask_face(random: Random) -> Image.Image:
    """A face of another style: pointed chin, brows, a nose line, straight mouth, ears."""
    lines = [
        [(0.15, 0.1), (0.1, 0.5), (0.3, 0.85), (0.5, 1), (0.7, 0.85), (0.9, 0.5), (0.85, 0.1), (0.5, 0), (0.15, 0.1)],
        [(0.25, 0.3), (0.42, 0.28)],
        [(0.58, 0.28), (0.75, 0.3)],
        oval(0.33, 0.4, 0.06, 0.03),
        oval(0.67, 0.4, 0.06, 0.03),
        [(0.5, 0.42), (0.45, 0.62), (0.54, 0.63)],
        [(0.35, 0.78), (0.5, 0.8), (0.65, 0.78)],
    ]
    moved = [[tuple(np.array(p) + random.normal(0, 0.01, 2)) for p in line] for line in lines]
    return pen(moved, int(random.integers(60, 160)), random.uniform(0.025, 0.05), random.uniform(0.7, 1.0), 0.0)


def smooth_noise(random: Random, size: int, grain: float) -> np.ndarray:
    """Noise blurred to spots of ``grain`` pixels, 0 to 255."""
    raw = Image.fromarray(random.integers(0, 256, (size, size)).astype(np.uint8))
    blurred = np.asarray(raw.filter(ImageFilter.GaussianBlur(grain)), dtype=float)
    return (blurred - blurred.min()) / max(1e-9, blurred.max() - blurred.min()) * 255


def texture(name: str) -> Callable[[Random], Image.Image]:
    """A surface: ``noise, clouds, stripes, checks, gradient, bricks, dots, wood, weave, stones, static``."""

    def draw(random: Random) -> Image.Image:
        size = int(random.integers(40, 200))
        y, x = np.mgrid[0:size, 0:size] / size
        a, n = random.uniform(0, np.pi), random.uniform(3, 9)
        along, across = x * np.cos(a) + y * np.sin(a), y * np.cos(a) - x * np.sin(a)
        if name in ("noise", "static"):
            grain = (
                random.uniform(0, 255, (size, size)) if name == "noise" else 255.0 * (random.random((size, size)) < 0.2)
            )
            return to_picture(grain)
        if name in ("clouds", "stones"):
            field = smooth_noise(random, size, size / random.uniform(8, 25))
            return to_picture(field if name == "clouds" else 255.0 * (field > np.median(field)))
        waves = {
            "stripes": 255.0 * (np.sin(along * n * 6.3) > 0),
            "checks": 255.0 * ((np.floor(along * n) + np.floor(across * n)) % 2),
            "gradient": 255 * along,
            "bricks": 60 + 140.0 * ((y * n % 1 > 0.12) & ((x * n / 2 + (np.floor(y * n) % 2) / 2) % 1 > 0.06)),
            "dots": 255.0 * (((along * n % 1) - 0.5) ** 2 + ((across * n % 1) - 0.5) ** 2 > 0.08),
            "wood": 120 + 60 * np.sin(along * 30 + 5 * np.sin(across * 4) + smooth_noise(random, size, size / 15) / 60),
            "weave": 127 + 60 * (np.sin(along * n * 6.3) * np.sign(np.sin(across * n * 6.3))),
        }
        low, high = sorted(random.uniform(0, 255, 2))
        return to_picture(low + (waves[name] / 255) * max(high - low, 60))

    return draw


def empty(random: Random) -> Image.Image:
    """Paper with nothing on it, under uneven light, with grain or without."""
    size = int(random.integers(28, 200))
    paper = (
        random.uniform(120, 250) * light((size, size), random)
        if random.random() < 0.5
        else np.full((size, size), 240.0)
    )
    return to_picture(paper + random.normal(0, 1, (size, size)) * random.choice([0.0, 2.0, 6.0]))


TRIANGLE = [(0.5, 0.02), (0.98, 0.95), (0.02, 0.95)]
HOUSE = [(0.1, 1), (0.1, 0.45), (0.5, 0), (0.9, 0.45), (0.9, 1)]
SQUARE = [(0.05, 0.05), (0.95, 0.05), (0.95, 0.95), (0.05, 0.95)]
HEXAGON = [(0.25, 0.05), (0.75, 0.05), (1, 0.5), (0.75, 0.95), (0.25, 0.95), (0, 0.5)]

FITTED_DRAWINGS: dict[str, Callable[[Random], Image.Image]] = {
    "scribbles": lambda random: scribble(int(random.integers(50, 160)), random, turns=int(random.integers(8, 16))),
    "shapes: triangle": shape_of(lambda _: TRIANGLE, None),
    "shapes: star": shape_of(lambda _: star(5), None),
    "shapes: plus": plus,
    "shapes: grid": grid,
    "faces: smiley": smiley,
    "arcs": arc,
    "forks": fork,
    "coils": coil,
    "curves": curves,
    "outlines": outline,
}
FITTED_SURFACES = {name: texture(name) for name in ("noise", "clouds", "stripes", "checks", "dots")} | {
    "empty": empty,
    "spots": spots,
}

REPORTED_DRAWINGS: dict[str, Callable[[Random], Image.Image]] = {
    "scribbles": lambda random: scribble(int(random.integers(50, 160)), random, turns=int(random.integers(7, 20))),
    "shapes: house": shape_of(lambda _: HOUSE, None),
    "shapes: square": shape_of(lambda _: SQUARE, None),
    "shapes: hexagon": shape_of(lambda _: HEXAGON, True),
    "shapes: many-pointed star": shape_of(lambda _: star(8), None),
    "shapes: arrow": arrow,
    "shapes: spiral": spiral,
    "faces: mask": mask_face,
}
REPORTED_SURFACES = {name: texture(name) for name in ("gradient", "bricks", "wood", "weave", "stones", "static")} | {
    "empty": empty,
    "portraits": portrait,
}


def drawn_negative(draw: Callable[[Random], Image.Image], random: Random) -> Image.Image:
    """A drawing on a field; mode L, to be put on paper."""
    return on_field(draw(random), random)
