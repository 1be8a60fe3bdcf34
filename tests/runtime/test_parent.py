"""A program of ours ends with the process that started it, in the middle of a model that never ends too."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import hostile_models
import pytest

from mnistbench.runtime import parent as parent_module
from mnistbench.runtime.parent import PARENT, end_with_parent, watch
from mnistbench.runtime.program import PACKAGE

only_linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes through /proc")

SESSION = """
import sys
import numpy as np
from mnistbench.runtime.devices import CPU
from mnistbench.runtime.session import create_session
from mnistbench.runtime.untrusted.limits import Limits

session = create_session(sys.argv[1], CPU, untrusted=Limits(512 << 20, 600.0))
session.run(["scores"], {"given": np.zeros((1, 1, 28, 28), np.uint8)})
"""

BENCH = """
import sys
from pathlib import Path
from latency_models import IMAGES, request
from mnistbench.measure.latency.inputs import Inputs
from mnistbench.measure.latency.processes import fresh_processes
from mnistbench.runtime.input_plan import InputPlan
from mnistbench.runtime.untrusted.limits import Limits

plan = InputPlan("given", "N1HW", "uint8", "0..255", None, "logits", "scores")
with fresh_processes(IMAGES) as run:
    run(request(Path(sys.argv[1]), inputs=Inputs(("scores",), plan), untrusted=Limits(512 << 20, 600.0)))
"""


def stat(process: int) -> list[str] | None:
    """Fields of /proc/PID/stat from the state on; nothing for a process that has ended."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields


def child_of(process: int) -> int | None:
    """A process that another one started."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal() and (fields := stat(int(folder.name))) and int(fields[1]) == process:
            return int(folder.name)
    return None


def seconds_used(process: int) -> float:
    """Of the processor."""
    fields = stat(process)
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK") if fields else 0.0


def wait_until(condition, *, seconds: float = 90.0):
    """What the condition gives when it gives something."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


@only_linux
@pytest.mark.parametrize("computing", [0.0, 3.0], ids=["at once", "in the model"])
@pytest.mark.parametrize("script", [SESSION, BENCH], ids=["session", "bench"])
def test_a_model_that_never_ends_ends_with_the_process_that_ran_it(tmp_path, script, computing):
    path = tmp_path / "model.onnx"
    path.write_bytes(hostile_models.never_ends().SerializeToString())
    found = os.pathsep.join((str(PACKAGE.parent), str(Path(__file__).parents[1])))
    environment = {**os.environ, "PYTHONPATH": found, "TMPDIR": str(tmp_path)}
    starter = subprocess.Popen([sys.executable, "-c", script, str(path)], env=environment)
    child = None
    try:
        child = wait_until(lambda: child_of(starter.pid))
        wait_until(lambda: seconds_used(child) >= computing)
        starter.kill()
        starter.wait()
        wait_until(lambda: stat(child) is None, seconds=30.0)
    finally:
        starter.kill()
        starter.wait()
        if child is not None and stat(child) is not None:
            os.kill(child, signal.SIGKILL)


@only_linux
def test_a_parent_that_had_ended_before_is_noticed():
    """Nobody would tell of its end any more."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    script = "import time; from mnistbench.runtime.parent import end_with_parent; end_with_parent(); time.sleep(60)"
    orphan = subprocess.Popen([sys.executable, "-c", script], env={**os.environ, PARENT: str(gone.pid)})
    try:
        assert orphan.wait(timeout=30) == -signal.SIGKILL
    finally:
        orphan.kill()
        orphan.wait()


@pytest.mark.skipif(sys.platform == "win32", reason="no such parents")
@pytest.mark.parametrize(
    ("nearest", "there", "looks"),
    [
        ([7, 7, 7, 7, 1], [True] * 9, 3),  # it got another parent
        ([7] * 9, [True, True, False], 2),  # who started it is gone, and something between them is not
        ([1] * 9, [False], 0),
    ],
)
def test_where_the_system_does_not_tell_a_thread_looks(monkeypatch, nearest, there, looks):
    parents, answers, killed, slept = iter(nearest), iter(there), [], []

    def kill(process: int, number: int) -> None:
        if number == signal.SIGKILL:
            killed.append(process)
        elif not next(answers):
            raise ProcessLookupError

    fake = SimpleNamespace(getppid=lambda: next(parents), getpid=lambda: 42, kill=kill)
    monkeypatch.setattr(parent_module, "os", fake)
    watch(7, sleep=slept.append)
    assert (killed, len(slept)) == ([42], looks)


@pytest.mark.skipif(sys.platform == "win32", reason="no such parents")
def test_a_parent_of_another_user_is_there(monkeypatch):
    def refuse(process: int, number: int) -> None:
        raise PermissionError

    monkeypatch.setattr(parent_module.os, "kill", refuse)
    assert parent_module._is_there(1)


def test_a_program_that_nobody_of_ours_started_is_left_alone(monkeypatch):
    monkeypatch.delenv(PARENT, raising=False)
    monkeypatch.setattr(parent_module, "_tell_of_its_end", lambda: pytest.fail("it was asked for"))
    monkeypatch.setattr(parent_module.threading, "Thread", lambda **_: pytest.fail("a thread looks"))
    end_with_parent()
