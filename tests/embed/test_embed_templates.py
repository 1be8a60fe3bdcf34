"""Templates: marked places are filled, and every template is used by a kit."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import mnistbench.embed
from mnistbench.embed import pins
from mnistbench.embed.templates import filled

TEMPLATES = Path(mnistbench.embed.__file__).parent / "templates"
ROOT = Path(__file__).resolve().parents[2]


def test_places_are_filled_and_other_words_are_passed_over():
    text = filled("python/requirements.txt", {"NUMPY": "1.2", "ONNXRUNTIME": "3.4", "OTHER": "x"})
    assert text == b"numpy==1.2\nonnxruntime==3.4\n"


def test_a_value_is_never_looked_into():
    text = filled("python/requirements.txt", {"NUMPY": "@@ONNXRUNTIME@@\\1", "ONNXRUNTIME": "3.4"})
    assert text == b"numpy==@@ONNXRUNTIME@@\\1\nonnxruntime==3.4\n"


def test_a_place_without_a_value_is_an_error():
    with pytest.raises(KeyError, match="ONNXRUNTIME"):
        filled("python/requirements.txt", {"NUMPY": "1.2"})


@pytest.mark.parametrize("path", sorted(path for path in TEMPLATES.rglob("*") if path.is_file()), ids=lambda p: p.name)
def test_templates_are_readable(path):
    if "__pycache__" in path.parts:
        pytest.skip("no template")
    text = path.read_text(encoding="utf-8")
    assert text.endswith("\n")
    assert "\t" not in text
    # Markdown's filled lines are longer than what is written here.
    assert max(len(re.sub("@@[A-Z_]+@@", "", line)) for line in text.splitlines()) <= 120


def test_the_licence_of_the_programs_is_that_of_the_package():
    assert (TEMPLATES / "common" / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_pins_are_what_this_package_is_tested_with():
    constraints = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line)
    assert constraints["onnxruntime"] == pins.PYTHON_ONNXRUNTIME
    assert constraints["numpy"] == pins.NUMPY
