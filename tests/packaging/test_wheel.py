"""The wheel, installed without extras into an environment that has nothing else, reads digits."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from chromium import running_chromium
from needed import need

from mnistbench.demo.vendored import FILES
from mnistbench.locks import locked

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONSTRAINTS = ROOT / "constraints.txt"

# As it was before tests were isolated: pip has its own cache and settings. Nothing of this repository leaks in.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "MNISTBENCH_"))}

PREDICT = """
import importlib.util
import sys
import numpy
from PIL import Image, ImageDraw
import mnistbench

assert mnistbench.__file__.startswith(sys.prefix), mnistbench.__file__
for name in ("torch", "onnx", "onnxscript", "safetensors", "pytest"):
    assert importlib.util.find_spec(name) is None, name

def draw(shape):
    # Drawn four times too large and scaled down, for soft edges as in MNIST.
    picture = Image.new("L", (112, 112))
    shape(ImageDraw.Draw(picture))
    return numpy.asarray(picture.resize((28, 28), Image.Resampling.LANCZOS))

zero = draw(lambda pen: pen.ellipse((28, 18, 84, 94), outline=255, width=11))
one = draw(lambda pen: pen.line((60, 18, 52, 94), fill=255, width=11))
images = numpy.stack([zero, one])
for name in sys.argv[1:]:
    model = mnistbench.load(name)
    assert str(model.path).startswith(sys.prefix), model.path
    assert model.predict(images).tolist() == [0, 1], (name, model.predict_proba(images).round(2).tolist())
"""


def run(
    *command: object, cwd: Path, code: int = 0, env: dict[str, str] = ENVIRONMENT
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([*map(str, command)], cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def pip(python: str | Path, *args: object, cwd: Path) -> None:
    run(python, "-m", "pip", "--disable-pip-version-check", *args, cwd=cwd)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    pip(
        sys.executable, "wheel", "--no-deps", "--build-constraint", CONSTRAINTS, "--wheel-dir", folder, ROOT, cwd=folder
    )
    (file,) = folder.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Folder of the programs of an environment with the wheel and its dependencies, and nothing else.

    The dependencies are large, so they stay in ``.cache`` until what they are made from changes.
    """
    ingredients = json.dumps([PROJECT["dependencies"], CONSTRAINTS.read_text(encoding="utf-8"), sys.version])
    folder = CACHE / f"wheel-env-{hashlib.sha256(ingredients.encode()).hexdigest()[:12]}"
    programs = folder / ("Scripts" if sys.platform == "win32" else "bin")
    elsewhere = tmp_path_factory.mktemp("install")
    CACHE.mkdir(exist_ok=True)
    CACHE.mkdir(exist_ok=True)
    with locked(CACHE):
        for stale in CACHE.glob("wheel-env-*"):
            if stale != folder:
                shutil.rmtree(stale)
        if not (folder / "complete").exists():
            run(sys.executable, "-m", "venv", "--clear", folder, cwd=elsewhere)
            pip(programs / "python", "install", "-c", CONSTRAINTS, *PROJECT["dependencies"], cwd=elsewhere)
            (folder / "complete").touch()
        pip(programs / "python", "install", "--force-reinstall", "--no-deps", wheel, cwd=elsewhere)
        yield programs


def test_the_wheel_has_the_models_and_no_tests(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        manifest = json.loads(archive.read("mnistbench/zoo/manifest.json"))
        assert manifest["models"], "no model is bundled"
        for entry in manifest["models"]:
            content = archive.read(f"mnistbench/zoo/{entry['file']}")
            assert hashlib.sha256(content).hexdigest() == entry["sha256"]
    assert "mnistbench/py.typed" in names
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"mnistbench"}
    assert any(name.endswith("/licenses/LICENSE") for name in names)


def test_the_wheel_has_every_template_of_a_kit(wheel):
    templates = ROOT / "mnistbench" / "embed" / "templates"
    wanted = {
        f"mnistbench/embed/templates/{path.relative_to(templates).as_posix()}"
        for path in templates.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as archive:
        assert wanted <= set(archive.namelist())


def test_the_wheel_has_the_demo_page_and_what_runs_it(wheel):
    static = ROOT / "mnistbench" / "demo" / "static"
    wanted = {f"mnistbench/demo/static/{path.relative_to(static).as_posix()}" for path in static.rglob("*.*")}
    with zipfile.ZipFile(wheel) as archive:
        assert wanted <= set(archive.namelist())
        need("npm")  # without it the wheel gets no runtime for the demo page
        for file in FILES:
            assert file.is_sound(archive.read(f"mnistbench/demo/vendor/{file.stored}"))


@pytest.fixture
def without_npm(tmp_path):
    """An environment in which the demo page has only what the wheel brought."""
    need("npm")
    (tmp_path / "empty").mkdir()
    return ENVIRONMENT | {"PATH": str(tmp_path / "empty"), "XDG_CACHE_HOME": str(tmp_path / "cache")}


def test_the_demo_page_is_written_without_npm_and_network(installed, tmp_path, without_npm):
    done = run(installed / "mnistbench", "demo", "--export", "page", "--json", cwd=tmp_path, env=without_npm)
    document = json.loads(done.stdout)
    assert document["first_load_bytes"] <= 5_000_000
    assert all((tmp_path / "page" / file).is_file() for file in document["files"])
    assert not (tmp_path / "cache").exists()


def test_the_demo_page_is_served_and_reads_a_digit(installed, tmp_path, without_npm):
    command = [installed / "mnistbench", "demo", "--port", "0", "--no-open", "--json"]
    with running_chromium() as browser, browser.page() as page:
        server = subprocess.Popen(command, cwd=tmp_path, env=without_npm, stdout=subprocess.PIPE, text=True)
        with server:
            try:
                document = ""
                while not document.endswith("\n}\n"):
                    line = server.stdout.readline()
                    assert line, document
                    document += line
                page.open(json.loads(document)["url"])
                page.click("[aria-label='Example: seven']")
                page.wait_for("document.querySelector('#spoken').textContent.includes('All 4 networks agree')")
                assert page.text("#digit") == "7"
            finally:
                server.terminate()


def test_the_wheels_dependencies_are_satisfied(installed, tmp_path):
    pip(installed / "python", "check", cwd=tmp_path)


def test_bundled_models_read_drawn_digits(installed, tmp_path):
    models = json.loads((ROOT / "zoo" / "manifest.json").read_text(encoding="utf-8"))["models"]
    assert models, "no model is bundled"
    run(installed / "python", "-c", PREDICT, *(entry["name"] for entry in models), cwd=tmp_path)


def test_the_program_works(installed, tmp_path):
    assert "Example: mnistbench" in run(installed / "mnistbench", "--help", cwd=tmp_path).stdout
    rows = json.loads(run(installed / "mnistbench", "list", "--json", cwd=tmp_path).stdout)
    assert len(rows) == 29
    assert "Table 1" in run(installed / "mnistbench", "list", cwd=tmp_path).stdout


def test_kits_are_written_and_run(installed, tmp_path, digits_folder):
    options = ("--data-dir", digits_folder, "--target", "all")
    run(installed / "mnistbench", "embed", "lenet5", *options, "kits", cwd=tmp_path)
    for target in ("python", "huggingface"):
        said = run(installed / "python", "self_test.py", cwd=tmp_path / "kits" / target).stdout
        assert ", 0 failed" in said


@pytest.mark.parametrize("command", ["train", "export", "reproduce"])
def test_training_names_the_extra_that_is_missing(installed, tmp_path, command):
    done = run(installed / "mnistbench", command, "16-10", cwd=tmp_path, code=1)
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert "pip install 'mnistbench[train]'" in line
    assert not list(tmp_path.iterdir())
