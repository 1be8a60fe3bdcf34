"""Measures each request in a fresh process of its own.

Where memory lies, which pages are huge and how threads are placed differ from
process to process and stay the same within one: only several of them show it.
A process that dies takes no other figure with it.
"""

from __future__ import annotations

import contextlib
import json
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from mnistbench.errors import MnistbenchError, ProcessError
from mnistbench.measure.latency.child import read_answer
from mnistbench.measure.latency.request import Measured, Request
from mnistbench.measure.program import Ended, run_module
from mnistbench.runtime.images import Images

Answer = TypeVar("Answer")

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
        return self.ask("mnistbench.measure.latency.child", request, Measured.from_dict)

    def ask(self, module: str, request: Request, read: Callable[[dict[str, Any]], Answer]) -> Answer:
        """Have a program of the kind of :mod:`mnistbench.measure.latency.child` measure a request.

        Args:
            module: The program.
            request: What it measures.
            read: Makes of plain data what the program found.

        Raises:
            MnistbenchError: What the process found, or that it died or hung.
        """
        asked, answered, said = (self._folder / name for name in ("request.json", "response.json", "said.txt"))
        answered.unlink(missing_ok=True)
        asked.write_text(json.dumps(request.as_dict()), encoding="utf-8")
        arguments = [asked, answered, *([self._images] if self._images is not None else [])]
        rest = SECONDS_FOR_THE_REST if request.untrusted is None else request.untrusted.seconds
        limit = request.plan.max_warmup_seconds + request.plan.longest_seconds + rest
        ended = run_module(module, arguments, seconds=limit, said=said)
        if ended.status is None:
            raise ProcessError(f"its process gave no answer within {limit:.0f} s and was ended")
        if ended.status == 0:
            try:
                return read(read_answer(answered))
            except MnistbenchError:  # some are ValueErrors too
                raise
            except (OSError, ValueError, KeyError, TypeError):
                pass
        raise _death(request, ended)


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


def _death(request: Request, ended: Ended) -> ProcessError:
    """What to say of a process that ended without an answer."""
    if ended.status == -getattr(signal, "SIGKILL", 9):
        return ProcessError(
            f"the process that ran {request.name} at batch {request.batch_size:,} on {request.device} was killed: "
            "by somebody, or for want of memory"
        )
    return ProcessError(
        f"the process that ran {request.name} at batch {request.batch_size:,} died ({ended.how}): {ended.last_words}"
    )
