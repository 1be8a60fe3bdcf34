"""Kills processes at random moments while they train, export, fill a cache and benchmark, and lets them go on.

Each try begins in a fresh folder, in a forked process that finds its libraries
loaded: importing torch for each of some hundred kills would take an hour.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import os
import random
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from fault_trials.commands import Outcome, temporaries
from fault_trials.operations import Material, Operation, collect_environment_once, state_of
from mnistbench import files
from mnistbench.artifacts import bundled_zoo
from mnistbench.bench_files import read_bench_run, write_bench_run
from mnistbench.errors import MnistbenchError
from mnistbench.measure.clock import MonotonicClock
from mnistbench.measure.latency import bench as bench_module
from mnistbench.measure.latency.bench import Bench, run_bench
from mnistbench.measure.latency.request import Measured, Request
from mnistbench.measure.steady import Plan
from mnistbench.results import ProcessResult
from mnistbench.runtime.devices import CPU
from mnistbench.runtime.session import SessionSettings
from mnistbench.training.states import read_runs

KILLED = ("train", "export", "fill the data cache")
LATEST = 1.1
"""Moments are up to so many times what an undisturbed process takes."""


def try_kills(folder: Path, kills: int, seed: int, *, only: str | None = None) -> Iterator[dict[str, Any]]:
    """A record for each operation.

    Args:
        folder: An empty folder.
        kills: As many as must land on each operation.
        seed: Of the moments.
        only: Name of the one operation to try; all when ``None``.
    """
    collect_environment_once()
    with Material(folder / "material").in_use() as operations:
        chosen = [operation for operation in operations if operation.name in KILLED]
        for operation in [*chosen, bench_operation()]:
            if only in (None, operation.name):
                yield _try(operation, folder / "kills", kills, random.Random(f"{seed} {operation.name}"))


def bench_operation() -> Operation:
    """A run of the benchmark that is saved after each measurement, of figures that are made up."""

    def act(folder: Path) -> None:
        wanted = Bench(
            devices=(CPU,),
            modes=("e2e",),
            batch_sizes=(1, 2, 3, 4),
            plan=Plan.quick(),
            processes=3,
            settings=SessionSettings(intra_op_num_threads=1),
            shapes={None: (None, 1, 28, 28)},
        )
        file = bundled_zoo() / "64-64-10.onnx"
        with mock.patch.object(bench_module, "SECONDS_BETWEEN_SAVES", -1):
            run = run_bench(
                wanted,
                [(file, "64-64-10")],
                collect_environment_once(),
                MonotonicClock(),
                keep=lambda run: write_bench_run(folder / "run.json", _timeless(run)),
                make_runner=lambda _images: contextlib.nullcontext(_measured),
            )
        write_bench_run(folder / "run.json", _timeless(run))

    return Operation("benchmark", lambda _folder: None, act, _damaged_run, grows=True)


def _timeless(run: Any) -> Any:
    return dataclasses.replace(run, started="")


def _measured(request: Request) -> Measured:
    """Figures as a process would find them."""
    time.sleep(0.002)
    seconds = 1e-4 * request.batch_size
    figures = ProcessResult(0.01, 0.001, 10, True, 50, "noise", seconds, seconds, seconds)
    return Measured(figures, (seconds,) * 50, "CPUExecutionProvider", {"CPUExecutionProvider": 5}, 1, {})


def _damaged_run(folder: Path) -> list[str]:
    file = folder / "run.json"
    if not file.exists():
        return []
    try:
        rows = read_bench_run(file).results
    except MnistbenchError as error:
        return [str(error)]
    return [] if len(rows) == 4 else [f"{len(rows)} rows of 4"]


def _try(operation: Operation, folder: Path, kills: int, chance: random.Random) -> dict[str, Any]:
    shutil.rmtree(folder, ignore_errors=True)
    before, after = folder / "before", folder / "after"
    before.mkdir(parents=True)
    problems = _ended(_in_child(lambda: operation.before(before)), "the state before")
    shutil.copytree(before, after)
    begin = time.monotonic()
    problems += _ended(_in_child(lambda: operation.act(after)), "undisturbed")
    seconds = time.monotonic() - begin
    new = state_of(after)
    landed = tries = lost = 0
    while landed < kills and not problems[:20]:
        tries += 1
        trial = folder / "trial"
        shutil.copytree(before, trial)
        pid = _in_child(lambda trial=trial: operation.act(trial))
        time.sleep(chance.uniform(0, LATEST * seconds))
        reached = _epochs(trial)
        os.kill(pid, signal.SIGKILL)
        was_killed = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
        landed += was_killed
        found = operation.damage(trial)
        lost += max(0, reached - _epochs(trial))
        found += _go_on(operation, trial, new)
        problems += [f"kill {landed}: {problem}" for problem in found]
        shutil.rmtree(trial)
    if lost:
        problems.append(f"{lost} finished epochs lost")
    record = {"operation": operation.name, "tries": tries, "kills": landed, "seconds_undisturbed": round(seconds, 3)}
    return record | {"finished_epochs_lost": lost, "problems": problems}


def _epochs(folder: Path) -> int:
    try:
        return sum(run.epochs_done for run in read_runs(folder))
    except OSError:
        return 0


def _go_on(operation: Operation, trial: Path, new: dict[str, str]) -> list[str]:
    """The operation again, two hours later, to its end: all as undisturbed, and nothing half done left."""
    past = time.time() - 2 * files.SECONDS_OF_A_TEMPORARY
    for path in temporaries(trial):
        if path.name.endswith(".mnistbench.tmp"):
            os.utime(path, (past, past))
    problems = _ended(_in_child(lambda: operation.act(trial)), "again")
    again = state_of(trial)
    different = sorted(name for name in again.keys() | new.keys() if again.get(name) != new.get(name))
    if different:
        problems.append(f"again, it did not come to what it usually does: {', '.join(different)[:200]}")
    return problems + [f"{path.name} stays behind" for path in temporaries(trial)]


def _in_child(action: Callable[[], object]) -> int:
    """Start a child that does something, as a new process would; its process id."""
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            files.sweep_once.cache_clear()
            outcome = action()
        code = outcome.code if isinstance(outcome, Outcome) else 0
    except BaseException:  # noqa: BLE001 -- a child must never run on in its parent's code
        traceback.print_exc()
    finally:
        os._exit(code)


def _ended(pid: int, what: str) -> list[str]:
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return [f"{what}, it ended with {code}"] if code else []
