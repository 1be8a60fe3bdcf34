"""The published results: a file with one compact record for each training run that the tables stand on.

It lies in the zoo and travels with the package. Reads finished runs from a work
folder without torch; knows nothing of statistics or tables.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mnistbench import catalog
from mnistbench.artifacts import bundled_zoo
from mnistbench.errors import ArtifactError
from mnistbench.files import atomic_write, read_json
from mnistbench.locks import locked
from mnistbench.results import SCHEMA_VERSION, Environment, RunRecord, TrainingResult

PUBLISHED = "results.json"

KIND = "published_results"


@dataclass(frozen=True)
class Published:
    """Runs, and the machines they ran on.

    Attributes:
        runs: In the paper's order, then by recipe and seed.
        environments: By the key that a run names; none but those that a run names.
    """

    runs: tuple[RunRecord, ...] = ()
    environments: Mapping[str, Environment] = field(default_factory=dict)


def published_file() -> Path:
    """The results that come with the package; the file need not exist."""
    return bundled_zoo() / PUBLISHED


def read_published(path: Path | None = None) -> Published:
    """Read a results file, by default the one that comes with the package; nothing when it is missing.

    Raises:
        ArtifactError: When it is damaged or of a newer schema.
    """
    file = published_file() if path is None else path
    if not file.exists():
        return Published()
    try:
        document = read_json(file)
        if not isinstance(document, dict) or document.get("kind") != KIND:
            raise ArtifactError(f'expected a JSON object with "kind": "{KIND}"')
        if document.get("schema_version") != SCHEMA_VERSION:
            raise ArtifactError(
                f"schema version {document.get('schema_version')!r:.40} is not known here; update mnistbench"
            )
        head = {"schema_version": SCHEMA_VERSION}
        environments = {
            key: Environment.from_dict({**head, "kind": Environment.kind, **value})
            for key, value in document["environments"].items()
        }
        runs = [RunRecord.from_dict({**head, "kind": RunRecord.kind, **value}) for value in document["runs"]]
        strange = {run.environment for run in runs} - environments.keys()
        if strange:
            raise ArtifactError(f"a run names the environment {min(strange)!r:.60}, which is not described")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ArtifactError) as error:
        raise ArtifactError(
            f"{file} cannot be read: {error}; restore it, or delete it and save the results again"
        ) from None
    return merge(Published(), Published(tuple(runs), environments))


def collect_runs(
    work_dir: Path,
    names: Collection[str] | None = None,
    recipes: Collection[str] | None = None,
    *,
    accept: Callable[[RunRecord], bool] | None = None,
    on_damaged: Callable[[str], None] | None = None,
) -> Published:
    """The finished runs on MNIST's test images below a work folder.

    Of several runs of one network, recipe and seed the newest counts. Runs on
    held-out or other images, and unfinished ones, are passed over.

    Args:
        work_dir: Folder that holds ``training/``.
        names: Only these networks; all when ``None``.
        recipes: Only these recipes; all when ``None``.
        accept: Only the runs for which it is true; all when ``None``.
        on_damaged: Told of each result that cannot be read, which is passed over too.

    Raises:
        OSError: When the folder cannot be read.
    """
    files = sorted(
        (file for file in (work_dir / "training").glob("*/*/result.json") if names is None or _name(file) in names),
        key=lambda file: (file.stat().st_mtime_ns, str(file)),
    )
    found = Published()
    for file in files:
        try:
            result = TrainingResult.from_dict(read_json(file))
            if (result.evaluated_on, result.dataset) != ("test", "mnist"):
                continue
            record = record_of(result)
        except (OSError, ValueError, TypeError, AttributeError, ArtifactError) as error:
            if on_damaged is not None:
                on_damaged(f"{file} is damaged ({error}); delete the folder {file.parent} and train again")
            continue
        if (recipes is None or record.recipe in recipes) and (accept is None or accept(record)):
            found = merge(found, Published((record,), {record.environment: result.environment}))
    return found


def record_of(result: TrainingResult) -> RunRecord:
    """What of a training result is worth keeping.

    Raises:
        ValueError: When its counts cannot be, or TypeError when they are none.
    """
    return RunRecord(
        **{key: getattr(result, key) for key in _SHARED},
        epoch_errors=tuple(epoch.num_errors for epoch in result.history),
        epoch_losses=tuple(round(epoch.loss, 5) for epoch in result.history),
        epoch_seconds=round(result.epoch_seconds, 5),
        environment=environment_key(result.environment),
    )


_SHARED = tuple(
    key
    for key in RunRecord.__dataclass_fields__
    if key not in ("epoch_errors", "epoch_losses", "epoch_seconds", "environment")
)


def environment_key(environment: Environment) -> str:
    """A short hash of what is known of a machine."""
    text = json.dumps(asdict(environment), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def merge(old: Published, new: Published) -> Published:
    """Both, where a new run replaces an old one of the same network, recipe and seed."""
    runs = {(run.name, run.recipe, run.seed): run for run in (*old.runs, *new.runs)}
    order = {network.name: position for position, network in enumerate(catalog.NETWORKS)}
    ordered = sorted(runs.values(), key=lambda r: (order.get(r.name, len(order)), r.name, r.recipe, r.seed))
    known = {**old.environments, **new.environments}
    return Published(tuple(ordered), {key: known[key] for key in sorted({run.environment for run in ordered})})


def save_published(path: Path, new: Published) -> Published:
    """Merge runs into a results file, one record a line, and return what it then holds.

    Raises:
        ArtifactError: When the file there is damaged; it is left as it is.
        OSError: When it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path.parent):
        merged = merge(read_published(path), new)
        environments = [f"{json.dumps(key)}: {_line(asdict(value))}" for key, value in merged.environments.items()]
        parts = (
            f'"schema_version": {SCHEMA_VERSION},\n"kind": "{KIND}"',
            _lines('"environments": {', environments, "}"),
            _lines('"runs": [', [_line(asdict(run)) for run in merged.runs], "]"),
        )
        atomic_write(path, ("{\n" + ",\n".join(parts) + "\n}\n").encode())
    return merged


def _name(file: Path) -> str:
    """The network that a run's folder belongs to."""
    return file.parent.parent.name


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _lines(opening: str, lines: list[str], closing: str) -> str:
    return opening + "".join(f"\n{line}," for line in lines)[: -1 if lines else None] + f"\n{closing}"
