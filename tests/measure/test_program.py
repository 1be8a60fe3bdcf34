from __future__ import annotations

import os
import signal

import pytest

from mnistbench.measure import program
from mnistbench.measure.program import Ended, run_module


def run(tmp_path, text, monkeypatch, *arguments, seconds=30.0):
    """Run a script in place of a module."""
    script = tmp_path / "script.py"
    script.write_text(text)
    real = program.subprocess.Popen
    monkeypatch.setattr(
        program.subprocess, "Popen", lambda command, **kw: real([command[0], str(script), *command[4:]], **kw)
    )
    return run_module("any.module", arguments, seconds=seconds, said=tmp_path / "said.txt")


@pytest.mark.parametrize(
    ("text", "ended"),
    [
        ("", Ended(0, "it said nothing")),
        ("import sys; print('first\\n  last   words \\n'); sys.exit(3)", Ended(3, "last words")),
        ("import sys; sys.exit('in tears')", Ended(1, "in tears")),
        ("print('x' * 100_000)", Ended(0, "x" * 300)),
        ("import sys; sys.stdout.buffer.write(b'\\xff!')", Ended(0, "\ufffd!")),
    ],
)
def test_how_it_ended_and_its_last_words(tmp_path, monkeypatch, text, ended):
    assert run(tmp_path, text, monkeypatch) == ended


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_crash_is_a_signal(tmp_path, monkeypatch):
    ended = run(tmp_path, "import os; os.abort()", monkeypatch)
    assert (ended.status, ended.how) == (-signal.SIGABRT, f"signal {int(signal.SIGABRT)}")
    assert Ended(2, "").how == "exit status 2"


def test_its_time_is_limited(tmp_path, monkeypatch):
    ended = run(tmp_path, "import time; time.sleep(600)", monkeypatch, seconds=0.01)
    assert (ended.status, ended.how) == (None, "its time was over")


def test_one_that_cannot_be_killed_is_left_behind(tmp_path, monkeypatch):
    class Undying:
        def __init__(self, command, **keywords):
            self.killed = False

        def wait(self, timeout):
            raise program.subprocess.TimeoutExpired("program", timeout)

        def poll(self):
            return None

        def kill(self):
            self.killed = True
            killed.append(self)

    killed = []
    monkeypatch.setattr(program.subprocess, "Popen", Undying)
    assert run_module("any.module", [], seconds=1, said=tmp_path / "said.txt").status is None
    assert len(killed) == 1


def test_it_gets_arguments_and_this_package_from_any_folder(tmp_path, monkeypatch):
    (tmp_path / "mnistbench.py").write_text("raise SystemExit('a stranger')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    text = "import sys, os; print(sys.argv[1:], os.environ['PYTHONPATH'].split(os.pathsep)[1])"
    assert run(tmp_path, text, monkeypatch, "a b", tmp_path).last_words == f"['a b', '{tmp_path}'] /nowhere"


def test_a_real_module_and_one_that_is_not_there(tmp_path):
    said = tmp_path / "said.txt"
    ended = run_module("mnistbench", ["--version"], seconds=60, said=said)
    assert (ended.status, ended.last_words.split()[0]) == (0, "mnistbench,")
    ended = run_module("mnistbench.nothing", [], seconds=60, said=said)
    assert (ended.status, "No module named mnistbench.nothing" in ended.last_words) == (1, True)
