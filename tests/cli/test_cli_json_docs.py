"""docs/json.md has what ``--json`` prints."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from vendored_runtime import false_runtime

from mnistbench.cli.root import root
from mnistbench.demo import vendored

ROWS = dict(
    re.findall(
        r"^\| `([a-z-]+)` \| (.*) \|$",
        Path(__file__).parents[2].joinpath("docs", "json.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
)


def documented(command):
    return set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]*)`", ROWS[command]))))


def keys(document):
    """Of all objects in a document."""
    if isinstance(document, dict):
        return set(document).union(*map(keys, document.values()))
    return set().union(*map(keys, document)) if isinstance(document, list) else set()


def test_every_command_that_prints_json_has_a_row():
    printing = {name for name, command in root.commands.items() if "as_json" in {one.name for one in command.params}}
    assert printing - ROWS.keys() == set()
    assert "embed" in printing


def test_keys_of_predict(cli, tmp_path):
    picture = Image.new("L", (200, 100), 255)
    for x in (50, 150):
        ImageDraw.Draw(picture).line([(x, 15), (x, 85)], fill=0, width=10)
    picture.save(tmp_path / "eleven.png")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    outcome = cli("predict", tmp_path, "--multi", "--json")
    assert outcome.code == 3
    found = keys(outcome.json)
    assert {"error", "width", "digits"} <= found
    assert found - documented("predict") == set()


def test_keys_of_embed(trained, tmp_path):
    document = trained("embed", "16-10", "--target", "python,node", tmp_path / "kits", "--json").succeeds().json
    assert keys(document) - documented("embed") == set()


@pytest.mark.parametrize("options", [["--export", "page"], ["--port", "0", "--no-open"]], ids=lambda words: words[0])
def test_keys_of_demo(trained, tmp_path, monkeypatch, options):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(vendored, "vendored_files", false_runtime)
    monkeypatch.setattr("mnistbench.cli.demo._run", lambda server: None)
    found = keys(trained("demo", "lenet5", *options, "--json").succeeds().json)
    assert {"basis", "table", "networks"} <= found
    assert found - documented("demo") == set()


def test_keys_of_members_of_an_ensemble(trained, tmp_path):
    entry = (
        trained("ensemble", "16-10", "24-P-48-P-96-10", "--output", tmp_path / "pair.onnx", "--json").succeeds().json
    )
    assert keys(entry["training"]["members"]) - documented("ensemble") == set()
