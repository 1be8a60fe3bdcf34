"""``mnistbench predict`` with the bundled models, on pictures drawn here."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from PIL import Image, ImageDraw

from mnistbench.pictures.read import Reader

HIDDEN = {"CUDA_VISIBLE_DEVICES": "-1"}


def draw(path, *shapes):
    """Lines and ovals on white, 100 pixels a shape beside each other."""
    picture = Image.new("L", (100 * max(1, len(shapes)), 100), 255)
    pen = ImageDraw.Draw(picture)
    for index, shape in enumerate(shapes):
        left = 100 * index
        if shape == "0":
            pen.ellipse((left + 28, 12, left + 72, 88), outline=0, width=9)
        elif shape == "1":
            pen.line((left + 50, 12, left + 50, 88), fill=0, width=9)
        else:
            pen.line((left + 10, 50, left + 90, 50), fill=0, width=9)
            pen.line((left + 50, 10, left + 50, 90), fill=0, width=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)
    return path


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "pictures"
    draw(root / "a.png", "1")
    draw(root / "below" / "b.jpg", "0")
    draw(root / "c.bmp", "+")
    draw(root / "d.png")
    return root


def test_a_folder_as_json(cli, folder):
    rows = cli("predict", folder, "--threads", 1, "--json").succeeds().json
    assert [(row["label"], row["is_digit"]) for row in rows] == [(1, True), (None, False), (None, False), (0, True)]
    names = [row["file"].removeprefix(f"{folder}/") for row in rows]
    assert names == ["a.png", "c.bmp", "d.png", "below/b.jpg"]
    assert [row["probabilities"] is None for row in rows] == [False, False, True, False]
    assert sum(rows[0]["probabilities"]) == pytest.approx(1, abs=1e-4)
    assert rows[1]["reason"]
    assert "no ink" in rows[2]["reason"]
    assert (rows[0]["width"], rows[0]["height"]) == (100, 100)


def test_a_table_that_fits_80_columns(cli, folder):
    draw(folder / ("long-name" * 12 + ".png"), "1")
    out = cli("predict", folder, "--threads", 1).succeeds().out
    assert max(map(len, out.splitlines())) <= 80
    assert "5 pictures: 3 with a digit, 2 without" in " ".join(out.split())
    assert "no ink" in out


def test_csv_and_json_lines(cli, folder, tmp_path):
    (folder / "broken.png").write_bytes(b"no picture")
    table, lines = tmp_path / "out" / "answers.csv", tmp_path / "answers.jsonl"
    outcome = cli("predict", folder, "--threads", 1, "--csv", table, "--jsonl", lines, "--json")
    assert outcome.code == 3
    assert [json.loads(line) for line in lines.read_text(encoding="utf-8").splitlines()] == outcome.json
    with table.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["label"] for row in rows] == ["1", "", "", "", "0"]
    assert [row["is_digit"] for row in rows] == ["true", "false", "false", "false", "true"]
    assert float(rows[0]["p1"]) == outcome.json[0]["probabilities"][1]
    assert "no picture" in rows[1]["error"]


def test_broken_pictures_get_a_line_each_and_the_rest_is_read(cli, folder):
    (folder / "empty.png").write_bytes(b"")
    (folder / "cut.png").write_bytes((folder / "a.png").read_bytes()[:80])
    (folder / "drawing.svg").write_text("<svg/>", encoding="utf-8")
    (folder / "a.png").rename(folder / "really-png.jpg")
    outcome = cli("predict", folder, "--threads", 1, "--json")
    assert outcome.code == 3
    assert [row["label"] for row in outcome.json if "error" not in row] == [None, None, 1, 0]
    failed = [line for line in outcome.err.splitlines() if line.startswith("failed: ")]
    assert len(failed) == 3
    for line, text in zip(failed, ("damaged", "SVG", "empty"), strict=True):
        assert text in line
    assert "named .jpg, but PNG inside" in outcome.err
    for row in outcome.json:
        assert {"file", "label", "probabilities", "is_digit", "reason"} <= set(row)


def test_all_broken_fails(cli, tmp_path):
    (tmp_path / "one.png").write_bytes(b"")
    outcome = cli("predict", tmp_path / "one.png", tmp_path / "none.png", "--json")
    assert outcome.code == 1
    assert [row["is_digit"] for row in outcome.json] == [False, False]
    assert outcome.err.count("failed: ") == 2
    assert cli("predict", tmp_path / "one.png").out == ""


def test_several_digits_in_a_row(cli, tmp_path):
    row = draw(tmp_path / "row.png", "1", "0", "0", "1")
    (read,) = cli("predict", row, "--multi", "--json").succeeds().json
    assert read["text"] == "1001"
    assert [digit["label"] for digit in read["digits"]] == [1, 0, 0, 1]
    assert "1001" in cli("predict", row, "--multi").succeeds().out
    (single,) = cli("predict", row, "--json").succeeds().json
    assert single["is_digit"] is False


def test_a_picture_of_thousands_of_shapes_does_not_keep_the_others_waiting(cli, tmp_path):
    dots = np.full((768, 768), 255, np.uint8)
    for row, column in np.ndindex(2, 2):
        dots[64 + row : 704 : 4, 64 + column : 704 : 4] = 0
    (tmp_path / "many").mkdir()
    Image.fromarray(dots).save(tmp_path / "many" / "dots.png")
    draw(tmp_path / "many" / "row.png", "1", "0")
    first, second = cli("predict", tmp_path / "many", "--multi", "--threads", 1, "--json").succeeds().json
    assert (first["label"], first["is_digit"], "text" in first) == (None, False, False)
    assert "too many shapes" in first["reason"]
    assert second["text"] == "10"
    assert "0 with a digit, 1 without" in cli("predict", tmp_path / "many" / "dots.png", "--multi").succeeds().out


def test_explanations(cli, folder, tmp_path):
    cli("predict", folder / "a.png", "--explain", tmp_path / "why.png").succeeds()
    with Image.open(tmp_path / "why.png") as drawn:
        assert drawn.width > 800
    cli("predict", folder, "--explain", tmp_path / "why").succeeds()
    assert sorted(path.name for path in (tmp_path / "why").iterdir()) == ["1-a.png", "2-c.png", "3-d.png", "4-b.png"]
    outcome = cli("predict", folder, "--explain", tmp_path / "one.png")
    outcome.fails_with("one file for 4 pictures", "folder", code=2)


LONGEST_NAME = "ä" * 125 + "a.png"
"""Of 255 bytes, as many as a file's name may have."""


def test_the_longest_name_of_a_file_can_be_explained(cli, folder, tmp_path):
    (folder / "a.png").rename(folder / LONGEST_NAME)
    cli("predict", folder, "--explain", tmp_path / "why").succeeds()
    names = {path.name for path in (tmp_path / "why").iterdir()}
    assert names == {"1-c.png", "2-d.png", f"3-{'ä' * 100}.png", "4-b.png"}
    cli("predict", folder / LONGEST_NAME, "--explain", tmp_path / "one").succeeds()
    assert [path.name for path in (tmp_path / "one").iterdir()] == [f"{'ä' * 100}.png"]


def test_what_cannot_be_explained_is_answered_and_kept(cli, folder, tmp_path):
    (folder / "broken.png").write_bytes(b"no picture")
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    table, lines = tmp_path / "answers.csv", tmp_path / "answers.jsonl"
    options = ("--explain", tmp_path / "file" / "why", "--csv", table, "--jsonl", lines, "--json")
    outcome = cli("predict", folder, *options)
    assert outcome.code == 3
    assert [row["label"] for row in outcome.json] == [1, None, None, None, 0]
    assert [json.loads(line) for line in lines.read_text(encoding="utf-8").splitlines()] == outcome.json
    assert len(table.read_text(encoding="utf-8").splitlines()) == 6
    notes = [line for line in outcome.err.splitlines() if line.startswith("note: ")]
    assert len(notes) == 4
    for note in notes:
        assert "is not explained" in note
        assert "Not a directory; name another place with --explain" in note
    assert cli("predict", folder / "a.png", *options).code == 3
    assert cli("predict", folder / "broken.png", *options).code == 1


def test_a_picture_that_goes_before_it_is_explained_keeps_its_answer(cli, folder, tmp_path, monkeypatch):
    read = Reader.read

    def read_and_remove(self, pictures, **options):
        (folder / "a.png").unlink()
        return read(self, pictures, **options)

    monkeypatch.setattr(Reader, "read", read_and_remove)
    outcome = cli("predict", folder, "--explain", tmp_path / "why", "--json")
    assert outcome.code == 3
    assert [row["label"] for row in outcome.json] == [1, None, None, 0]
    (note,) = outcome.err.splitlines()
    assert note.startswith(f"note: {folder / 'a.png'} is not explained: {folder / 'a.png'} cannot be read")
    assert sorted(path.name for path in (tmp_path / "why").iterdir()) == ["2-c.png", "3-d.png", "4-b.png"]


def test_an_explanation_without_memory_is_a_line(cli, folder, tmp_path, monkeypatch):
    def refuse(*_):
        raise MemoryError

    monkeypatch.setattr("mnistbench.pictures.explain.write_explanation", refuse)
    outcome = cli("predict", folder / "a.png", "--explain", tmp_path / "why.png", "--json")
    assert (outcome.code, outcome.json[0]["label"]) == (3, 1)
    assert "does not fit into memory" in outcome.err


def test_another_model(trained, folder):
    (row,) = trained("predict", folder / "a.png", "--model", "16-10", "--json").succeeds().json
    # Trained on patterns that are no digits: its probabilities differ, the decision does not.
    (best,) = trained("predict", folder / "a.png", "--json").succeeds().json
    assert row["is_digit"] is best["is_digit"] is True
    assert row["probabilities"] != best["probabilities"]
    assert np.argmax(row["probabilities"]) == row["label"]


@pytest.mark.parametrize(
    ("options", "texts", "code"),
    [
        (["--model", "no-such"], ["no-such"], 2),
        (["--model", "table1"], ["several models"], 2),
        (["--model", "missing.onnx"], ["missing.onnx"], 1),
        (["--device", "tpu"], ["tpu"], 2),
        (["--provider", "no-such"], ["no-such"], 2),
    ],
    ids=str,
)
def test_models_and_devices_that_are_not_there(cli, folder, options, texts, code):
    cli("predict", folder, *options).fails_with(*texts, code=code)


def test_a_gpu_that_is_not_there_is_an_error_and_no_cpu_answers(cli, folder):
    cli.process("predict", folder, "--device", "cuda", "--json", env=HIDDEN).fails_with("cuda:0")


def test_a_folder_without_pictures(cli, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("none", encoding="utf-8")
    outcome = cli("predict", tmp_path / "empty")
    outcome.fails_with("no pictures in")
    assert "passed over: 1 files" in outcome.err


def test_a_folder_without_pictures_beside_one_with_them(cli, folder, tmp_path):
    (tmp_path / "empty").mkdir()
    outcome = cli("predict", tmp_path / "empty", folder / "a.png", tmp_path / "empty").succeeds()
    assert outcome.err.splitlines() == [f"note: there are no pictures in {tmp_path / 'empty'}"]
    assert "1 picture: 1 with a digit" in " ".join(outcome.out.split())


def test_many_pictures_tell_how_far_they_are(cli, tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "many").mkdir()
    for index in range(520):
        picture = np.zeros((28, 28), np.uint8)
        picture[4:24, 13 : 15 + rng.integers(2)] = 255
        Image.fromarray(picture).save(tmp_path / "many" / f"{index}.pgm")
    outcome = cli("predict", tmp_path / "many", "--threads", 1).succeeds()
    assert "520 of 520 pictures" in outcome.err
    assert "The first 200 are shown" in " ".join(outcome.out.split())


def test_a_name_that_is_no_text(cli, folder, tmp_path):
    odd = folder / "a\nb\x1b[31m.png"
    (folder / "a.png").rename(odd)
    outcome = cli("predict", odd, "--csv", tmp_path / "odd.csv").succeeds()
    assert "\x1b" not in outcome.out
    (row,) = cli("predict", odd, "--json").succeeds().json
    assert row["file"] == str(odd)
