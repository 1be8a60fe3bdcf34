"""The script that times a folder of very many pictures works, and does not pass wrong answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import picture_tables
import pytest

TOP = Path(__file__).parent.parent.parent

pytestmark = pytest.mark.slow


def run_script(*options):
    return subprocess.run(
        [sys.executable, str(TOP / "bench" / "pictures" / "many.py"), *map(str, options)],
        cwd=TOP,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TOP), os.environ.get("PYTHONPATH", "")])},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_whole_command_stands_beside_decoding_alone(tmp_path, mnist_folder, monkeypatch):
    output = tmp_path / "many.json"
    done = run_script("--data-dir", mnist_folder, "--images", 40, "--rounds", 2, "--output", output)
    assert done.returncode == 0, done.stderr
    document = json.loads(output.read_text())
    assert (document["kind"], document["num_images"], document["rounds"]) == ("many_pictures", 40, 2)
    assert document["right"] >= 38
    assert len(document["ours_rounds_seconds"]) == len(document["baseline_rounds_seconds"]) == 2
    # Starting Python alone takes longer than decoding 40 small files.
    assert document["ours_seconds"] > document["baseline_seconds"] > 0
    assert document["ratio"] > 1
    assert f"{document['ratio']:.2f} times as long" in done.stdout
    monkeypatch.setattr(picture_tables, "read", lambda name: document)
    assert f"| 40 | {picture_tables.units.seconds(document['ours_seconds'])} |" in picture_tables.many_pictures()


def test_wrong_answers_are_an_error(tmp_path, digits_folder):
    done = run_script("--data-dir", digits_folder, "--images", 40, "--rounds", 1, "--output", tmp_path / "many.json")
    assert done.returncode == 1
    assert "of 40 are read right; 98.5% are promised" in done.stderr
    assert not (tmp_path / "many.json").exists()
