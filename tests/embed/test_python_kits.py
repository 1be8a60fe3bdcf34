"""The kits in Python, run by this interpreter with the packages that are here."""

from __future__ import annotations

import importlib.util
import sys

import numpy as np
import pytest
from kit_programs import run, spoil

from mnistbench.embed.kits import write_kits


@pytest.mark.parametrize("target", ["python", "huggingface"])
@pytest.mark.parametrize("model", ["lenet", "own"])
def test_golden_answers_are_met_and_a_difference_is_found(write, tmp_path, model, target):
    kit = write(model, target, tmp_path / "kit")
    assert "0 failed" in run(sys.executable, "self_test.py", cwd=kit)
    spoil(kit)
    said = run(sys.executable, "self_test.py", cwd=kit, code=1)
    assert said.count("FAILED") == 1
    assert "1 failed" in said


def test_pictures_are_answered_from_anywhere(write, tmp_path):
    write("own", "python", tmp_path / "kit")
    said = run(sys.executable, "kit/predict.py", "kit/golden/digit-3.pgm", "kit/golden/digit-5.pgm", cwd=tmp_path)
    lines = said.splitlines()
    assert lines[0].startswith("kit/golden/digit-3.pgm: ")
    assert len(lines) == 22
    assert run(sys.executable, "kit/predict.py", "kit/README.md", cwd=tmp_path, code=1, errors=True) == (
        "error: kit/README.md is no binary PGM file of 28x28 pixels with values up to 255\n"
    )
    assert sum(float(line.split()[1]) for line in lines[1:11]) == pytest.approx(1, abs=1e-4)


def test_another_model_in_the_folder_is_found(write, tmp_path):
    kit = write("lenet", "python", tmp_path / "kit")
    other = write("own", "python", tmp_path / "other")
    (kit / "model.onnx").write_bytes((other / "model.onnx").read_bytes())
    assert "not the file" in run(sys.executable, "self_test.py", cwd=kit, code=1)


@pytest.fixture(scope="module")
def digits(embedded, vectors, tmp_path_factory):
    """The kit's module, as whoever embeds it imports it."""
    (kit,) = write_kits(embedded["own"], vectors["own"], ["python"], tmp_path_factory.mktemp("kit") / "kit")
    spec = importlib.util.spec_from_file_location("digits_of_a_kit", kit.folder / "digits.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"P5\n28 28\n255\n" + bytes(783),
        b"P5\n32 32\n255\n" + bytes(1024),
        b"P5\n28 28\n65535\n" + bytes(1568),
        b"P2\n28 28\n255\n" + b"0 " * 784,
        b"\x89PNG\r\n",
        b"P5" + b" " * 100_000,
        b"P5" + b"#\n" * 50_000,
    ],
    ids=["empty", "short", "large", "16 bit", "text", "png", "spaces", "comments"],
)
def test_other_pictures_are_refused(digits, tmp_path, content):
    (tmp_path / "x.pgm").write_bytes(content)
    with pytest.raises(ValueError, match=r"x\.pgm is no binary PGM file of 28x28 pixels"):
        digits.read_pgm(tmp_path / "x.pgm")


def test_a_header_may_have_comments(digits, tmp_path):
    pixels = bytes(range(256)) * 3 + bytes(16)
    (tmp_path / "x.pgm").write_bytes(b"P5\n# made by hand\n28 # wide\n28\n# white\n255\n" + pixels)
    assert digits.read_pgm(tmp_path / "x.pgm").tobytes() == pixels


def test_a_batch_is_answered_at_once(digits, vectors):
    cases = vectors["own"].cases
    labels, probabilities = digits.classify(digits.load(), np.stack([case.image for case in cases]))
    assert labels == [digits.LABELS[case.label] for case in cases]
    np.testing.assert_allclose(probabilities, [case.probabilities for case in cases], atol=1e-5)
