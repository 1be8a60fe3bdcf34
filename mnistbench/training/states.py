"""What became of each training run, read from the JSON in its folder; and the note that a failed one leaves.

Knows nothing of torch and opens no tensor file: looking at runs must cost
nothing while they train. One damaged folder never hides the others.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Literal, get_args

from mnistbench import catalog
from mnistbench.files import write_json
from mnistbench.results import Result
from mnistbench.training.job import Job

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

State = Literal["finished", "running", "unfinished", "diverged", "failed", "damaged"]

STATES: tuple[State, ...] = get_args(State)

JOB_FILE, STATE_FILE, RESULT_FILE, FAILURE_FILE = "job.json", "state.json", "result.json", "failure.json"

LARGEST_FILE = 32 << 20
"""Bytes; ten thousand epochs are a tenth of it, so more is nothing of ours."""


@dataclass(frozen=True)
class Failure(Result):
    """Why a run stopped without a result; ``failure.json`` in its folder."""

    kind = "failure"

    state: Literal["diverged", "failed"]
    """``diverged`` when the loss was no longer finite, ``failed`` for all else, such as memory that ran out."""
    error: str
    epoch: int
    """The epoch that was not finished, counted from 1."""
    when: str
    """Date and time in UTC, ISO 8601."""
    job: dict[str, Any]
    """The configuration, as in ``job.json``."""


@dataclass(frozen=True)
class RunState(Result):
    """One run folder; ``None`` where its files do not say."""

    kind = "run_state"

    name: str
    """The network's, as the folder above says it."""
    job: str
    """Hash of the configuration: the folder's name."""
    folder: str
    state: State
    """``running`` while a living process holds the folder; ``damaged`` when a file cannot be read."""
    recipe: str | None = None
    seed: int | None = None
    epochs: int | None = None
    """As many as the configuration asks for."""
    epochs_done: int = 0
    """Trained, evaluated and saved."""
    evaluated_on: str | None = None
    """``test``, or ``validation`` when training images were held out."""
    error_rate: float | None = None
    """Of the result; before there is one, of the last epoch done."""
    seconds: float | None = None
    """Sum over the epochs done, evaluation and checkpoints excluded."""
    epoch_seconds: float | None = None
    """Median over the epochs after the first (of the only one, if there is one)."""
    when: str | None = None
    """Last change, in UTC, ISO 8601."""
    error: str | None = None
    """Why it diverged or failed, or what is damaged."""


class _DamagedError(Exception):
    """A file that is there does not say what it should."""


def read_runs(work_dir: Path) -> list[RunState]:
    """Every run below ``work_dir/training``: in the paper's order, then by recipe, seed and hash.

    A folder that cannot be read is listed as damaged.

    Raises:
        OSError: When ``work_dir/training`` itself cannot be listed.
    """
    places = {network.name: place for place, network in enumerate(catalog.NETWORKS)}
    runs = [read_run(folder) for folder in _run_folders(work_dir / "training")]

    def order(run: RunState) -> tuple[object, ...]:
        return places.get(run.name, len(places)), run.name, run.recipe or "", run.seed or 0, run.job

    return sorted(runs, key=order)


def read_run(folder: Path) -> RunState:
    """What the files in one run folder say; never an error."""
    run = RunState(name=folder.parent.name, job=folder.name, folder=str(folder), state="unfinished")
    try:
        # Each knows more than the one before it.
        for add in (_with_time, _with_job, _with_checkpoint, _with_failure, _with_result):
            run = add(run, folder)
    except (_DamagedError, OSError, RecursionError) as error:
        run = replace(run, state="damaged", error=str(error))
    if run.state != "finished" and is_held(folder):
        return replace(run, state="running", error=None)
    return run


def is_held(folder: Path) -> bool:
    """Whether a living process holds the lock of a run folder; ``False`` where the system has no locks.

    The lock goes with its process, however that ends. To ask for a shared lock
    and give it back at once disturbs neither the holder nor others who ask.
    """
    if fcntl is None:
        return False
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def write_failure(
    folder: Path, job: Job, *, state: Literal["diverged", "failed"], error: str, epoch: int, when: datetime
) -> None:
    """Note in a run's folder why it stopped.

    The note is for people and for :func:`read_runs`; it never keeps a job from
    being tried again.

    Raises:
        OSError: When the folder cannot be written.
    """
    stamp = when.astimezone(UTC).isoformat(timespec="seconds")
    write_json(folder / FAILURE_FILE, Failure(state, error, epoch, stamp, job.as_dict()).as_dict())


def remove_failure(folder: Path) -> None:
    """Forget why a run stopped, since it starts again."""
    (folder / FAILURE_FILE).unlink(missing_ok=True)


def _run_folders(top: Path) -> Iterator[Path]:
    """Folders two levels down; one that cannot be listed stands for its own runs."""
    for name in top.iterdir() if top.is_dir() else ():
        if name.is_dir():
            try:
                inside = list(name.iterdir())
            except OSError:
                yield name / "?"
            else:
                yield from (folder for folder in inside if folder.is_dir())


def _with_time(run: RunState, folder: Path) -> RunState:
    times = [folder.stat().st_mtime]
    for file in (JOB_FILE, STATE_FILE, RESULT_FILE, FAILURE_FILE):
        try:
            times.append((folder / file).stat().st_mtime)
        except FileNotFoundError:
            continue
    try:
        return replace(run, when=datetime.fromtimestamp(max(times), UTC).isoformat(timespec="seconds"))
    except (ValueError, OverflowError):
        return run


def _with_job(run: RunState, folder: Path) -> RunState:
    document = _read(folder / JOB_FILE)
    return run if document is None else _configured(run, document, JOB_FILE)


def _with_checkpoint(run: RunState, folder: Path) -> RunState:
    document = _read(folder / STATE_FILE)
    return run if document is None else _trained(run, document, STATE_FILE)


def _with_failure(run: RunState, folder: Path) -> RunState:
    document = _read(folder / FAILURE_FILE)
    if document is None:
        return run
    state = document.get("state")
    if state not in ("diverged", "failed"):
        raise _DamagedError(f"{FAILURE_FILE}: 'state' is {state!r:.40}")
    if isinstance(document.get("job"), dict):
        run = _configured(run, document["job"], FAILURE_FILE)
    return replace(run, state=state, error=_text(document, "error", FAILURE_FILE))


def _with_result(run: RunState, folder: Path) -> RunState:
    document = _read(folder / RESULT_FILE)
    # Without weights it is no finished run, as for training itself.
    if document is None or not (folder / "weights.safetensors").is_file():
        return run
    run = _trained(_configured(run, document, RESULT_FILE), document, RESULT_FILE)
    rate, seconds = (_number(document, key, RESULT_FILE) for key in ("error_rate", "epoch_seconds"))
    return replace(run, state="finished", error_rate=rate, epoch_seconds=seconds, error=None)


def _configured(run: RunState, document: dict[str, Any], file: str) -> RunState:
    return replace(
        run,
        recipe=_text(document, "recipe", file),
        seed=_count(document, "seed", file),
        epochs=_count(document, "epochs", file),
        evaluated_on=_text(document, "evaluated_on", file),
    )


def _trained(run: RunState, document: dict[str, Any], file: str) -> RunState:
    """What the epochs done say; their list is ``history``."""
    history = document.get("history")
    if not isinstance(history, list) or not all(isinstance(entry, dict) for entry in history):
        raise _DamagedError(f"{file}: 'history' is no list of epochs")
    if not history:
        return run
    seconds = [_number(entry, "seconds", file) for entry in history]
    errors, images = (_count(history[-1], key, file) for key in ("num_errors", "num_images"))
    return replace(
        run,
        epochs_done=len(history),
        error_rate=errors / images if images else None,
        seconds=math.fsum(seconds),
        epoch_seconds=median(seconds[1:] or seconds),
    )


def _read(file: Path) -> dict[str, Any] | None:
    """The JSON object in a file, or ``None`` when there is no such file."""
    if not file.is_file():
        return None
    try:
        if file.stat().st_size > LARGEST_FILE:
            raise _DamagedError(f"{file.name} is too large")
        document = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None  # its run has just ended
    except OSError as error:
        raise _DamagedError(f"cannot read {file.name}: {error.strerror or error}") from None
    except (ValueError, RecursionError):
        raise _DamagedError(f"{file.name} is not JSON") from None
    if not isinstance(document, dict):
        raise _DamagedError(f"{file.name} is no JSON object")
    return document


def _text(document: dict[str, Any], key: str, file: str) -> str:
    value = document.get(key)
    if not isinstance(value, str):
        raise _DamagedError(f"{file}: {key!r} is {value!r:.40}, expected text")
    return value


def _count(document: dict[str, Any], key: str, file: str) -> int:
    value = document.get(key)
    # Not a bool; and what no float can hold cannot be divided.
    if type(value) is not int or not 0 <= value < 2**64:
        raise _DamagedError(f"{file}: {key!r} is {value!r:.40}, expected a whole number")
    return value


def _number(document: dict[str, Any], key: str, file: str) -> float:
    value = document.get(key)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1e18:
        raise _DamagedError(f"{file}: {key!r} is {value!r:.40}, expected a number of zero or more")
    return float(value)
