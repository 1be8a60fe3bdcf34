from __future__ import annotations

import os
import signal
import sys

import pytest

from mnistbench.errors import ProviderError
from mnistbench.measure.doctor import child
from mnistbench.measure.doctor.ask import ask_process


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Puts a program where a fresh process finds it."""

    def write(text):
        (tmp_path / "doctors_program.py").write_text(text)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        return "doctors_program"

    return write


def test_a_fresh_process_answers_and_says_nothing(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "json.py").write_text("raise SystemExit('a stranger was imported')")
    monkeypatch.setenv("PYTHONPATH", os.pathsep)  # two empty entries, each of which is this folder
    found = ask_process({"what": "run", "device": "cpu", "provider": "cpu", "models": [None]})
    assert found["ran"][0]["error"] is None
    assert capfd.readouterr() == ("", "")


def test_the_program_itself(tmp_path):
    question, answered = tmp_path / "question.json", tmp_path / "answer.json"
    question.write_text('{"what": "installed"}')
    assert child.main([str(question), str(answered)]) == 0
    assert "CPUExecutionProvider" in answered.read_text()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import sys; print('the driver is broken'); sys.exit(7)", r"died \(exit status 7\): the driver is broken"),
        ("raise ImportError('libonnxruntime.so: no such file')", "ImportError: libonnxruntime.so: no such file"),
        ("", "exit status 0.: it said nothing"),
        ("import sys; open(sys.argv[2], 'w').write('{')", "exit status 0"),
        ("import sys; open(sys.argv[2], 'w').write('[]')", "exit status 0"),
        pytest.param(
            "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
            f"signal {int(signal.SIGSEGV)}",
            marks=pytest.mark.skipif(os.name == "nt", reason="signals"),
        ),
    ],
)
def test_a_process_that_dies_is_one_error(program, text, message):
    with pytest.raises(ProviderError, match=message):
        ask_process({"what": "gpus"}, program=program(text))


def test_a_process_that_hangs_is_ended(program):
    name = program("import time; time.sleep(600)")
    with pytest.raises(ProviderError, match="hung and was ended after 0 s"):
        ask_process({"what": "gpus"}, seconds=0.2, program=name)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_what_it_prints_past_python_does_not_matter(program):
    text = "import os, sys; os.write(1, b'{' * 100_000); open(sys.argv[2], 'w').write('{\"gpus\": 4}')"
    assert ask_process({"what": "gpus"}, program=program(text)) == {"gpus": 4}
