from __future__ import annotations

import dataclasses
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from latency_models import IMAGES, request, write_model

from mnistbench.errors import InputError, MnistbenchError, ModelError, ProcessError, ProviderError
from mnistbench.measure import program as programs
from mnistbench.measure.latency import child, processes
from mnistbench.measure.latency.processes import FreshProcesses, fresh_processes


def test_a_process_measures_and_leaves_nothing_behind(tmp_path, capfd, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "json.py").write_text("raise SystemExit('a stranger was imported')")
    with fresh_processes(IMAGES) as run:
        folder = run._folder
        found = run(request(write_model(tmp_path / "m.onnx"), batch_size=2))
        assert found.figures.p50_seconds > 0
        assert found.figures.num_samples == len(found.samples_seconds) >= 1
        # Shorter than a tick of the system's clock, a measurement says nothing of other programs.
        assert "load_1min" in found.figures.conditions or sys.platform != "linux"
    assert not folder.exists()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"device": "cuda:0", "provider": "cuda"}, ProviderError, "cuda:0"),
        ({"path": "/nowhere/m.onnx"}, ModelError, "/nowhere/m.onnx"),
        ({"mode": "graph"}, ProviderError, "CUDA graph"),
        ({"batch_size": 10**9}, InputError, "1,000,000,000 images has more than 4 GiB"),
    ],
)
def test_an_error_arrives_as_what_it_was(tmp_path, changes, error, message):
    asked = dataclasses.replace(request(write_model(tmp_path / "m.onnx")), **changes)
    with fresh_processes(IMAGES) as run, pytest.raises(error, match=message):
        run(asked)


def program(tmp_path: Path, monkeypatch, text: str) -> FreshProcesses:
    """A runner whose processes run another program."""
    script = tmp_path / "program.py"
    script.write_text(text)
    real = programs.subprocess.Popen
    monkeypatch.setattr(
        programs.subprocess, "Popen", lambda command, **kw: real([command[0], str(script), *command[4:]], **kw)
    )
    return FreshProcesses(tmp_path, None)


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("import os; os.kill(os.getpid(), 9)", ProcessError, "net at batch 7 on cpu was killed: by somebody, or for"),
        ("import os; os.abort()", ProcessError, f"signal {int(signal.SIGABRT)}"),
        ("import sys; print('first'); sys.exit('the last words')", ProcessError, r"exit status 1\): the last words"),
        ("", ProcessError, r"exit status 0\): it said nothing"),
        ("import sys; open(sys.argv[2], 'w').write('{')", ProcessError, "exit status 0"),
        ('import sys; open(sys.argv[2], \'w\').write(\'{"error": "odd", "type": "Odd"}\')', MnistbenchError, "odd"),
    ],
)
def test_a_process_that_dies_is_one_error(tmp_path, monkeypatch, text, error, message):
    run = program(tmp_path, monkeypatch, text)
    with pytest.raises(error, match=message):
        run(request(tmp_path / "m.onnx", batch_size=7))


def test_a_process_that_hangs_is_ended(tmp_path, monkeypatch):
    run = program(tmp_path, monkeypatch, "import time; time.sleep(600)")
    asked = request(tmp_path / "m.onnx")
    # Patience with slow calls counts; three seconds in all are left here.
    monkeypatch.setattr(
        processes, "SECONDS_FOR_THE_REST", 3 - asked.plan.max_warmup_seconds - asked.plan.patience_seconds
    )
    with pytest.raises(ProcessError, match="no answer within 3 s"):
        run(asked)


def test_an_interruption_ends_the_process(tmp_path, monkeypatch):
    run = program(tmp_path, monkeypatch, "import time; time.sleep(600)")
    started = []
    real = programs.subprocess.Popen

    class Interrupted:
        def __init__(self, *args, **keywords):
            self.process, self.told = real(*args, **keywords), False
            started.append(self.process)

        def wait(self, timeout=None):
            if self.process.poll() is None and not self.told:
                self.told = True
                raise KeyboardInterrupt
            return self.process.wait(timeout)

        def __getattr__(self, name):
            return getattr(self.process, name)

    monkeypatch.setattr(programs.subprocess, "Popen", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(request(tmp_path / "m.onnx"))
    assert started[0].poll() is not None


def test_the_program_itself(tmp_path):
    path = write_model(tmp_path / "m.onnx")
    np.save(tmp_path / "images.npy", IMAGES)
    answer = child.answer(request(path).as_dict(), tmp_path / "images.npy")
    assert answer["measured"]["figures"]["num_samples"] >= 1
    refused = child.answer(request(path, mode="graph").as_dict(), None)
    assert refused["type"] == "CombinationError"
