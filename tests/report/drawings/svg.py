"""Reads an SVG file back: its size and where its words stand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from mnistbench.report.drawings.picture import LETTER

NAMESPACE = "{http://www.w3.org/2000/svg}"


@dataclass(frozen=True)
class Word:
    text: str
    middle: float
    baseline: float
    quiet: bool

    @property
    def left(self) -> float:
        return self.middle - LETTER * len(self.text) / 2

    @property
    def right(self) -> float:
        return self.middle + LETTER * len(self.text) / 2


@dataclass(frozen=True)
class Svg:
    width: float
    height: float
    words: tuple[Word, ...]
    title: str
    description: str
    points: tuple[tuple[float, float], ...]
    """Where paths begin, and corners of lines."""


def read(text: str) -> Svg:
    root = ET.fromstring(text)  # fails where the XML is not well formed
    assert root.tag == f"{NAMESPACE}svg"
    assert root.get("viewBox") == f"0 0 {root.get('width')} {root.get('height')}"
    words = tuple(
        Word(one.text, float(one.get("x")), float(one.get("y")), one.get("class") == "quiet")
        for one in root.iter(f"{NAMESPACE}text")
    )
    paths = [path.get("d") for path in root.iter(f"{NAMESPACE}path")]
    points = tuple((float(x), float(y)) for d in paths for x, y in re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", d))
    title, description = (root.find(f"{NAMESPACE}{tag}").text for tag in ("title", "desc"))
    return Svg(float(root.get("width")), float(root.get("height")), words, title, description, points)


def inside(svg: Svg) -> bool:
    """Whether nothing lies beyond the paper."""
    words = all(word.left >= 0 and word.right <= svg.width and 10 <= word.baseline <= svg.height for word in svg.words)
    return words and all(0 <= x <= svg.width and 0 <= y <= svg.height for x, y in svg.points)


def overlaps(svg: Svg) -> list[tuple[str, str]]:
    """Pairs of words that cover each other."""
    return [
        (a.text, b.text)
        for index, a in enumerate(svg.words)
        for b in svg.words[index + 1 :]
        if abs(a.baseline - b.baseline) < 12 and a.left < b.right - 0.5 and b.left < a.right - 0.5
    ]
