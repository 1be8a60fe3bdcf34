"""Runs of the benchmark on disk: one JSON file a run, with its machine and every sample; ``.json.gz`` is compressed.

Knows nothing of how they are measured, compared or shown.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from mnistbench.errors import ArtifactError
from mnistbench.files import atomic_write, compressed, read_json
from mnistbench.results import BenchRun, Environment, GpusRun, LatencyResult

LARGEST_FILE = 1 << 26
"""Bytes of a file that is read; a run of all networks with every sample has some ten million."""


MOST_SAMPLES = 2_000_000
"""In a file; beyond, the rows with the most keep their figures without the samples, so that it can be read again."""


def write_bench_run(path: Path, run: BenchRun) -> None:
    """Write a run atomically, a row of results on a line; compressed where the name ends in ``.gz``.

    Rows have their samples as long as there are no more than :data:`MOST_SAMPLES` in all.

    Raises:
        OSError: When the file cannot be written; it is then as it was before.
    """
    document = run.as_dict()
    _limit(document["results"], MOST_SAMPLES)
    _write(path, document)


def read_bench_run(path: Path) -> BenchRun:
    """Read a run that :func:`write_bench_run` wrote, or what ``mnistbench bench --json`` printed.

    Raises:
        ArtifactError: When the file is missing, damaged, of another kind or of a newer schema.
    """
    try:
        document = read_json(path, LARGEST_FILE)
        return _from_rows(document) if isinstance(document, list) else BenchRun.from_dict(document)
    except (OSError, ValueError, ArtifactError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ArtifactError(
            f"{path} is not a run of the benchmark: {reason}; make one with 'mnistbench bench NAMES --output FILE'"
        ) from None


def write_gpus_run(path: Path, run: GpusRun) -> None:
    """Write runs on several GPUs as one file, atomically; a row on a line, and compressed, as one run is.

    The kinds share :data:`MOST_SAMPLES`; what one does not need is left to the others.

    Raises:
        OSError: When the file cannot be written; it is then as it was before.
    """
    document = run.as_dict()
    each = [kind["run"]["results"] for kind in document["kinds"] if kind["run"] is not None]
    left = MOST_SAMPLES
    for number, rows in enumerate(sorted(each, key=_count)):
        _limit(rows, left // (len(each) - number))
        left -= _count(rows)
    _write(path, document)


def read_gpus_run(path: Path) -> GpusRun | None:
    """What :func:`write_gpus_run` wrote, or ``None`` for a file of another kind, be it damaged.

    Raises:
        ArtifactError: When it is of that kind, but lacks something or is of a newer schema.
    """
    try:
        document = read_json(path, LARGEST_FILE)
    except (OSError, ValueError):
        return None
    if not isinstance(document, dict) or document.get("kind") != GpusRun.kind:
        return None
    try:
        return GpusRun.from_dict(document)
    except (ValueError, KeyError, ArtifactError) as error:
        raise ArtifactError(f"{path} is not a run of the benchmark: {error}") from None


def _count(rows: Sequence[dict[str, Any]]) -> int:
    """Samples of all rows."""
    return sum(len(row["samples_seconds"]) for row in rows)


def _limit(rows: Iterable[dict[str, Any]], most: int) -> None:
    """Take their samples from the rows with the most, so that as many rows as possible keep theirs."""
    kept = 0
    for row in sorted(rows, key=lambda row: len(row["samples_seconds"])):
        kept += len(row["samples_seconds"])
        if kept > most:
            row["samples_seconds"] = ()


def _write(path: Path, document: dict[str, Any]) -> None:
    atomic_write(path, compressed(path, (_text(document) + "\n").encode()))


def _text(value: Any, *, is_rows: bool = False, indent: str = "") -> str:
    """JSON as ``json.dumps`` indents it, but each of the ``results`` on a line."""
    deeper = indent + "  "
    if isinstance(value, dict) and value:
        entries = [
            f"{_line(str(key))}: {_text(inner, is_rows=key == 'results', indent=deeper)}"
            for key, inner in value.items()
        ]
        first, last = "{}"
    elif isinstance(value, list | tuple) and value:
        entries = [_line(inner) if is_rows else _text(inner, indent=deeper) for inner in value]
        first, last = "[]"
    else:
        return _line(value)
    return f"{first}\n{deeper}" + f",\n{deeper}".join(entries) + f"\n{indent}{last}"


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _from_rows(rows: list[Any]) -> BenchRun:
    """A run from an array of rows that each bring their machine, which must be the same."""
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise ArtifactError("expected an object, or an array of latency results")
    results = tuple(LatencyResult.from_dict(row) for row in rows)
    environments = [Environment.from_dict(row.get("environment")) for row in rows]
    if any(environment != environments[0] for environment in environments):
        raise ArtifactError("its rows were measured on different machines")
    return BenchRun("", environments[0], {}, results)
