"""Ends a process when the one that started it has ended, however that was and whatever the process does then.

A program that never ends by itself would else go on for ever when who would have ended it was killed.
Knows nothing of what the process does.

Source: prctl(2), ``PR_SET_PDEATHSIG``.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Callable

PARENT = "MNISTBENCH_PARENT"
"""Variable of the environment with the process number of who started a program of ours."""

_PR_SET_PDEATHSIG = 1
_SECONDS_BETWEEN_LOOKS = 1.0


def end_with_parent() -> None:
    """End this process as soon as its parent has ended; call it first.

    Linux does so itself when the *thread* ends that started this process: who
    starts one must wait for it in that thread, or have it started by
    :func:`mnistbench.runtime.untrusted.starting.start`. Elsewhere a thread looks
    once a second. Does nothing for a program that was not started by
    :func:`mnistbench.runtime.program.our_program`, and nothing on Windows.
    """
    given = os.environ.get(PARENT)
    if given is None or sys.platform == "win32":
        return
    parent = int(given)
    # Asked first: a parent that ended before would never be told of.
    if _tell_of_its_end() and os.getppid() == parent:
        return
    threading.Thread(target=watch, args=(parent,), name="mnistbench-parent", daemon=True).start()


def watch(parent: int, *, sleep: Callable[[float], None] = time.sleep) -> None:
    """Wait until a process has ended, or this one got another parent; then end this process.

    Args:
        parent: Its process number; another one than this process's parent where something stands between them.
        sleep: Waits between two looks.
    """
    nearest = os.getppid()
    while os.getppid() == nearest and _is_there(parent):
        sleep(_SECONDS_BETWEEN_LOOKS)
    os.kill(os.getpid(), signal.SIGKILL)


def _tell_of_its_end() -> bool:
    """Have Linux kill this process when its parent ends; whether it will."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        prctl = ctypes.CDLL(None).prctl
    except (OSError, AttributeError):
        return False
    return bool(prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL)) == 0)


def _is_there(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
