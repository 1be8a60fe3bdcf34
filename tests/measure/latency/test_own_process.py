"""A function in a process of its own: what it gives, and how the process ends."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys

import pytest

from mnistbench.errors import MnistbenchError, ProcessError, ProviderError
from mnistbench.measure.latency.own_process import in_own_process

pytestmark = pytest.mark.slow

no_windows = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals for another process")


def doubled(number, tell):
    tell(number)
    tell(number + 1)
    return 2 * number


def killed(task, tell):
    tell(task)
    os.kill(os.getpid(), signal.SIGKILL)


def broken(name, _tell):
    raise ProviderError(f"no driver for {name}")


def says_nothing(_task, _tell):
    raise ValueError


def test_it_tells_answers_or_fails():
    told = []
    assert in_own_process(doubled, 4, told.append) == 8
    assert told == [4, 5]
    with pytest.raises(ProviderError, match="no driver for Fast"):
        in_own_process(broken, "Fast", print)
    with pytest.raises(MnistbenchError, match="ValueError"):
        in_own_process(says_nothing, None, print)


@no_windows
def test_its_death_is_an_error_after_what_it_told():
    told = []
    with pytest.raises(ProcessError, match="ended with status -9"):
        in_own_process(killed, list(range(100_000)), told.append)
    assert told == [list(range(100_000))]


# As the command does it: the process tells its number, then works for longer than any test waits.
PROGRAM = """
import os
import sys
import time
from mnistbench.measure.latency.own_process import in_own_process

def say(text):
    print(text, flush=True)

def works(seconds, tell):
    print(os.getpid(), flush=True)
    until = time.monotonic() + seconds
    try:
        while time.monotonic() < until:
            time.sleep(0.05)
    finally:
        tell("told")
    return "done"

if __name__ == "__main__":
    try:
        say(in_own_process(works, float(sys.argv[1]), say))
    except KeyboardInterrupt:
        sys.exit("interrupted")
"""


@pytest.fixture
def started(tmp_path):
    """Starts the program; gives it and the number of the process that it started."""
    file = tmp_path / "program.py"
    file.write_text(PROGRAM)
    programs = []

    def start(seconds):
        command = [sys.executable, str(file), str(seconds)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        # A group of its own, as a terminal makes it.
        programs.append(subprocess.Popen(command, start_new_session=True, **pipes))
        return programs[-1], int(programs[-1].stdout.readline())

    yield start
    for program in programs:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)
        program.communicate()


@no_windows
def test_it_ends_when_its_parent_is_killed(started):
    program, _process = started(600)
    program.kill()
    # The pipes end when the last process has gone.
    assert program.communicate(timeout=60) == ("", "")


@no_windows
def test_ctrl_c_is_for_its_parent_which_hears_what_it_still_tells(started):
    program, _process = started(600)
    os.killpg(program.pid, signal.SIGINT)
    assert program.communicate(timeout=60) == ("told\n", "interrupted\n")
    assert program.returncode == 1


@no_windows
def test_it_goes_on_when_only_it_is_interrupted(started):
    program, process = started(1)
    os.kill(process, signal.SIGINT)
    assert program.communicate(timeout=60) == ("told\ndone\n", "")
