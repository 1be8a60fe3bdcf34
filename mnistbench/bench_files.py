"""Runs of the benchmark on disk: one JSON file a run, with its machine and every sample; ``.json.gz`` is compressed.

Knows nothing of how they are measured, compared or shown.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mnistbench.errors import ArtifactError
from mnistbench.files import atomic_write, compressed, read_json, write_json
from mnistbench.results import BenchRun, Environment, GpusRun, LatencyResult

LARGEST_FILE = 1 << 26
"""Bytes of a file that is read; a run of all networks with every sample has some ten million."""


MOST_SAMPLES = 2_000_000
"""In a file; rows beyond keep their figures without the samples, so that what is written can be read."""


def write_bench_run(path: Path, run: BenchRun) -> None:
    """Write a run atomically, a row of results on a line; compressed where the name ends in ``.gz``.

    Rows have their samples as long as there are fewer than :data:`MOST_SAMPLES` in all.

    Raises:
        OSError: When the file cannot be written; it is then as it was before.
    """
    document = run.as_dict()
    rows = document.pop("results")
    _keep_most(rows)
    head = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False).removesuffix("\n}")
    lines = ",\n".join("    " + json.dumps(row, ensure_ascii=False, allow_nan=False) for row in rows)
    text = f'{head},\n  "results": [\n{lines}\n  ]\n}}\n' if rows else f'{head},\n  "results": []\n}}\n'
    atomic_write(path, compressed(path, text.encode()))


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
    """Write runs on several GPUs as one file, atomically; compressed where the name ends in ``.gz``.

    Rows have their samples as long as there are fewer than :data:`MOST_SAMPLES` in all.

    Raises:
        OSError: When the file cannot be written; it is then as it was before.
    """
    document = run.as_dict()
    _keep_most([row for kind in document["kinds"] if kind["run"] is not None for row in kind["run"]["results"]])
    write_json(path, document)


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


def _keep_most(rows: Iterable[dict[str, Any]]) -> None:
    """Take the samples from rows beyond :data:`MOST_SAMPLES`; their figures stay."""
    kept = 0
    for row in rows:
        kept += len(row["samples_seconds"])
        if kept > MOST_SAMPLES:
            row["samples_seconds"] = ()


def _from_rows(rows: list[Any]) -> BenchRun:
    """A run from an array of rows that each bring their machine, which must be the same."""
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise ArtifactError("expected an object, or an array of latency results")
    results = tuple(LatencyResult.from_dict(row) for row in rows)
    environments = [Environment.from_dict(row.get("environment")) for row in rows]
    if any(environment != environments[0] for environment in environments):
        raise ArtifactError("its rows were measured on different machines")
    return BenchRun("", environments[0], {}, results)
