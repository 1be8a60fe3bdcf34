"""Each kit set up and run by the commands of its own README, with packages from the registries.

What a test needs and does not find, it says and is skipped. onnxruntime's headers for C++ are in no package of
onnxruntime's own on PyPI or npm: they are taken from an npm package that carries its release for iOS, and the library
from the Python package. ``ONNXRUNTIME_DIR`` names an unpacked release instead.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import onnxruntime
import pytest
from kit_programs import readme_commands, run, run_commands, spoil
from needed import lacking, need, need_browser

from mnistbench.locks import locked
from mnistbench.precisions import PRECISIONS

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"

HEADERS_PACKAGE = "com.github.asus4.onnxruntime@0.4.9"
HEADERS_SHA256 = "e59788788818fdde1b2e522e766a21ba0f7d8391de55737abf81e32cc801785d"
"""Of the package's tarball."""


def test_python_and_huggingface(write, tmp_path):
    kit = write("lenet", "python", tmp_path / "kit")
    (commands, *_) = readme_commands(kit)
    said = run_commands(commands, kit)
    assert "golden/digit-7.pgm: " in said
    assert ", 0 failed" in said
    environment = kit / ".venv" / "bin"
    write("own", "python", kit, "--force")
    assert ", 0 failed" in run(environment / "python", "self_test.py", cwd=kit)
    repository = write("lenet", "huggingface", tmp_path / "repository")
    (commands, *_) = readme_commands(repository)
    assert ", 0 failed" in run_commands(commands, repository)
    assert (repository / ".gitignore").read_text() == ".venv/\n"


def test_node(write, tmp_path):
    need("npm", "node")
    kit = write("lenet", "node", tmp_path / "kit")
    (commands, *_) = readme_commands(kit)
    said = run_commands(commands, kit)
    assert "golden/digit-7.pgm: " in said
    assert ", 0 failed" in said
    write("own", "node", kit, "--force")
    assert ", 0 failed" in run("node", "self_test.mjs", cwd=kit)
    header = b"P5\n# made by hand\n28 # wide\n28\n255\n"
    plain = (kit / "golden" / "digit-4.pgm").read_bytes()
    (kit / "x.pgm").write_bytes(header + plain[-784:])
    lines = run("node", "predict.mjs", "golden/digit-4.pgm", "x.pgm", cwd=kit).splitlines()
    assert lines[1:11] == lines[12:]
    assert run("node", "predict.mjs", "README.md", cwd=kit, code=1) == ""
    spoil(kit)
    assert ", 1 failed" in run("npm", "test", cwd=kit, code=1)


def test_browser(write, tmp_path):
    need("npm", "node")
    browser = need_browser()
    kit = write("lenet", "browser", tmp_path / "kit")
    (setup, test, *_) = readme_commands(kit)
    run_commands(setup.split("python3 -m http.server")[0], kit)
    assert sorted(path.name for path in (kit / "vendor").iterdir()) == [
        "ort-wasm-simd-threaded.wasm",
        "ort.wasm.bundle.min.mjs",
    ]
    # What is published is all that the page may need.
    shutil.rmtree(kit / "node_modules")
    browser_set = {"CHROMIUM": browser}
    assert ", 0 failed" in run_commands(test, kit, env=browser_set)
    write("own", "browser", kit, "--force")
    assert ", 0 failed" in run_commands(test, kit, env=browser_set)
    spoil(kit)
    assert ", 1 failed" in run_commands(test, kit, code=1, env=browser_set)
    (kit / "model.onnx").unlink()
    assert "FAILED: " in run_commands(test, kit, code=1, env=browser_set)


@pytest.mark.parametrize("target", ["node", "browser"])
def test_every_precision_of_a_convolutional_network(precise, tmp_path, target):
    need("npm", "node")
    browser = need_browser() if target == "browser" else ""
    kit = tmp_path / "kit"
    precise("embed", "24-P-48-P-96-10@int8", "--target", target, kit).succeeds()
    (setup, *others) = readme_commands(kit)
    test = others[0] if target == "browser" else "npm test"
    run_commands(setup.split("python3 -m http.server")[0], kit)
    for precision in PRECISIONS:
        precise("embed", f"24-P-48-P-96-10@{precision}", "--target", target, kit, "--force").succeeds()
        assert ", 0 failed" in run_commands(test, kit, env={"CHROMIUM": browser})


@pytest.fixture(scope="module")
def onnxruntime_dir(tmp_path_factory):
    """A folder as onnxruntime's release has it: ``include`` and ``lib``."""
    if given := os.environ.get("ONNXRUNTIME_DIR"):
        return Path(given)
    libraries = list((Path(onnxruntime.__file__).parent / "capi").glob("libonnxruntime.so.*"))
    if sys.platform != "linux" or not libraries:
        pytest.skip("the Python package has no library to link; set ONNXRUNTIME_DIR to a release of onnxruntime")
    need("npm")
    folder = CACHE / f"onnxruntime-headers-{HEADERS_SHA256[:12]}"
    CACHE.mkdir(exist_ok=True)
    with locked(CACHE):
        if not folder.exists():
            fetch_headers(folder, tmp_path_factory.mktemp("headers"))
    release = tmp_path_factory.mktemp("onnxruntime")
    (release / "include").symlink_to(folder)
    (release / "lib").mkdir()
    for name in ("libonnxruntime.so", "libonnxruntime.so.1"):
        (release / "lib" / name).symlink_to(libraries[0])
    return release


def fetch_headers(folder: Path, elsewhere: Path) -> None:
    try:
        run("npm", "pack", HEADERS_PACKAGE, "--ignore-scripts", cwd=elsewhere)
    except (AssertionError, subprocess.TimeoutExpired) as error:
        # Somebody else's package of 150 MB: that it cannot be had says nothing of the kit.
        lacking(
            "npm", f"onnxruntime's headers cannot be fetched; set ONNXRUNTIME_DIR to its release: {str(error)[-200:]}"
        )
    (tarball,) = elsewhere.glob("*.tgz")
    with tarball.open("rb") as stream:
        assert hashlib.file_digest(stream, "sha256").hexdigest() == HEADERS_SHA256
    unfinished = elsewhere / "include"
    unfinished.mkdir()
    with tarfile.open(tarball) as archive:
        for member in archive:
            parts = member.name.split("/")
            if member.isreg() and "ios-arm64_x86_64-maccatalyst" in parts and member.name.endswith(".h"):
                stream = archive.extractfile(member)
                assert stream is not None
                (unfinished / parts[-1]).write_bytes(stream.read())
    shutil.move(unfinished, folder)


def test_cpp(write, tmp_path, onnxruntime_dir):
    need("cmake", "c++")
    kit = write("lenet", "cpp", tmp_path / "kit")
    (commands, *_) = readme_commands(kit)
    placeholder = commands.split("-DONNXRUNTIME_DIR=")[1].split()[0]
    assert "not found" in run("cmake", "-B", "none", "-DONNXRUNTIME_DIR=/none", cwd=kit, code=1, errors=True)
    said = run_commands(commands.replace(placeholder, str(onnxruntime_dir)), kit)
    assert "golden/digit-7.pgm: " in said
    assert ", 0 failed" in said
    write("own", "cpp", kit, "--force")
    assert ", 0 failed" in run("build/self_test", cwd=kit)
    plain = (kit / "golden" / "digit-4.pgm").read_bytes()
    (kit / "x.pgm").write_bytes(b"P5\n# made by hand\n28 # wide\n28\n255\n" + plain[-784:])
    lines = run("build/predict", "golden/digit-4.pgm", "x.pgm", cwd=kit).splitlines()
    assert lines[1:11] == lines[12:]
    assert run("build/predict", "README.md", cwd=kit, code=1) == ""
    spoil(kit)
    assert ", 1 failed" in run("build/self_test", cwd=kit, code=1)
    (kit / "golden" / "expected.txt").write_text("")
    run("build/self_test", cwd=kit, code=1)
