"""Damaged and hostile files by the thousand, read in processes with limits; what a hang or a crash belongs to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SECONDS = 2.0
"""A mutant may take so long."""

SECONDS_TO_HANG = 20.0
"""After so long the process is ended; the machine may have other work, so shorter times are looked at again."""

LONE_RUNS = 3
"""A mutant that took too long is read so often again, alone; the quickest of them counts."""

SECONDS_TO_START = 180.0

MEBIBYTES = {"onnx": 1024}
"""Memory beside the libraries; 512 for all other groups."""

POLL_SECONDS = 0.05

CHILD = ("-m", "fault_trials.mutant_child")
"""The program that reads mutants."""

SCRIPTS = Path(__file__).parent.parent


@dataclass
class Tally:
    """What came of the mutants of a group."""

    outcomes: Counter[str] = field(default_factory=Counter)
    by_target: dict[str, Counter[str]] = field(default_factory=dict)
    problems: list[dict[str, Any]] = field(default_factory=list)
    most_seconds: float = 0.0
    most_grown_bytes: int = 0

    def add(self, document: dict[str, Any]) -> None:
        """Count one mutant."""
        outcome = "failed" if document.get("problem") else document["outcome"]
        self.outcomes[outcome] += 1
        self.by_target.setdefault(document["target"], Counter())[outcome] += 1
        self.most_seconds = max(self.most_seconds, document.get("seconds", 0.0))
        self.most_grown_bytes = max(self.most_grown_bytes, document.get("grown_bytes", 0))
        if document.get("problem"):
            self.problems.append({key: document[key] for key in ("number", "target", "problem")})


def run_mutants(group: str, count: int, folder: Path, *, seed: int = 0, first: int = 0) -> Tally:
    """Let a group's targets read so many mutants.

    Args:
        group: One of :data:`fault_trials.targets.GROUPS`.
        count: Mutants.
        folder: An empty folder.
        seed: Of the mutants.
        first: Number of the first mutant.
    """
    tally = Tally()
    slow: list[int] = []
    numbers = first
    attempt = 0
    while numbers < first + count:
        attempt += 1
        documents, ended = _run(group, seed, numbers, first + count, folder / str(attempt))
        for document in documents:
            if document.get("problem") is None and document.get("seconds", 0.0) > SECONDS:
                slow.append(document["number"])
            else:
                tally.add(document)
        numbers = ended
    for number in slow:
        tally.add(_alone(group, seed, number, folder))
    return tally


def _alone(group: str, seed: int, number: int, folder: Path) -> dict[str, Any]:
    """A mutant again and alone, since the machine may just have been busy: what it found, slowness now included.

    By the clock as well as by processor time: who sleeps or waits for a lock hangs too.
    """
    runs: list[dict[str, Any]] = []
    for attempt in range(LONE_RUNS):
        (document,), _ = _run(group, seed, number, number + 1, folder / f"again-{number}-{attempt}")
        runs.append(document)
        if document.get("problem") is not None or _took(document) <= SECONDS:
            return document
    quickest = min(runs, key=_took)
    return {**quickest, "problem": f"it took {_took(quickest)} s"}


def _took(document: dict[str, Any]) -> float:
    return float(max(document["seconds"], document["cpu_seconds"]))


def _run(group: str, seed: int, start: int, stop: int, folder: Path) -> tuple[list[dict[str, Any]], int]:
    """One process, until it is through or ends at a mutant: what it found, and the number to go on with."""
    folder.mkdir(parents=True)
    progress = folder / "progress"
    progress.touch()
    numbers = [str(number) for number in (seed, start, stop, 1)]
    limit = str(MEBIBYTES.get(group, 512))
    command = [sys.executable, *CHILD, group, *numbers, str(folder), limit]
    path = os.pathsep.join([str(SCRIPTS), str(SCRIPTS.parent), os.environ.get("PYTHONPATH", "")])
    with open(folder / "stdout", "ab") as out, open(folder / "stderr", "wb") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err, env={**os.environ, "PYTHONPATH": path})
        _watch(process, progress)
    documents, begun = [], None
    for line in progress.read_text(encoding="utf-8").splitlines():
        what, _, rest = line.partition(" ")
        if what == "begin":
            number, _, target = rest.partition(" ")
            begun = {"number": int(number), "target": target}
        else:
            documents.append(json.loads(rest))
            begun = None
    if begun is None:
        if process.returncode:
            raise RuntimeError((folder / "stderr").read_text(errors="replace")[-2000:])
        return documents, stop
    how = f"signal {-process.returncode}" if process.returncode < 0 else f"exit status {process.returncode}"
    hung = process.returncode == -9
    documents.append({**begun, "outcome": "failed", "problem": "it hung" if hung else f"the process ended: {how}"})
    return documents, int(begun["number"]) + 1


def _watch(process: subprocess.Popen[bytes], progress: Path) -> None:
    """Wait for a process; end it when it writes nothing for too long."""
    size, since = 0, time.monotonic()
    while process.poll() is None:
        time.sleep(POLL_SECONDS)
        now = progress.stat().st_size
        if now != size:
            size, since = now, time.monotonic()
        elif time.monotonic() - since > (SECONDS_TO_HANG if size else SECONDS_TO_START):
            process.kill()
            process.wait()
