"""What a process that runs a stranger's model may take, and how a process puts such limits on itself.

Knows nothing of models.
"""

from __future__ import annotations

import ctypes
import math
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from mnistbench.errors import ProcessError

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]  # such a system has no limits, and require_limits says so

MOST_FILE_BYTES = 256 << 20
"""What such a process may write into one file."""

_STACK_BYTES = 8 << 20
_MOST_SECONDS = 10.0**9
_M_ARENA_MAX = -8


@dataclass(frozen=True)
class Limits:
    """Of one process.

    Attributes:
        memory_bytes: Beside what Python and its libraries take. Kept by the system on Linux; others may not.
        seconds: For each call; to start and load there is a minute more, for Python and its libraries.
    """

    memory_bytes: int = 1 << 30
    seconds: float = 60.0


LIMITS = Limits()
"""Enough for every classifier of digits."""


def require_limits() -> None:
    """Make sure that this system has limits.

    Raises:
        ProcessError: When it has none.
    """
    if resource is None:
        raise ProcessError(
            "this system cannot limit a process, so that no model can be run untrusted; "
            "run it on Linux or macOS, or without --untrusted if you trust the file"
        )


def limit_this_process(limits: Limits) -> None:
    """Limit this process, for good; call it when all libraries are loaded.

    Raises:
        ProcessError: As :func:`require_limits`.
    """
    require_limits()
    if sys.platform.startswith("linux"):
        # Each thread would otherwise reserve 64 MiB of addresses of its own, which count.
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)
    stacks = (os.cpu_count() or 1) * _STACK_BYTES
    _lower(resource.RLIMIT_AS, _address_space() + limits.memory_bytes + stacks)
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, MOST_FILE_BYTES)


def limit_processor_time(seconds: float) -> None:
    """Have the system end this process when it goes on computing for long; it may be called again, which counts anew.

    Who waits for it ends it sooner. This is for a process that nobody waits for any more.

    Args:
        seconds: For which it may use all processors, from now on.
    """
    used = sum(os.times()[:2])
    most = math.ceil(used + min(seconds, _MOST_SECONDS) * (os.cpu_count() or 1)) + 1
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    # Its soft limit only, which can be raised again.
    resource.setrlimit(resource.RLIMIT_CPU, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _lower(kind: int, most: int) -> None:
    """Set a limit that cannot be raised again; one that is lower already stays."""
    _, hard = resource.getrlimit(kind)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    try:
        resource.setrlimit(kind, (most, most))
    except (ValueError, OSError):
        if sys.platform.startswith("linux"):
            raise


def _address_space() -> int:
    """Bytes of addresses that this process has now; a guess where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 8 << 30
