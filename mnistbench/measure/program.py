"""Runs a module of this package as a program in a fresh process, with a time limit, and says how it ended.

Knows nothing of what the program does. A process that crashes or hangs takes
nothing else with it.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mnistbench.runtime.program import our_program

SECONDS_TO_DIE = 10.0
"""A process that waits for a broken driver cannot even be killed; it is then left behind."""

_LAST_BYTES = 4096


@dataclass(frozen=True)
class Ended:
    """How a process ended."""

    status: int | None
    """Exit status, the negative number of a signal, or ``None`` when its time was over."""
    last_words: str
    """The last line that it printed, or that it printed none."""

    @property
    def how(self) -> str:
        """``signal 6`` or ``exit status 1``."""
        if self.status is None:
            return "its time was over"
        return f"signal {-self.status}" if self.status < 0 else f"exit status {self.status}"


def run_module(module: str, arguments: Sequence[str | Path], *, seconds: float, said: Path) -> Ended:
    """Run ``python -m module arguments`` and wait for it; it is ended when its time is over.

    Args:
        module: Full name of a module of this package.
        arguments: Of the program.
        seconds: Its time.
        said: The file that gets what it prints.

    Raises:
        OSError: When no process can be started, or ``said`` cannot be written.
    """
    program = our_program(module, *arguments)
    status: int | None = None
    with said.open("wb") as output:
        # In this thread, which waits for it: Linux ends such a process with the thread that started it.
        process = subprocess.Popen(  # noqa: S603  # our own program
            program.arguments, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=program.environment
        )
        try:
            with contextlib.suppress(subprocess.TimeoutExpired):
                status = process.wait(timeout=seconds)
        finally:
            # Interrupted or too late: it must not go on beside what comes next.
            if process.poll() is None:
                process.kill()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=SECONDS_TO_DIE)
    return Ended(status, _last_line(said))


def _last_line(said: Path) -> str:
    with said.open("rb") as stream:
        stream.seek(max(0, said.stat().st_size - _LAST_BYTES))
        lines = stream.read().decode(errors="replace").strip().splitlines()
    return " ".join(lines[-1].split())[:300] if lines else "it said nothing"
