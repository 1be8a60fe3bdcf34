"""Several processes on one empty cache, zoo or folder, with locks and without: all succeed, and nothing is lost."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kill_train_all import write_dataset

from fault_trials import same_run
from fault_trials.caches import damaged_cache
from fault_trials.commands import temporaries, visible
from fault_trials.one_of_many import ACTIONS, LOCKS
from mnistbench.artifacts import read_manifest, verify
from mnistbench.errors import MnistbenchError
from mnistbench.published import read_published

SCRIPTS = Path(__file__).parent.parent


def try_many(folder: Path, counts: tuple[int, ...]) -> Iterator[dict[str, Any]]:
    """A record for each action, number of processes and kind of locks."""
    for what in ACTIONS:
        for count in counts:
            for kind in LOCKS:
                problems = run_together(what, count, kind, folder / "together")
                yield {"operation": what, "processes": count, "locks": kind, "tries": count, "problems": problems}


def run_together(what: str, count: int, kind: str, folder: Path) -> list[str]:
    """What is wrong when so many processes have done the same at once in a folder, which is emptied first."""
    shutil.rmtree(folder, ignore_errors=True)
    write_dataset(folder / "digits", 0, {"train": 300, "t10k": 100})
    (folder / "shared").mkdir()
    path = os.pathsep.join([str(SCRIPTS), str(SCRIPTS.parent), os.environ.get("PYTHONPATH", "")])
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "fault_trials.one_of_many", what, str(folder), str(number), kind],
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
            text=True,
        )
        for number in range(count)
    ]
    while not all((folder / f"ready-{number}").exists() or processes[number].poll() for number in range(count)):
        time.sleep(0.01)
    (folder / "go").touch()
    problems = []
    while any(process.poll() is None for process in processes):
        problems += _half(what, folder)
        if what == "train the same run":
            problems += same_run.torn(folder, folder / "shared")
    for process in processes:
        _, said = process.communicate()
        if process.returncode:
            problems.append(
                f"a process failed: {said.strip().splitlines()[-1] if said.strip() else process.returncode}"
            )
    problems += _half(what, folder)
    problems += _wrong(what, count, folder)
    problems += [f"{left.name} stays behind" for left in temporaries(folder / "shared")]
    return list(dict.fromkeys(problems))


def _half(what: str, folder: Path) -> list[str]:
    """What a reader can see that is not whole, at any moment."""
    shared = folder / "shared"
    problems = damaged_cache(shared, folder / "digits") if what == "fill the data cache" else []
    for file in visible(shared):
        if file.suffix == ".json":
            try:
                json.loads(file.read_bytes())
            except FileNotFoundError:
                continue  # the state of a run that has just ended
            except ValueError as error:
                problems.append(f"{file.name}: {error}")
    try:
        for entry in read_manifest(shared):
            verify(shared, entry)
    except MnistbenchError as error:
        problems.append(_unless_replaced(shared, str(error)))
    return [problem for problem in problems if problem]


def _unless_replaced(shared: Path, problem: str) -> str:
    """Nothing, where the same is in order at a second look: between manifest and file another process was quicker."""
    try:
        for entry in read_manifest(shared):
            verify(shared, entry)
    except MnistbenchError:
        return problem
    return ""


def _wrong(what: str, count: int, folder: Path) -> list[str]:
    """What is lost, there twice or of wrong content in the end."""
    shared = folder / "shared"
    names = [str(path.relative_to(shared)) for path in visible(shared)]
    match what:
        case "fill the data cache":
            wanted = {path.name: path.read_bytes() for path in (folder / "digits").iterdir()}
            found = {path.name: path.read_bytes() for path in visible(shared)}
            return [] if found == wanted else [f"the cache holds {sorted(found)}"]
        case "export into a zoo":
            files = sorted(entry.file for entry in read_manifest(shared))
            expected = sorted(["of-all.onnx", *(f"model-{number}.onnx" for number in range(count))])
            problems = [] if files == expected else [f"the manifest has {len(files)} entries of {len(expected)}"]
            return problems + ([] if names == sorted([*expected, "manifest.json"]) else [f"files: {names}"])
        case "results --save":
            seeds = [run.seed for run in read_published(shared / "results.json").runs]
            return [] if sorted(seeds) == list(range(count)) else [f"{len(seeds)} runs of {count}"]
        case "train the same run":
            return same_run.wrong(folder, shared)
    return [] if names == ["tuned/lenet5.json"] else [f"files: {names}"]
