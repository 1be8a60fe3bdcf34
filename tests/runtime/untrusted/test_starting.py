"""Processes are started in a thread that lasts, whatever becomes of the thread that asked."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import Future

import pytest

from mnistbench.runtime.untrusted import starting
from mnistbench.runtime.untrusted.starting import Starter


class Started:
    """A process that only knows whether it was killed."""

    def __init__(self) -> None:
        self.thread = threading.current_thread()
        self.killed = threading.Event()

    def kill(self) -> None:
        self.killed.set()


def test_all_are_started_in_one_thread_that_goes_on():
    starter, found = Starter(), []
    threads = [threading.Thread(target=lambda: found.append(starter.start(Started))) for _ in range(5)]
    for thread in threads:
        thread.start()
        thread.join()
    assert len({process.thread for process in found}) == 1
    assert found[0].thread.is_alive()
    assert found[0].thread not in threads


@pytest.mark.parametrize("error", [OSError("no more processes"), ValueError("no"), SystemExit(3)])
def test_what_cannot_be_started_is_the_error_of_who_asked(error):
    def fail():
        raise error

    starter = Starter()
    with pytest.raises(type(error)):
        starter.start(fail)
    assert isinstance(starter.start(Started), Started)


def test_who_is_interrupted_leaves_no_process(monkeypatch):
    asked, go_on, opened = threading.Event(), threading.Event(), []

    class Interrupted(Future):
        def result(self, timeout=None):
            if threading.current_thread() is threading.main_thread():
                asked.wait(30)
                raise KeyboardInterrupt
            return super().result(timeout)

    def slowly():
        asked.set()
        go_on.wait(30)
        opened.append(Started())
        return opened[0]

    monkeypatch.setattr(starting, "Future", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        Starter().start(slowly)
    go_on.set()
    for _ in range(3000):
        if opened:
            break
        threading.Event().wait(0.01)
    assert opened[0].killed.wait(30)


@pytest.mark.skipif(not hasattr(starting.os, "fork"), reason="this system has no fork")
def test_a_fork_gets_a_thread_of_its_own():
    script = (
        "import os, sys, warnings; warnings.simplefilter('ignore')\n"
        "from subprocess import Popen\n"
        "from mnistbench.runtime.untrusted.starting import start\n"
        "run = lambda: start(lambda: Popen([sys.executable, '-c', ''])).wait()\n"
        "assert run() == 0\n"
        "child = os.fork()\n"
        "if child == 0: os._exit(7 if run() == 0 else 1)\n"
        "sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=60).returncode == 7
