"""All kits, as folders: what each has, that it is whole, and that its files say the same."""

from __future__ import annotations

import hashlib
import json
import os
import re

import numpy as np
import pytest
from kit_programs import ENVIRONMENT, readme_commands, run
from latency_models import write_model
from needed import need
from PIL import Image
from tiny import make_dataset

from mnistbench.artifacts import ModelFile
from mnistbench.embed.golden import make_golden
from mnistbench.embed.kits import TARGETS, write_kits
from mnistbench.embed.model import read_model

MODEL_PATHS = {
    "triton": "model_repository/{name}/1/model.onnx",
    "kserve": "model_repository/{name}/1/model.onnx",
    "huggingface": "onnx/model.onnx",
}


@pytest.fixture(scope="module", params=["lenet", "own"])
def all_kits(request, embedded, vectors, tmp_path_factory):
    """Model, golden vectors, and the folder with a kit of each kind."""
    model, golden = embedded[request.param], vectors[request.param]
    folder = tmp_path_factory.mktemp("kits") / "all"
    kits = write_kits(model, golden, tuple(TARGETS), folder)
    return model, golden, {kit.target: kit for kit in kits}


@pytest.mark.parametrize("target", TARGETS)
def test_each_kit_is_whole(all_kits, target):
    model, _, kits = all_kits
    folder = kits[target].folder
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert there == set(kits[target].files)
    assert {"README.md", "LICENSE", "labels.txt", "golden/expected.json"} <= there
    path = folder / MODEL_PATHS.get(target, "model.onnx").format(name=model.name)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == model.sha256
    assert (folder / "labels.txt").read_text().splitlines() == list(model.labels)
    assert sum((folder / name).stat().st_size for name in there) == kits[target].size_bytes


@pytest.mark.parametrize("target", TARGETS)
def test_no_marked_place_is_left_over(all_kits, target):
    kit = all_kits[2][target]
    for name in kit.files:
        if not name.endswith((".onnx", ".png", ".pgm")):
            text = (kit.folder / name).read_text(encoding="utf-8")
            assert not re.search(r"@@|\{\{|TODO|FIXME|XXX", text), name


@pytest.mark.parametrize("target", TARGETS)
def test_golden_pictures_and_their_pixels_are_the_same(all_kits, target):
    model, golden, kits = all_kits
    folder = kits[target].folder / "golden"
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    assert expected["model_sha256"] == model.sha256
    assert expected["tolerance"] == 1e-4
    assert len(expected["cases"]) == len(golden.cases) >= 10
    session = model.session()
    for entry in expected["cases"]:
        with Image.open(folder / entry["picture"]) as picture:
            assert picture.mode == "L"
            image = np.asarray(picture)
        assert image.ravel().tolist() == entry["pixels"]
        label, probabilities = session.run(["label", "probabilities"], {"image": image.reshape(1, 1, 28, 28)})
        assert model.labels[label[0]] == entry["label"]
        np.testing.assert_allclose(probabilities[0], entry["probabilities"], atol=1e-6)


@pytest.mark.parametrize("target", TARGETS)
def test_the_readme_says_what_a_stranger_needs(all_kits, target):
    model, _, kits = all_kits
    text = (kits[target].folder / "README.md").read_text(encoding="utf-8")
    for needed in ("```sh\n", "mnistbench predict", "white ink on black", "## Licence", model.sha256, model.name):
        assert needed in text, needed
    for name in re.findall(r"golden/[a-z]+-\d\.p[gn][gm]|golden/[a-z]+\.(?:json|txt)", text):
        assert (kits[target].folder / name).is_file(), name
    assert f"Errors on the test set: {model.said('mnistbench.test_errors')}\n" in text


@pytest.mark.parametrize("target", TARGETS)
def test_commands_need_no_program_that_debian_lacks(all_kits, target):
    folder = all_kits[2][target].folder
    for commands in readme_commands(folder):
        # There is python3 only, and pip refuses to install outside of a virtual environment.
        assert not re.search(r"\bpython\b(?!3)", commands), commands
        before, pip, _ = commands.partition("pip install")
        assert not pip or "python3 -m venv .venv\n. .venv/bin/activate\n" in before, commands
    for path in folder.glob("*.py"):
        assert not re.search(r"\bpython \w", path.read_text(encoding="utf-8")), path.name


def test_expected_txt_says_what_expected_json_says(all_kits):
    model, _, kits = all_kits
    folder = kits["cpp"].folder / "golden"
    document = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    tolerance, *lines = (folder / "expected.txt").read_text().splitlines()
    assert float(tolerance) == document["tolerance"]
    assert len(lines) == len(document["cases"])
    for line, case in zip(lines, document["cases"], strict=True):
        picture, label, *probabilities = line.split()
        assert (picture, model.labels[int(label)]) == (case["picture"], case["label"])
        assert [float(number) for number in probabilities] == case["probabilities"]


@pytest.mark.parametrize(("target", "package"), [("node", "onnxruntime-node"), ("browser", "onnxruntime-web")])
def test_npm_packages_are_pinned(all_kits, target, package):
    document = json.loads((all_kits[2][target].folder / "package.json").read_text(encoding="utf-8"))
    assert list(document["dependencies"]) == [package]
    assert re.fullmatch(r"\d+\.\d+\.\d+", document["dependencies"][package])


def test_the_page_loads_nothing_from_elsewhere(all_kits):
    folder = all_kits[2]["browser"].folder
    for path in [*folder.glob("*.html"), *folder.glob("*.css"), folder / "app.mjs", folder / "digits.mjs"]:
        assert "://" not in path.read_text(encoding="utf-8"), path.name
    assert "numThreads = 1" in (folder / "digits.mjs").read_text(encoding="utf-8")
    assert '"onnxruntime-web/wasm"' in (folder / "digits.mjs").read_text(encoding="utf-8")


def test_npm_test_takes_chromium_and_not_the_browser_of_the_desktop(all_kits, tmp_path):
    need("node", "sh")
    kit = all_kits[2]["browser"].folder
    for name in ("chromium", "mine"):
        program = tmp_path / name
        program.write_text('#!/bin/sh\necho $1 >> "$0.log"\n', encoding="utf-8")
        program.chmod(0o755)
    path = os.pathsep.join([str(tmp_path), ENVIRONMENT["PATH"]])
    desktop = {"PATH": path, "BROWSER": str(tmp_path / "firefox"), "CHROMIUM": ""}
    ended = "FAILED: the browser ended without an answer\n"
    assert run("node", "test.mjs", cwd=kit, code=1, env=desktop) == ended
    assert "--headless" in (tmp_path / "chromium.log").read_text(encoding="utf-8")
    assert run("node", "test.mjs", cwd=kit, code=1, env=desktop | {"CHROMIUM": str(tmp_path / "mine")}) == ended
    assert (tmp_path / "mine.log").read_text(encoding="utf-8") == "--headless\n"
    assert "`CHROMIUM=" in (kit / "README.md").read_text(encoding="utf-8")


def test_the_layout_of_hugging_face(all_kits):
    model, _, kits = all_kits
    folder = kits["huggingface"].folder
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert config["id2label"] == {str(number): label for number, label in enumerate(model.labels)}
    assert {number: label for label, number in config["label2id"].items()} == dict(enumerate(model.labels))
    preprocessor = json.loads((folder / "preprocessor_config.json").read_text(encoding="utf-8"))
    assert preprocessor["size"] == {"height": 28, "width": 28}
    assert not any(preprocessor[f"do_{step}"] for step in ("resize", "rescale", "normalize"))
    front = (folder / "README.md").read_text(encoding="utf-8").split("---\n")[1]
    assert "license: mit\n" in front
    assert "pipeline_tag: image-classification\n" in front


def test_the_same_model_gives_the_same_bytes(all_kits, tmp_path):
    model, golden, kits = all_kits
    for kit in write_kits(model, golden, tuple(TARGETS), tmp_path / "again"):
        for name in kit.files:
            assert (kit.folder / name).read_bytes() == (kits[kit.target].folder / name).read_bytes(), name


def test_own_labels_and_hostile_names_get_through(tmp_path):
    labels = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", 'a "bag"', "ß"]
    path = write_model(tmp_path / 'we"ird: $(x)\n.onnx', metadata={"names": str(labels), "license": "`x`\n# y"})
    model = read_model(ModelFile(path, path.stem))
    data = make_dataset()
    golden = make_golden(model, data.test_images, data.test_labels, dataset="a`b<c>")
    for kit in write_kits(model, golden, tuple(TARGETS), tmp_path / "kits"):
        readme = (kit.folder / "README.md").read_text(encoding="utf-8")
        assert "# we-ird-x" in readme
        assert "<c>" not in readme
        assert (kit.folder / "labels.txt").read_text(encoding="utf-8").splitlines() == labels
        for name in kit.files:
            if name.endswith(".json"):
                json.loads((kit.folder / name).read_text(encoding="utf-8"))
