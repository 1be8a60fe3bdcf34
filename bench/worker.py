"""A process of one implementation that does one piece of work for each line it is sent.

Two such processes take turns in a benchmark: whatever else the machine does
meets both, and peak memory and allocator settings are each one's own.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any


class Worker:
    """Runs ``bench/SCRIPT`` and asks it for work.

    Args:
        script: File name below ``bench/``; it calls :func:`serve`.
        arguments: For its command line.
    """

    def __init__(self, script: str, *arguments: str) -> None:
        command = [sys.executable, str(Path(__file__).with_name(script)), *arguments]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.seconds: list[float] = []
        self.peak_bytes = 0

    def work(self) -> dict[str, Any]:
        """One piece of work; its ``seconds`` are kept."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"a benchmark process ended with {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        self.seconds.append(answer["seconds"])
        self.peak_bytes = answer["peak_bytes"]
        return answer

    def turn(self) -> None:
        """As :meth:`work`, for callers that want no answer."""
        self.work()

    def close(self) -> None:
        """End the process."""
        self._process.communicate(timeout=60)


def serve(work: Callable[[], dict[str, Any]], requests: Iterable[str]) -> None:
    """Answer each request with a JSON line: what ``work`` returns, and the peak of resident memory in bytes."""
    for _ in requests:
        answer = work()
        # Linux counts in kilobytes, macOS in bytes.
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        print(json.dumps({**answer, "peak_bytes": peak}), flush=True)
