"""A set of pictures made here, and how it is answered: ``python bench/pictures/make_set.py --output FILE``.

Digits: drawn with a pen, and set in the DejaVu fonts of the machine; turned by up to 10 degrees, of any size, in two
flat colours, as a scan with grain, photographed (perspective, uneven light, blur, noise, JPEG), and photographed on
ruled paper. No digits: letters of the same fonts in the same four settings, drawings, surfaces, faces, empty paper. Of
the alphabet these are the letters that are far from digits; those near one are a group of their own, and the twins of
digits are left out (``glyphs.py``).
The decision "no digit" was fitted on other fonts, another seed and, but for scribbles and empty paper, other kinds
(``fit_refusal.py``). What share of digits should pass was chosen with an eye on a set like this one, of another seed.
``--pictures FOLDER`` also writes the pictures themselves.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))
import mnistbench
from mnistbench.artifacts import bundled_zoo
from mnistbench.files import write_json
from mnistbench.locate import locate
from mnistbench.measure.environment import collect_environment
from mnistbench.measure.stats import wilson_interval
from mnistbench.pictures.prepare import prepare
from mnistbench.pictures.read import DEFAULT_MODEL, Answer, Reader
from pictures.glyphs import NEAR_LETTERS, OTHER_LETTERS, TWINS, find_fonts, random_glyph
from pictures.negatives import REPORTED_DRAWINGS, REPORTED_SURFACES
from pictures.scene import clean, on_field, photographed, scanned
from pictures.strokes import drawn_digit

Random = np.random.Generator

SETTINGS: dict[str, Callable[[Image.Image, Random], Image.Image]] = {
    "two colours": clean,
    "scan": scanned,
    "photograph": photographed,
    "ruled paper": lambda ink, random: photographed(ink, random, lined=True),
}
FONTS = ("DejaVu",)
"""Families that the decision was not fitted on."""

NEAR = "letter near digits: "
"""How the kinds of these begin."""


@dataclass(frozen=True, eq=False)
class Made:
    """One picture; ``label`` is -1 where there is no digit."""

    label: int
    kind: str
    setting: str
    picture: Image.Image


def make_digits(count: int, random: Random, fonts: list[Path]) -> Iterator[Made]:
    """Half by pen and half in fonts (all by pen where there are none), a quarter in each setting."""
    for index in range(count):
        setting = list(SETTINGS)[index % 4]
        if fonts and index % 8 >= 4:
            text, ink = random_glyph("0123456789", fonts, random)
            digit, kind = int(text), "font"
        else:
            digit = int(random.integers(10))
            ink, kind = drawn_digit(digit, int(random.integers(20, 161)), random), "pen"
        yield Made(digit, kind, setting, SETTINGS[setting](on_field(ink, random), random))


def make_others(count: int, random: Random, fonts: list[Path]) -> Iterator[Made]:
    """Two fifths letters, a third drawings and the rest surfaces."""
    for index in range(count):
        setting = list(SETTINGS)[int(random.integers(4))]
        if fonts and index % 5 < 2:
            ink = random_glyph(OTHER_LETTERS, fonts, random)[1]
            yield Made(-1, "letters", setting, SETTINGS[setting](on_field(ink, random), random))
        elif index % 5 < 4:
            kind = list(REPORTED_DRAWINGS)[int(random.integers(len(REPORTED_DRAWINGS)))]
            ink = REPORTED_DRAWINGS[kind](random)
            yield Made(-1, kind, setting, SETTINGS[setting](on_field(ink, random), random))
        else:
            kind = list(REPORTED_SURFACES)[int(random.integers(len(REPORTED_SURFACES)))]
            yield Made(-1, kind, "surface", REPORTED_SURFACES[kind](random))


def make_near_letters(count: int, random: Random, fonts: list[Path]) -> Iterator[Made]:
    """Letters near digits, a quarter in each setting; none without fonts."""
    for index in range(count if fonts else 0):
        setting = list(SETTINGS)[index % 4]
        letter, ink = random_glyph(NEAR_LETTERS, fonts, random)
        yield Made(-1, f"{NEAR}{letter}", setting, SETTINGS[setting](on_field(ink, random), random))


def is_right(made: Made, answer: Answer) -> bool:
    """A digit read as it is, or no digit refused."""
    return answer.label == made.label if made.label >= 0 else not answer.is_digit


def summary(outcomes: list[tuple[Made, bool]], key: Callable[[Made], str]) -> dict[str, Any]:
    """Counts and Wilson's interval for each value of ``key``."""
    table = {}
    for name in sorted({key(made) for made, _ in outcomes}):
        right = [is_right for made, is_right in outcomes if key(made) == name]
        low, high = wilson_interval(sum(right), len(right))
        table[name] = {
            "right": sum(right),
            "pictures": len(right),
            "share": sum(right) / len(right),
            "low": low,
            "high": high,
        }
    return table


def main() -> None:
    """Make, read, print, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--digits", type=int, default=1200)
    parser.add_argument("--others", type=int, default=1000)
    parser.add_argument("--near-letters", type=int, default=520, help="letters near digits, apart from the others")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--output", type=Path, help="write counts, intervals and the environment to this JSON file")
    parser.add_argument("--pictures", type=Path, help="also write each picture into this folder")
    arguments = parser.parse_args()
    random, fonts = np.random.default_rng(arguments.seed), find_fonts(*FONTS)
    reader = Reader(mnistbench.load(locate(arguments.model, [bundled_zoo()]).path))
    outcomes: list[tuple[Made, bool]] = []
    # The letters near digits come last, so that all that is drawn before is as it was without them.
    parts = (
        (make_digits, arguments.digits),
        (make_others, arguments.others),
        (make_near_letters, arguments.near_letters),
    )
    for makers, count in parts:
        for index, made in enumerate(makers(count, random, fonts)):
            answer = reader.read([prepare(made.picture)])[0]
            right = is_right(made, answer)
            outcomes.append((Made(made.label, made.kind, made.setting, Image.new("L", (1, 1))), right))
            if arguments.pictures is not None:
                arguments.pictures.mkdir(parents=True, exist_ok=True)
                truth = "none" if made.label < 0 else made.label
                name = f"{truth}-{index:05}-{made.kind.replace(': ', '-').replace(' ', '-')}"
                made.picture.save(arguments.pictures / f"{name}{'' if right else '-WRONG'}.png")
    digits = [o for o in outcomes if o[0].label >= 0]
    near = [o for o in outcomes if o[0].kind.startswith(NEAR)]
    others = [o for o in outcomes if o[0].label < 0 and not o[0].kind.startswith(NEAR)]
    groups = {
        "all": summary(digits, lambda _: "digits") | summary(others, lambda _: "others"),
        "digits by kind and setting": summary(digits, lambda m: f"{m.kind}, {m.setting}"),
        "digits by label": summary(digits, lambda m: str(m.label)),
        "others by kind": summary(others, lambda m: m.kind),
        "letters near digits": summary(near, lambda _: "all"),
        "letters near digits by letter": summary(near, lambda m: m.kind.removeprefix(NEAR)),
    }
    for title, table in groups.items():
        print(title)
        for name, row in table.items():
            ends = f"{row['low']:.1%}-{row['high']:.1%}"
            print(f"  {name:<28} {row['right']:>5} of {row['pictures']:>5}  {row['share']:.1%} ({ends})")
    if arguments.output is not None:
        document = {"schema_version": 1, "kind": "pictures", "environment": collect_environment().as_dict()}
        document |= {"seed": arguments.seed, "model": reader.model.name, "fonts": [font.name for font in fonts]}
        document["letters"] = {"far": OTHER_LETTERS, "near": NEAR_LETTERS, "twins": TWINS}
        write_json(arguments.output, document | {"groups": groups})


if __name__ == "__main__":
    main()
