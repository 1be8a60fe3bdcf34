from __future__ import annotations

import os

import pytest
from drawn_pictures import SEVEN, encoded, stroked

from mnistbench.errors import PictureError
from mnistbench.pictures import files
from mnistbench.pictures.files import find_pictures, prepare_all
from mnistbench.pictures.prepare import Prepared

PNG = encoded(stroked(SEVEN))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / ".hidden").mkdir()
    for name in ("c.png", "a.PNG", "b/z.jpg", "b/drawing.svg", ".hidden/h.png", ".dot.png", "no-ending"):
        (tmp_path / name).write_bytes(PNG)
    (tmp_path / "notes.txt").write_text("seven", encoding="utf-8")
    os.mkfifo(tmp_path / "pipe")
    return tmp_path


def test_pictures_of_a_folder_by_name_or_beginning(folder):
    passed_over = []
    found = find_pictures([folder], passed_over.append)
    assert [str(path.relative_to(folder)) for path in found] == [
        "a.PNG",
        "c.png",
        "no-ending",
        "b/drawing.svg",
        "b/z.jpg",
    ]
    assert sorted(path.name for path in passed_over) == ["notes.txt", "pipe"]


def test_named_files_are_taken_whatever_they_are_and_each_once(folder):
    named = [folder / "notes.txt", folder / "c.png", folder / "none.png", folder / "c.png"]
    assert find_pictures(named) == named[:3]
    assert find_pictures([folder / "c.png", folder])[0] == folder / "c.png"
    assert len(find_pictures([folder, folder])) == 5


def test_a_named_folder_without_pictures_is_told_of(folder, tmp_path):
    empty, texts = tmp_path / "empty", tmp_path / "texts"
    empty.mkdir()
    texts.mkdir()
    (texts / "notes.txt").write_text("none")
    told = []
    assert len(find_pictures([empty, folder, texts, tmp_path / "missing.png"], without=told.append)) == 6
    assert told == [empty, texts]


@pytest.mark.parametrize("processes", [1, 2])
def test_outcomes_are_in_order_and_a_broken_file_is_one(folder, processes, monkeypatch):
    monkeypatch.setattr(files, "WORTH_PROCESSES", 2)
    monkeypatch.setattr(files, "AT_ONCE", 2)
    paths = [folder / name for name in ("c.png", "notes.txt", "a.PNG", "none.png", "b/z.jpg")]
    parts = list(prepare_all(paths, processes=processes))
    assert [len(part) for part in parts] == [2, 2, 1]
    outcomes = [outcome for part in parts for outcome in part]
    assert [path for path, _ in outcomes] == paths
    kinds = [Prepared, PictureError, Prepared, PictureError, Prepared]
    assert [type(outcome) for _, outcome in outcomes] == kinds


def test_nothing_to_open():
    assert list(prepare_all([], processes=4)) == []
