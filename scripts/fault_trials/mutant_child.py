"""Reads mutants one by one: ``python -m fault_trials.mutant_child GROUP SEED START STOP STEP FOLDER MEBIBYTES``.

Says what it is at, and what came of it, in FOLDER/progress: a line before each
mutant and one after it, so that whoever watches knows which one a hang or a
crash belongs to. Memory is limited to what the libraries take and MEBIBYTES.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
import traceback
from pathlib import Path
from random import Random
from typing import Any

from fault_trials.targets import Target, make_targets


def mutant(target: Target, group: str, seed: int, number: int) -> bytes:
    """The mutant with a number, the same whenever it is asked for."""
    return target.mutate(target.sound, Random(f"{seed} {group} {target.name} {number}"))


def main(arguments: list[str]) -> int:
    """Run as a program."""
    group, folder = arguments[0], Path(arguments[5])
    seed, start, stop, step = map(int, arguments[1:5])
    os.chdir(folder)
    targets = make_targets(group, folder / "work")
    for target in targets:
        # Also warms up: what a first call loads is no mutant's fault.
        if target.read(target.sound) != "answered":
            raise SystemExit(f"the sound file of {target.name} was refused")
    limit = int(arguments[6]) << 20
    base = _status("VmRSS")
    resource.setrlimit(resource.RLIMIT_AS, (_status("VmSize") + limit,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with open(folder / "progress", "a", buffering=1, encoding="utf-8") as progress:
        for number in range(start, stop, step):
            target = targets[number % len(targets)]
            content = mutant(target, group, seed, number)
            progress.write(f"begin {number} {target.name}\n")
            document = {"number": number, "target": target.name, **_read(target, content)}
            grown = _peak() - base
            if grown > limit:
                document["problem"] = f"{grown >> 20} MiB of memory"
            document["grown_bytes"] = grown
            progress.write(f"end {json.dumps(document)}\n")
    return 0


def _read(target: Target, content: bytes) -> dict[str, Any]:
    begin, begin_cpu = time.monotonic(), time.process_time()
    problem, outcome = None, "failed"
    try:
        outcome = target.read(content)
    except MemoryError as error:
        problem = f"MemoryError: {error}"
    except BaseException as error:  # noqa: BLE001 -- it is what is looked for
        last = traceback.extract_tb(error.__traceback__)[-1]
        problem = f"{type(error).__name__}: {error}"[:300] + f" ({Path(last.filename).name}:{last.lineno})"
    if os.fstat(1).st_size:
        problem = problem or f"it printed {os.fstat(1).st_size} bytes to standard output"
        os.ftruncate(1, 0)
    seconds = {"seconds": round(time.monotonic() - begin, 4), "cpu_seconds": round(time.process_time() - begin_cpu, 4)}
    return {"outcome": outcome, "problem": problem, **seconds}


def _status(key: str) -> int:
    """A figure of this process in bytes."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    raise KeyError(key)


def _peak() -> int:
    """The most memory since the last call."""
    peak = _status("VmHWM")
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return peak


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
