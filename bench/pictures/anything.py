"""Drawings and surfaces of no kind in particular, for fitting the decision "no digit".

What is to be refused is everything but ten shapes, and no list of kinds is everything. These are made at random from
simple parts: curves, arcs, strokes that branch, coils, closed outlines, and heaps of grey spots, as photographs are to
a machine that sees only tones.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from pictures.scene import light, to_picture
from pictures.strokes import Points, pen

Random = np.random.Generator


def _drawn(strokes: list[Points], random: Random) -> Image.Image:
    """Strokes by a pen of any width in any proportions."""
    return pen(strokes, int(random.integers(40, 160)), random.uniform(0.03, 0.13), random.uniform(0.6, 1.4), 0.0)


def _turned(points: np.ndarray, random: Random, most: float = np.pi) -> Points:
    """Points around the origin, turned at random, moved into 0..1."""
    angle = random.uniform(-most, most)
    turned = points @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    low, high = turned.min(0), turned.max(0)
    return [(float(x), float(y)) for x, y in (turned - low) / max(float((high - low).max()), 1e-9)]


def arc(random: Random) -> Image.Image:
    """A part of an oval, open by a quarter at least, to any side; now and then with dots or a bar in it."""
    span = random.uniform(1.7, 4.6)
    turns = np.linspace(0, span, 14)
    points = _turned(np.stack([np.cos(turns), random.uniform(0.6, 1.3) * np.sin(turns)], axis=1), random)
    strokes = [points]
    for _ in range(int(random.choice([0, 0, 1, 2, 3]))):
        x, y = random.uniform(0.2, 0.7, 2)
        length = random.choice([0.02, 0.2])
        strokes.append([(x, y), (x + length, y), (x + length, y + 0.01)])
    return _drawn(strokes, random)


def fork(random: Random) -> Image.Image:
    """A stroke with two to five shorter ones that leave it at one place, or anywhere."""
    count, together = int(random.integers(2, 6)), random.random() < 0.6
    angles = random.uniform(0.35, 1.2, count) * np.where(np.arange(count) % 2, 1, -1)
    away = np.pi if random.random() < 0.5 else 0.0
    at = np.full(count, random.choice([0.0, 0.5, 1.0])) if together else random.uniform(0, 1, count)
    if together and random.random() < 0.5:
        angles = np.where(np.arange(count) % 2, 1, -1) * abs(angles[0])
    lengths = random.uniform(0.25, 0.7) * np.ones(count) if together else random.uniform(0.2, 0.6, count)
    ends = [
        (p + length * np.cos(away + a), length * np.sin(a)) for p, a, length in zip(at, angles, lengths, strict=True)
    ]
    flat = np.array([(0.0, 0.0), (1.0, 0.0), *((p, 0.0) for p in at), *ends])
    moved = _turned(flat, random)
    strokes = [[moved[0], moved[1]]]
    strokes += [[moved[2 + i], moved[2 + count + i]] for i in range(count)]
    return _drawn(strokes, random)


def coil(random: Random) -> Image.Image:
    """A wave, a zigzag or a row of loops, of two to six turns, in any direction."""
    turns = random.uniform(2, 6)
    t = np.linspace(0, 1, int(8 * turns))
    a = 2 * np.pi * turns * t
    height = random.uniform(0.1, 0.35)
    loops = random.choice([0.0, 0.0, 1.5])
    wave = np.sin(a) if random.random() < 0.6 else np.sign(np.sin(a)) * (a % np.pi / np.pi)
    points = np.stack([t + loops * height * np.cos(a), height * wave], axis=1)
    return _drawn([_turned(points, random)], random)


def curves(random: Random) -> Image.Image:
    """One to four smooth strokes anywhere."""
    strokes = [
        [(float(x), float(y)) for x, y in random.uniform(0, 1, (int(random.integers(3, 7)), 2))]
        for _ in range(int(random.integers(1, 5)))
    ]
    if len(strokes) == 1:  # a single short curve may be any digit
        strokes[0] += [(float(x), float(y)) for x, y in random.uniform(0, 1, (4, 2))]
    return _drawn(strokes, random)


def outline(random: Random) -> Image.Image:
    """A closed form of three to seven straight sides, upright and symmetrical half of the time, drawn or filled."""
    if random.random() < 0.5:
        half = int(random.integers(1, 4))
        ys = np.sort(random.uniform(0, 1, half + 1))
        right = [(0.5 + random.uniform(0.15, 0.5), y) for y in ys]
        corners = [*right, *((1 - x, y) for x, y in reversed(right))]
        if random.random() < 0.5:
            corners.append((0.5, -random.uniform(0.1, 0.5)))
    else:
        turns = np.sort(random.uniform(0, 2 * np.pi, int(random.integers(3, 8))))
        corners = [(0.5 + 0.5 * float(np.cos(a)), 0.5 + random.uniform(0.3, 0.6) * float(np.sin(a))) for a in turns]
    array = np.array(corners)
    low, high = array.min(0), array.max(0)
    around = [(float(x), float(y)) for x, y in (array - low) / max(float((high - low).max()), 1e-9)]
    if random.random() < 0.35:
        canvas = Image.new("L", (480, 480))
        ImageDraw.Draw(canvas).polygon([(20 + 440 * x, 20 + 440 * y) for x, y in around], fill=255)
        side = int(random.integers(40, 160))
        return canvas.resize((side, side), Image.Resampling.BOX)
    sides = [[a, b] for a, b in zip(around, [*around[1:], around[0]], strict=True)]
    return _drawn(sides, random)


def spots(random: Random) -> Image.Image:
    """A heap of ovals, boxes and bars in any tones, the larger below; half of the time around the middle."""
    size = int(random.integers(60, 200))
    picture = Image.new("L", (size, size), int(random.integers(0, 256)))
    if random.random() < 0.3:
        picture = to_picture(random.uniform(60, 250) * light((size, size), random)).convert("L")
    draw = ImageDraw.Draw(picture)
    middle = random.random() < 0.5
    for radius in np.sort(random.uniform(0.02, 0.5, int(random.integers(3, 14))))[::-1]:
        spread = 0.5 - radius if middle else 0.5
        cx, cy = 0.5 + random.uniform(-1, 1, 2) * max(0.02, spread)
        rx, ry = radius * random.uniform(0.5, 1, 2)
        box = [(cx - rx) * size, (cy - ry) * size, (cx + rx) * size, (cy + ry) * size]
        paint = draw.ellipse if random.random() < 0.75 else draw.rectangle
        paint(box, fill=int(random.integers(0, 256)))
    blurred = picture.filter(ImageFilter.GaussianBlur(size * random.uniform(0.002, 0.03)))
    grain = random.normal(0, random.choice([0.0, 2.0, 6.0]), (size, size))
    return to_picture(np.asarray(blurred, dtype=float) + grain)
