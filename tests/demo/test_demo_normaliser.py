"""The page's normaliser, in JavaScript, against the package's: run by Node on the golden vectors and on much more."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from needed import need
from random_pictures import coloured, random_picture

from mnistbench.files import read_json
from mnistbench.pictures.clean import keep_strokes
from mnistbench.pictures.decode import open_picture
from mnistbench.pictures.features import shape_features
from mnistbench.pictures.ink import find_ink
from mnistbench.pictures.normalise import normalise
from mnistbench.pictures.prepare import prepare_picture
from mnistbench.pictures.refuse import REFUSAL, digit_scores

ROOT = Path(__file__).resolve().parents[2]
MODULES = ROOT / "mnistbench" / "demo" / "static" / "pictures"
VECTORS = json.loads((ROOT / "tests" / "pictures" / "normaliser_vectors.json").read_text(encoding="utf-8"))

WITHIN = 2
"""Of 255: what the two may differ by."""

SEEDS = (11, 12, 13)
EACH = 12


def run_modules(document):
    need("node")
    done = subprocess.run(
        ["node", Path(__file__).with_name("run_modules.mjs"), MODULES],
        input=json.dumps(document),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def as_document(array):
    key = "grey" if array.ndim == 2 else "colours"
    return {"height": array.shape[0], "width": array.shape[1], key: array.ravel().tolist()}


def furthest(first, second):
    return np.abs(np.asarray(first, int).ravel() - np.asarray(second, int).ravel()).max()


def check_prepared(picture, answer):
    """The whole way of a picture, as ``predict`` goes it."""
    groups = prepare_picture(open_picture(picture)).groups
    assert answer["found"] == bool(groups)
    if not groups:
        assert not any(answer["pixels"])
        return
    ((piece,),) = groups[0]
    assert furthest(piece.image, answer["pixels"]) <= WITHIN
    np.testing.assert_allclose(answer["shape"], piece.shape, atol=0.02)
    box = [answer["box"][edge] for edge in ("left", "top", "right", "bottom")]
    np.testing.assert_allclose(box, piece.box, atol=0.51)


def test_every_golden_vector():
    answers = run_modules({"pictures": [as_document(np.array(case["grey"])) for case in VECTORS]})["pictures"]
    for case, answer in zip(VECTORS, answers, strict=True):
        assert furthest(case["image"], answer["plain"]) <= WITHIN, case["name"]


@pytest.mark.parametrize("seed", SEEDS)
def test_random_pictures(seed):
    generator = np.random.default_rng(seed)
    pictures = [random_picture(generator) for _ in range(EACH)]
    answers = run_modules({"pictures": [as_document(picture) for picture in pictures]})["pictures"]
    for picture, answer in zip(pictures, answers, strict=True):
        expected = normalise(keep_strokes(find_ink(picture.astype(float)).values).ink)
        assert furthest(expected, answer["plain"]) <= WITHIN, picture.shape
        check_prepared(picture, answer)


def test_random_pictures_in_colours_and_transparent():
    generator = np.random.default_rng(21)
    pictures = [coloured(random_picture(generator), generator) for _ in range(EACH)]
    answers = run_modules({"pictures": [as_document(picture) for picture in pictures]})["pictures"]
    for picture, answer in zip(pictures, answers, strict=True):
        check_prepared(picture, answer)


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((1, 1), np.uint8),
        np.full((3, 200), 255, np.uint8),
        np.eye(2, dtype=np.uint8) * 255,
        np.random.default_rng(0).integers(0, 256, (64, 64)).astype(np.uint8),
        np.pad(np.full((30, 4), 255, np.uint8), ((500, 480), (900, 120))),
    ],
    ids=["one pixel", "a white strip", "two pixels", "noise", "small in a large one"],
)
def test_edges(picture):
    (answer,) = run_modules({"pictures": [as_document(picture)]})["pictures"]
    check_prepared(picture, answer)


def test_the_refusal_scores_alike():
    generator = np.random.default_rng(4)
    images = [
        normalise(keep_strokes(find_ink(random_picture(generator).astype(float)).values).ink) for _ in range(EACH)
    ]
    images.append(np.full((28, 28), 255, np.uint8))  # thicker than any stroke
    shapes = np.stack([shape_features(image) for image in images])
    logits = [generator.normal(0, 8, (len(images), 10)).astype(np.float32) for _ in range(3)]
    judged = [
        {"shape": shape.tolist(), "logits": [judge[row].tolist() for judge in logits]}
        for row, shape in enumerate(shapes)
    ]
    scores = run_modules({"refusal": read_json(REFUSAL), "judged": judged})["scores"]
    np.testing.assert_allclose(scores, digit_scores(shapes, logits), atol=1e-6)
    assert scores[-1] < -1
