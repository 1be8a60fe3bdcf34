"""Lets the N-th call of each operation fail, for every N, once and from then on, and looks at what is left."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from fault_trials.commands import Outcome, temporaries
from fault_trials.failing_calls import FAULTS, FailingCalls, Fault
from fault_trials.operations import Material, Operation, state_of
from mnistbench import files, locks
from mnistbench.errors import MnistbenchError

MOST_CALLS = 2000
"""Of one operation; more means that it never ends."""


def try_all(folder: Path, *, step: int = 1, only: str | None = None) -> Iterator[dict[str, Any]]:
    """A record for each operation, fault and mode.

    Args:
        folder: An empty folder.
        step: Try each call number that leaves 1 when divided by it; 1 tries all.
        only: Name of the one operation to try; all when ``None``.
    """
    with Material(folder / "material").in_use() as operations:
        for operation in operations:
            if only in (None, operation.name):
                yield from try_operation(operation, folder / "trials", step=step)


def try_operation(operation: Operation, folder: Path, *, step: int) -> Iterator[dict[str, Any]]:
    """A record for each fault and mode."""
    before, after = folder / "before", folder / "after"
    shutil.rmtree(folder, ignore_errors=True)
    before.mkdir(parents=True)
    with contextlib.redirect_stderr(io.StringIO()):
        operation.before(before)
    shutil.copytree(before, after)
    _act(operation, after)
    old, new = state_of(before), state_of(after)
    assert old != new, f"{operation.name} changes nothing"
    for fault in FAULTS:
        for persistent in (False, True):
            record = {"operation": operation.name, "fault": fault.name, "persistent": persistent}
            counts = {"tries": 0, "refused": 0, "done_all_the_same": 0}
            problems: list[str] = []
            for nth in range(1, MOST_CALLS, step):
                trial = folder / "trial"
                shutil.copytree(before, trial)
                reached, refused, found = try_once(operation, trial, fault, nth, persistent, old, new)
                shutil.rmtree(trial)
                if not reached:
                    break
                counts["tries"] += 1
                counts["refused" if refused else "done_all_the_same"] += 1
                problems += [f"call {nth}: {problem}" for problem in found]
            else:
                problems.append("it never ended")
            yield record | counts | {"problems": problems}


def try_once(
    operation: Operation,
    trial: Path,
    fault: Fault,
    nth: int,
    persistent: bool,
    old: dict[str, str],
    new: dict[str, str],
) -> tuple[bool, bool, list[str]]:
    """Whether the call was reached, whether the operation said that it failed, and what is wrong."""
    problems: list[str] = []
    refused = False
    with FailingCalls(trial, fault, nth, persistent=persistent) as calls:
        try:
            outcome = _act(operation, trial)
        except (MnistbenchError, OSError) as error:
            refused = True
            problems += _unclear(error)
        except Exception as error:  # noqa: BLE001 -- it is what is looked for
            problems.append(f"{type(error).__name__}: {error}"[:300])
        else:
            if isinstance(outcome, Outcome):
                refused = outcome.code != 0
                problems += outcome.problems()
    if not calls.failed:
        return False, refused, problems
    seen = state_of(trial)
    for name, digest in seen.items():
        if digest not in (old.get(name), new.get(name)) and not operation.grows:
            problems.append(f"{name} is neither the old file nor the new one")
    problems += [f"{name} is gone" for name in old.keys() & new.keys() if name not in seen]
    problems += operation.damage(trial)
    if operation.at_once and seen not in (old, new):
        problems.append("some files are there, and some are not")
    problems += _repeat(operation, trial, new)
    return True, refused, problems


def _act(operation: Operation, folder: Path) -> object:
    """Do it as a new process would, but for its patience with locks; what it says on the way is for people."""
    files.sweep_once.cache_clear()
    with contextlib.redirect_stderr(io.StringIO()), mock.patch.object(locks, "SECONDS_UNTIL_STALE", 0.1):
        return operation.act(folder)


def _unclear(error: Exception) -> list[str]:
    """What a message should say and does not."""
    if isinstance(error, OSError):
        named = str(error.filename or "")
        if not error.strerror:
            return [f"an error without a reason: {error!r}"]
        if not named:
            return [f"an error that names no file: {error!r}"]
        if named.endswith(".mnistbench.tmp"):
            return [f"an error that names a file of ours: {named}"]
    return []


def _repeat(operation: Operation, trial: Path, new: dict[str, str]) -> list[str]:
    """The operation again, two hours later and with nothing failing: all new, and nothing half done is left."""
    past = time.time() - 2 * files.SECONDS_OF_A_TEMPORARY
    for path in temporaries(trial):
        if path.name.endswith(".mnistbench.tmp"):
            os.utime(path, (past, past))
    try:
        outcome = _act(operation, trial)
    except MnistbenchError as error:
        # A kit that was whole by then is not overwritten.
        return [] if "is not empty" in str(error) and state_of(trial) == new else [f"repeated: {error}"]
    except OSError as error:
        return [f"repeated: {error}"]
    problems = [f"repeated: {text}" for text in (outcome.problems() if isinstance(outcome, Outcome) else ())]
    again = state_of(trial)
    if again != new:
        different = sorted(name for name in again.keys() | new.keys() if again.get(name) != new.get(name))
        problems.append(f"repeated, it did not come to what it usually does: {', '.join(different)[:200]}")
    # The first write of a process in a folder sweeps it; state and locks go with their own kind.
    files.sweep(trial)
    problems += [f"{path.name} stays behind" for path in temporaries(trial)]
    return problems
