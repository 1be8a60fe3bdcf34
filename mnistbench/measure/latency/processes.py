"""Measures each request in a fresh process of its own.

Where memory lies, which pages are huge and how threads are placed differ from
process to process and stay the same within one: only several of them show it.
A process that dies takes no other figure with it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import mnistbench
from mnistbench.errors import ModelError, ProviderError
from mnistbench.measure.latency.child import read_answer
from mnistbench.measure.latency.request import Measured, Request
from mnistbench.runtime.images import Images

SECONDS_FOR_THE_REST = 300.0
"""Beside warm-up and measurement: import, two sessions, the right answers; some providers compile for minutes."""


class FreshProcesses:
    """Runs requests one after another; make one with :func:`fresh_processes`."""

    def __init__(self, folder: Path, images: Path | None) -> None:
        self._folder = folder
        self._images = images

    def __call__(self, request: Request) -> Measured:
        """Measure one request.

        Raises:
            MnistbenchError: What the process found, or that it died or hung.
        """
        asked, answered, said = (self._folder / name for name in ("request.json", "response.json", "said.txt"))
        answered.unlink(missing_ok=True)
        asked.write_text(json.dumps(request.as_dict()), encoding="utf-8")
        program = [sys.executable, "-P", "-m", "mnistbench.measure.latency.child", str(asked), str(answered)]
        if self._images is not None:
            program.append(str(self._images))
        limit = request.plan.max_warmup_seconds + request.plan.max_seconds + SECONDS_FOR_THE_REST
        with said.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603  # our own program
                program, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=_environment()
            )
            try:
                status = process.wait(timeout=limit)
            except subprocess.TimeoutExpired:
                raise ProviderError(f"its process gave no answer within {limit:.0f} s and was ended") from None
            finally:
                # Interrupted or too late: it must not go on beside the next measurement.
                if process.poll() is None:
                    process.kill()
                    process.wait()
        if status == 0:
            with contextlib.suppress(OSError, ValueError):
                return read_answer(answered)
        raise _death(request, status, said)


@contextlib.contextmanager
def fresh_processes(images: Images | None) -> Iterator[FreshProcesses]:
    """Something that measures requests in processes, and a temporary folder for it.

    Args:
        images: uint8 of shape ``(n, 28, 28)``, which the processes draw inputs from.
    """
    with tempfile.TemporaryDirectory(prefix="mnistbench-") as folder:
        file = None
        if images is not None:
            file = Path(folder) / "images.npy"
            np.save(file, images)
        yield FreshProcesses(Path(folder), file)


def _environment() -> dict[str, str]:
    """This process's, so that the same package is found from any folder."""
    package = str(Path(mnistbench.__file__).resolve().parents[1])
    known = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(known)}


def _death(request: Request, status: int, said: Path) -> ModelError | ProviderError:
    """What to say of a process that ended without an answer."""
    if status == -getattr(signal, "SIGKILL", 9):
        return ProviderError(
            f"{request.device} has not enough memory for {request.name} at batch {request.batch_size:,}, it seems: "
            "its process was killed"
        )
    lines = said.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    last = " ".join(lines[-1].split())[:300] if lines else "it said nothing"
    how = f"signal {-status}" if status < 0 else f"exit status {status}"
    return ModelError(f"the process that ran {request.name} at batch {request.batch_size:,} died ({how}): {last}")
