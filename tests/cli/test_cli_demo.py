"""``mnistbench demo``: what it writes and serves, says and refuses."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from latency_models import write_model, write_other
from vendored_runtime import false_runtime
from zoos import put

from mnistbench.artifacts import bundled_zoo
from mnistbench.cli.demo import SHOWN
from mnistbench.demo import vendored
from mnistbench.errors import PackageError


def files_of(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.fixture(autouse=True)
def runtime(monkeypatch):
    """Nothing here runs it."""
    monkeypatch.setattr(vendored, "vendored_files", false_runtime)


def test_export_writes_the_whole_page(trained, tmp_path):
    outcome = trained("demo", "--export", tmp_path / "page").succeeds()
    assert "First load" in outcome.out
    assert max(map(len, outcome.out.splitlines())) <= 80
    assert "python3 -m http.server" in outcome.err
    assert {"index.html", "app.mjs", "demo.json", "pictures/normalise.mjs"} <= set(files_of(tmp_path / "page"))
    found = json.loads((tmp_path / "page" / "demo.json").read_text(encoding="utf-8"))
    assert len(found["networks"]) == len(SHOWN)


def test_networks_of_the_users_own(trained, tmp_path):
    mine = write_model(tmp_path / "mine.onnx")
    document = trained("demo", "16-10", mine, "--export", tmp_path / "page", "--json").succeeds().json
    assert document["folder"] == str(tmp_path / "page")
    assert document["files"] == files_of(tmp_path / "page")
    assert [network["id"] for network in document["networks"]] == ["16-10", "mine"]
    # Trained on made-up patterns: the paper's figure is no figure of these.
    assert [network["paper"] for network in document["networks"]] == [None, None]
    written = tmp_path / "page" / "models" / "mine.onnx.gz"
    assert gzip.decompress(written.read_bytes()) == mine.read_bytes()


def test_a_folder_in_use_is_refused_unless_forced(trained, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    trained("demo", "--export", tmp_path).fails_with("is not empty", "--force")
    assert files_of(tmp_path) == ["mine.txt"]
    trained("demo", "--export", tmp_path, "--force").succeeds()
    assert {"mine.txt", "index.html"} <= set(files_of(tmp_path))


@pytest.mark.parametrize(
    ("arguments", "text", "code"),
    [
        (["64-64-x"], "64-64-x", 2),
        (["16-16-16-10"], "mnistbench train", 1),
        (["none.onnx"], "none.onnx", 1),
    ],
)
def test_names_that_are_none(trained, tmp_path, arguments, text, code):
    trained("demo", *arguments, "--export", tmp_path / "page").fails_with(text, code=code)
    assert not (tmp_path / "page").exists()


def test_a_model_without_the_contract_is_refused(trained, tmp_path):
    file = write_other(tmp_path / "foreign.onnx")
    trained("demo", file, "--export", tmp_path / "page", "--json").fails_with("foreign.onnx does not keep the contract")
    assert not (tmp_path / "page").exists()


def test_without_the_runtime_the_next_step_is_said(trained, tmp_path, monkeypatch):
    def refuse(**options):
        raise PackageError("the page needs the npm package; install npm")

    monkeypatch.setattr(vendored, "vendored_files", refuse)
    trained("demo", "--export", tmp_path / "page").fails_with("install npm")
    assert not (tmp_path / "page").exists()


@pytest.mark.parametrize("arguments", [["--force"], ["--port", "70000"], ["--port", "x"]])
def test_wrong_usage(trained, arguments):
    outcome = trained("demo", *arguments)
    assert outcome.code == 2
    assert arguments[0] in outcome.err


def test_a_port_that_is_taken(trained):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        trained("demo", "lenet5", "--port", port, "--no-open").fails_with(f"127.0.0.1:{port}", "--port")


def test_a_host_that_is_none(trained):
    outcome = trained("demo", "lenet5", "--host", "256.0.0.1", "--no-open")
    outcome.fails_with("cannot serve on 256.0.0.1", "--host")
    assert outcome.err.splitlines()[-1].startswith("error: ")


# A real process, with stand-ins for the runtime.
SERVE = """
from vendored_runtime import false_runtime
from mnistbench.demo import vendored
vendored.vendored_files = false_runtime
from mnistbench.cli import main
main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to one process there")
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_interrupted(cli, stop):
    tests = Path(__file__).resolve().parents[1]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tests), str(tests.parent)])}
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, "demo", "lenet5", "--port", "0", "--no-open", "--work-dir", str(cli.work)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            line = ""
            while "http://" not in line:
                line = process.stderr.readline()
                assert line, process.stdout.read()
            url = re.search(r"http://\S+", line)[0]
            with urllib.request.urlopen(url, timeout=20) as answer:
                assert b"Draw a digit" in answer.read()
            process.send_signal(stop)
            out, err = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 130
    assert "6-P-16-P-120-84-10" in out
    assert err.split() == ["interrupted"]


def test_json_says_where_it_is_served(trained, monkeypatch):
    from mnistbench.cli import demo as module

    opened = []
    monkeypatch.setattr(module.webbrowser, "open", opened.append)
    monkeypatch.setattr(module, "_run", lambda server: None)
    document = trained("demo", "lenet5", "--port", 0, "--open", "--json").succeeds().json
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", document["url"])
    assert opened == [document["url"]]
    assert document["first_load_bytes"] > 0
    trained("demo", "lenet5", "--port", 0, "--no-open", "--json").succeeds()
    trained("demo", "lenet5", "--port", 0, "--json").succeeds()  # no terminal, no browser
    assert len(opened) == 1


def test_without_names_it_has_the_bundled_networks_whatever_was_exported(cli, tmp_path):
    other = write_model(tmp_path / "other.onnx").read_bytes()
    assert put(cli.work / "zoo", "lenet5", other).file == "6-P-16-P-120-84-10.onnx"
    document = cli("demo", "--export", tmp_path / "page", "--json").succeeds().json
    shown = {network["id"]: network["path"] for network in document["networks"]}
    found = gzip.decompress((tmp_path / "page" / shown["6-P-16-P-120-84-10"]).read_bytes())
    assert found == (bundled_zoo() / "6-P-16-P-120-84-10.onnx").read_bytes()
    assert "models/6-P-16-P-120-84-10-2.onnx.gz" not in document["files"]
    named = cli("demo", "lenet5", "--export", tmp_path / "mine", "--json").succeeds().json
    assert gzip.decompress((tmp_path / "mine" / named["networks"][0]["path"]).read_bytes()) == other


def test_the_table_says_what_its_errors_are(cli, tmp_path):
    out = " ".join(cli("demo", "--export", tmp_path / "page").succeeds().out.split())
    assert "ours %: after the last epoch, on the same 10,000 images; median of" in out
