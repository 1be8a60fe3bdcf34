"""Files whose names hold line breaks and escape codes: no line of a command begins with what stands in a name."""

from __future__ import annotations

import json
import shutil

import pytest
from PIL import Image, ImageDraw

FORGED = "FORGED 7 99.9"
NAME = f"a\n{FORGED}\r\n\x1b[31m{FORGED}"

pytestmark = pytest.mark.skipif("os.name == 'nt'", reason="no file there can be called so")


def honest(outcome):
    """The outcome, after every line of it was looked at."""
    lines = [line.strip() for line in (outcome.out + "\n" + outcome.err).splitlines()]
    assert not [line for line in lines if line.startswith(FORGED)], outcome
    assert "\x1b" not in outcome.out + outcome.err
    assert "Traceback" not in outcome.err
    return outcome


@pytest.fixture
def models(trained, tmp_path):
    """Two models, one of which has a name that forges rows."""
    folder = tmp_path / "models"
    folder.mkdir()
    shutil.copy(trained.work / "zoo" / "16-10.onnx", folder / f"{NAME}.onnx")
    shutil.copy(trained.work / "zoo" / "24-P-48-P-96-10.onnx", folder / "b.onnx")
    return folder / f"{NAME}.onnx", folder / "b.onnx"


def draw(path):
    picture = Image.new("L", (100, 100), 255)
    ImageDraw.Draw(picture).line([(50, 15), (50, 85)], fill=0, width=10)
    picture.save(path)


def test_predict(cli, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    draw(folder / f"{NAME}.png")
    (folder / f"{NAME}-broken.png").write_bytes(b"no picture")
    (folder / f"{NAME}.txt").write_text("none")
    outcome = honest(cli("predict", folder, "--multi"))
    assert outcome.code == 3
    assert "\\n" in outcome.out
    assert "failed: " in outcome.err
    assert "passed over: " in outcome.err


def test_predict_by_a_model_of_that_name(cli, models, tmp_path):
    draw(tmp_path / "one.png")
    honest(cli("predict", tmp_path / "one.png", "--model", models[0])).succeeds()


@pytest.mark.parametrize(
    "command",
    [["evaluate"], ["compare-accuracy"], ["evaluate", "--confusion"], ["bench", "--quick", "--processes", "1"]],
)
def test_commands_on_models(trained, models, tmp_path, command):
    more = ["--output", tmp_path / f"{NAME}.json"] if command[0] == "bench" else []
    outcome = honest(trained(*command, *models, *more)).succeeds()
    assert "\\n" in outcome.out


def test_a_run_of_that_name_and_what_is_made_of_it(trained, models, tmp_path):
    file, other = tmp_path / f"{NAME}.json", tmp_path / "b.json"
    trained("bench", *models, "--quick", "--processes", 1, "--batch", 1, "--output", file).succeeds()
    document = json.loads(file.read_text())
    document["results"][1]["error"] = f"x\n{FORGED}"
    other.write_text(json.dumps(document))
    honest(trained("compare", file, other))
    honest(trained("compare", other, file))
    honest(trained("report", file, "--output", tmp_path / f"{NAME}.html")).succeeds()
    file.write_text("{")
    honest(trained("report", file, "--output", tmp_path / "page.html")).fails_with()
    honest(trained("compare", file, other))


def test_an_ensemble_and_a_card(trained, models, tmp_path):
    output = tmp_path / f"{NAME}.onnx"
    honest(trained("ensemble", *models, "--output", output)).succeeds()
    honest(trained("card", output, *models, "--output", tmp_path / NAME)).succeeds()


def test_a_broken_model_beside_another(trained, models):
    models[0].write_bytes(b"nothing")
    assert honest(trained("evaluate", *models)).code == 3
    assert honest(trained("bench", *models, "--quick", "--processes", 1, "--batch", 1)).code == 3


@pytest.mark.parametrize(
    "arguments",
    [
        ["runs", "--work-dir", NAME],
        ["results", "--work-dir", NAME],
        ["data", "--no-download", "--data-dir", NAME],
        ["export", "quick", "--work-dir", NAME],
        [NAME],
        ["list", NAME],
        ["list", f"--{NAME}"],
        ["embed", "16-10", "kit", NAME],
        ["train", "16-10", "--epochs", NAME],
        ["bench", "16-10", "--mode", NAME],
        ["export", "16-10", "--input", NAME],
        ["predict", f"{NAME}.png"],
    ],
    ids=lambda arguments: arguments[0][:7],
)
def test_what_was_typed_is_quoted_on_one_line(cli, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    honest(cli(*arguments))
