"""What became of each training run, read from the JSON in its folder; and the note that a failed one leaves.

Knows nothing of torch and opens no tensor file: looking at runs must cost
nothing while they train. One damaged folder never hides the others.
"""

from __future__ import annotations

import contextlib
import math
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Literal

from mnistbench import catalog
from mnistbench.files import SECONDS_OF_A_TEMPORARY, read_json, temporary_name, write_json
from mnistbench.locks import HELD_FILE, LOCK_FILE, held_by_file, is_locked, locked_if_free
from mnistbench.results import Result, RunState
from mnistbench.training.job import LATER_FIELDS, MAX_EPOCHS, MAX_ROTATION, MAX_SCALING, MAX_SEED, MAX_SHIFT, Job
from mnistbench.training.writers import is_tensor_file, is_written_out

JOB_FILE, STATE_FILE, RESULT_FILE, FAILURE_FILE = "job.json", "state.json", "result.json", "failure.json"

_OF_CHECKPOINTS = ("epoch-*.safetensors", "best-*.safetensors", ".*.tmp")
"""Patterns of tensor files, and of what was left half written."""

MOST_SECONDS = 1e9
"""Thirty years; more is no time that a run took."""

MOST_IMAGES = 2**31
"""In a batch or a set."""


@dataclass(frozen=True)
class Failure(Result):
    """Why a run stopped without a result; ``failure.json`` in its folder."""

    kind = "failure"

    state: Literal["diverged", "failed"]
    """``diverged`` when the loss or a weight was no longer finite, ``failed`` for all else, such as memory that ran
    out."""
    error: str
    epoch: int
    """The epoch that was not finished, counted from 1."""
    when: str
    """Date and time in UTC, ISO 8601."""
    job: dict[str, Any]
    """The configuration, as in ``job.json``."""


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
    except (_DamagedError, OSError) as error:
        run = replace(run, state="damaged", error=str(error))
    if run.state != "finished" and is_locked(folder):
        return replace(run, state="running", error=None)
    return run


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


def remove_checkpoint(folder: Path) -> None:
    """Remove a checkpoint; ``state.json`` goes first, so that no half of one is ever read.

    Raises:
        OSError: When ``state.json`` cannot be removed.
    """
    files = tensors_named(folder)
    (folder / STATE_FILE).unlink(missing_ok=True)
    remove_tensors(folder, done_with=files)


def remove_tensors(folder: Path, *, done_with: Collection[str] = ()) -> None:
    """Remove tensor files that ``state.json`` does not name and never will, and temporary files that were left behind.

    What another process has just written and not named yet stays, since a lock
    may have no effect. Where nobody knows what became of a writer, an hour says
    that it has gone.

    Args:
        folder: Of a run.
        done_with: Names of tensor files that an earlier ``state.json`` named.
    """
    found = [file for pattern in _OF_CHECKPOINTS for file in folder.glob(pattern)]
    left = [file for file in found if file.name in done_with or is_written_out(file.name)]
    if unsure := [file for file in found if file not in left]:
        left += _left_behind(folder, unsure)
    if not left:
        return
    # Only now: whoever wrote a file has written its state by now, or never will.
    try:
        named = _named_in(folder)
    except ValueError:
        named = {}
    except OSError:
        return
    for file in left:
        if file.name not in named:
            with contextlib.suppress(OSError):
                file.unlink()


def tensors_named(folder: Path) -> dict[str, str]:
    """Names of the tensor files that ``state.json`` names, with their hashes; none where it cannot be read."""
    try:
        return _named_in(folder)
    except (OSError, ValueError):
        return {}


def _named_in(folder: Path) -> dict[str, str]:
    try:
        document = read_json(folder / STATE_FILE)
    except FileNotFoundError:
        return {}
    files = document.get("files") if isinstance(document, dict) else None
    entries = [entry for entry in files.values() if isinstance(entry, dict)] if isinstance(files, dict) else []
    names = {str(entry.get("file")): str(entry.get("sha256")) for entry in entries}
    return {name: digest for name, digest in names.items() if is_tensor_file(name)}


def _left_behind(folder: Path, files: Collection[Path]) -> list[Path]:
    """Those that are older than an hour by the clock of the file system; none where it cannot be asked."""
    probe = folder / temporary_name("clock")
    left = []
    with contextlib.suppress(OSError):
        try:
            probe.touch()
            now = probe.stat().st_mtime
        finally:
            probe.unlink(missing_ok=True)
        for file in files:
            with contextlib.suppress(OSError):
                if now - file.stat().st_mtime > SECONDS_OF_A_TEMPORARY:
                    left.append(file)
    return left


def tidy_finished(folder: Path) -> None:
    """Remove what an end between result and checkpoint left beside a finished run, if nobody is at it."""
    with contextlib.suppress(OSError):
        left = [STATE_FILE, FAILURE_FILE, LOCK_FILE, HELD_FILE, *_OF_CHECKPOINTS]
        if not any(True for pattern in left for _ in folder.glob(pattern)):
            return
        with locked_if_free(folder) as ours:
            if ours:
                with held_by_file(folder):  # and so takes away what a killed process left of it
                    remove_checkpoint(folder)
                    remove_failure(folder)


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
    rate = _number(document, "error_rate", RESULT_FILE, most=1)
    seconds = _number(document, "epoch_seconds", RESULT_FILE, most=MOST_SECONDS)
    return replace(run, state="finished", error_rate=rate, epoch_seconds=seconds, error=None)


def _configured(run: RunState, document: dict[str, Any], file: str) -> RunState:
    run = replace(
        run,
        recipe=_text(document, "recipe", file),
        seed=_count(document, "seed", file, most=MAX_SEED),
        epochs=_count(document, "epochs", file, least=1, most=MAX_EPOCHS),
        evaluated_on=_text(document, "evaluated_on", file),
    )
    # The oldest results do not say all of these.
    if document.get("learning_rate") is not None:
        run = replace(run, learning_rate=_number(document, "learning_rate", file, most=sys.float_info.max))
    if "batch_size" in document:
        run = replace(run, batch_size=_count(document, "batch_size", file, least=1, most=MOST_IMAGES))
    if "max_shift" in document:
        run = replace(run, max_shift=_count(document, "max_shift", file, most=MAX_SHIFT))
    if "label_smoothing" in document:
        run = replace(run, label_smoothing=_number(document, "label_smoothing", file, most=1))
    since = LATER_FIELDS | document
    run = replace(
        run,
        initialization=_text(since, "initialization", file),
        max_rotation=_number(since, "max_rotation", file, most=MAX_ROTATION),
        max_scaling=_number(since, "max_scaling", file, most=MAX_SCALING),
    )
    if "dropout" in document:
        run = replace(run, dropout=_number(document, "dropout", file, most=1))
    return run


def _trained(run: RunState, document: dict[str, Any], file: str) -> RunState:
    """What the epochs done say; their list is ``history``."""
    history = document.get("history")
    if not isinstance(history, list) or not all(isinstance(entry, dict) for entry in history):
        raise _DamagedError(f"{file}: 'history' is no list of epochs")
    if not history:
        return run
    if len(history) > MAX_EPOCHS:
        raise _DamagedError(f"{file}: 'history' has {len(history)} epochs, expected {MAX_EPOCHS} or fewer")
    seconds = [_number(entry, "seconds", file, most=MOST_SECONDS) for entry in history]
    if math.fsum(seconds) > MOST_SECONDS:
        raise _DamagedError(f"{file}: the epochs took {math.fsum(seconds):.3g} seconds, more than any run")
    images = _count(history[-1], "num_images", file, most=MOST_IMAGES)
    errors = _count(history[-1], "num_errors", file, most=images)
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
        document = read_json(file)
    except FileNotFoundError:
        return None  # its run has just ended
    except OSError as error:
        raise _DamagedError(f"cannot read {file.name}: {error.strerror or error}") from None
    except ValueError as error:
        raise _DamagedError(f"{file.name} is no JSON of ours: {error}") from None
    if not isinstance(document, dict):
        raise _DamagedError(f"{file.name} is no JSON object")
    return document


def _text(document: dict[str, Any], key: str, file: str) -> str:
    value = document.get(key)
    if not isinstance(value, str):
        raise _DamagedError(f"{file}: {key!r} is {value!r:.40}, expected text")
    return value


def _count(document: dict[str, Any], key: str, file: str, *, least: int = 0, most: int) -> int:
    value = document.get(key)
    if type(value) is not int or not least <= value <= most:  # not a bool
        raise _DamagedError(f"{file}: {key!r} is {value!r:.40}, expected a whole number from {least} to {most}")
    return value


def _number(document: dict[str, Any], key: str, file: str, *, most: float) -> float:
    value = document.get(key)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= most:
        raise _DamagedError(f"{file}: {key!r} is {value!r:.40}, expected a number from 0 to {most:g}")
    return float(value)
