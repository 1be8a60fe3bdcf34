"""A zoo: a folder of ONNX files and the manifest that describes and vouches for them.

Only a hash proves a model: a file whose bytes do not match its entry is refused.
Nothing here loads a model, trains or knows torch or onnx.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mnistbench import catalog
from mnistbench.errors import ArtifactError
from mnistbench.files import atomic_write, read_json, sha256_of, write_json
from mnistbench.locks import locked
from mnistbench.precisions import PLAIN
from mnistbench.results import SCHEMA_VERSION, Result

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class ModelEntry(Result):
    """What the manifest says of one ONNX file, so that other tools can pick a model without this package."""

    kind = "model"

    name: str
    file: str
    """Name of the file, in the manifest's folder."""
    sha256: str
    size_bytes: int
    precision: str
    """One of :data:`mnistbench.precisions.PRECISIONS`; ``mixed`` for an ensemble whose members have several."""
    input_dtype: str
    """``uint8`` with values 0..255, or ``float32`` with values 0..1."""
    opset: int
    ir_version: int
    inputs: tuple[dict[str, Any], ...]
    """``name, dtype, shape`` of each; a symbolic dimension is a string."""
    outputs: tuple[dict[str, Any], ...]
    notation: str
    dropout: float | None
    """``None`` for an ensemble, whose members each have their own."""
    num_parameters: int
    macs: int
    table: int | None
    paper_error: float | None
    labels: tuple[str, ...]
    training: dict[str, Any]
    """``recipe, seed, epochs, selection, selected_epoch, job, weights_sha256`` ...; ``combination, members`` of an
    ensemble."""
    metrics: dict[str, Any]
    """``dataset, dataset_sha256, num_errors, num_images, error_rate, error_rate_low, error_rate_high``."""
    parity: dict[str, Any]
    """The gate: ``num_images, label_differences, max_logit_difference`` between torch and onnxruntime. In other
    precisions than ``fp32`` between the model in fp32 and this one, and ``error_difference``, above 0 where this one
    errs more often. ``max_probability_difference`` between an ensemble and the mean of its members."""
    versions: dict[str, str] = field(default_factory=dict)
    calibration: dict[str, Any] | None = None
    """Of 8-bit models: ``method, num_images, seed`` of the training images that the ranges come from."""

    def __post_init__(self) -> None:
        # What this package itself acts upon; everything else is for other readers.
        for key in ("name", "file", "sha256", "precision", "input_dtype"):
            if not isinstance(getattr(self, key), str):
                raise TypeError(f"{key} is {getattr(self, key)!r:.60}; expected text")
        for key, kind in (("training", dict), ("versions", dict | None), ("calibration", dict | None)):
            if not isinstance(getattr(self, key), kind):
                raise TypeError(f"{key} is {getattr(self, key)!r:.60}; expected an object")

    @classmethod
    def _revive(cls, values: dict[str, Any]) -> dict[str, Any]:
        return values | {key: tuple(values[key]) for key in ("inputs", "outputs", "labels") if key in values}


@dataclass(frozen=True)
class ModelFile:
    """An ONNX file that was found.

    Attributes:
        path: Where it is.
        name: Stable name of the network, with ``@int8`` and the like behind it in other precisions than ``fp32``;
            or the file's name without its ending.
        entry: What its manifest says; ``None`` for a file that was named by its path.
    """

    path: Path
    name: str
    entry: ModelEntry | None = None


def bundled_zoo() -> Path:
    """The folder of models that comes with the package."""
    inside = Path(__file__).parent / "zoo"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "zoo"


def read_manifest(folder: Path) -> tuple[ModelEntry, ...]:
    """The entries of a zoo; none when it has no manifest.

    Raises:
        ArtifactError: When the manifest is damaged or of a newer schema.
    """
    return _read(folder)[1]


def _read(folder: Path) -> tuple[dict[str, Any], tuple[ModelEntry, ...]]:
    """The manifest's document as it is, and its entries."""
    file = folder / MANIFEST
    if not file.is_file():
        return {"schema_version": SCHEMA_VERSION, "kind": "zoo", "models": []}, ()
    try:
        document = read_json(file)
        if not isinstance(document, dict) or document.get("kind") != "zoo" or not isinstance(document["models"], list):
            raise ArtifactError('expected a JSON object with "kind": "zoo" and a list "models"')
        if document.get("schema_version") != SCHEMA_VERSION:
            raise ArtifactError(
                f"schema version {document.get('schema_version')!r:.40} is not known here; update mnistbench"
            )
        return document, tuple(ModelEntry.from_dict(entry) for entry in document["models"])
    except (OSError, ValueError, KeyError, TypeError, ArtifactError) as error:
        raise ArtifactError(f"{file} cannot be read: {error}; restore it, or delete it and export again") from None


def add_to_manifest(folder: Path, entry: ModelEntry) -> None:
    """Put an entry into a zoo's manifest in place of one of the same file, sorted as the catalogue is.

    What else the manifest says, such as its ``results``, stays.

    Raises:
        ArtifactError: When the manifest there is damaged.
        OSError: When the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        _put(folder, entry)


def publish_model(folder: Path, entry: ModelEntry, content: bytes) -> None:
    """Put an ONNX file and its entry into a zoo, both or neither, in place of an older file of that name.

    The file waits beside its place until the manifest vouches for it, and is moved
    there then. What ends this between the two is mended by :func:`verify`.

    Args:
        folder: The zoo; made when it is not there.
        entry: What the manifest is to say; its hash is that of ``content``.
        content: The file.

    Raises:
        ArtifactError: When the manifest there is damaged; nothing is written then.
        OSError: When the folder cannot be written; the zoo is then as it was before.
    """
    assert hashlib.sha256(content).hexdigest() == entry.sha256, "an entry vouches for its own file"
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        _read(folder)
        waiting = _waiting(folder, entry)
        try:
            atomic_write(waiting, content)
            _put(folder, entry)
            _move(waiting, folder / entry.file, entry)
        except BaseException as error:
            with contextlib.suppress(OSError, ArtifactError):
                if entry not in _read(folder)[1]:
                    waiting.unlink()
            if isinstance(error, OSError) and error.filename == str(waiting):
                # No one asked for the file that waits.
                error.filename, error.filename2 = str(folder / entry.file), None
            raise
        _remove_others(waiting)


def _waiting(folder: Path, entry: ModelEntry) -> Path:
    """Where a model is between the manifest's change and its own."""
    return folder / f".{os.fsdecode(os.fsencode(entry.file)[:200])}.{entry.sha256[:16]}.waiting"


def _move(waiting: Path, path: Path, entry: ModelEntry) -> None:
    try:
        os.replace(waiting, path)
    except FileNotFoundError:
        # A reader may have been quicker.
        if _difference(path, entry):
            raise


def _remove_others(waiting: Path) -> None:
    """Remove what waited for the same place before; the manifest vouches for none of it any more."""
    beginning = waiting.name.removesuffix(".waiting")[:-16]
    with contextlib.suppress(OSError):
        for other in waiting.parent.iterdir():
            if other.name.startswith(beginning) and len(other.name) == len(waiting.name) and other.suffix == ".waiting":
                other.unlink(missing_ok=True)


def _waited(folder: Path, entry: ModelEntry) -> Path | None:
    """A model that an ended process had not moved to its place yet; moved there now, where that can be done."""
    waiting = _waiting(folder, entry)
    try:
        if sha256_of(waiting) != entry.sha256:
            return None
        with locked(folder):
            if entry in _read(folder)[1]:
                os.replace(waiting, folder / entry.file)
                return folder / entry.file
    except (OSError, ValueError, ArtifactError):
        pass
    return waiting if waiting.is_file() else None


def _put(folder: Path, entry: ModelEntry) -> None:
    document, known = _read(folder)
    entries = [*(old for old in known if old.file != entry.file), entry]
    order = {network.name: position for position, network in enumerate(catalog.NETWORKS)}
    entries.sort(key=lambda e: (order.get(e.name, len(order)), e.name, e.file))
    models = [e.as_dict() for e in entries]
    write_json(folder / MANIFEST, document | {"models": models})


def put_results(folder: Path, results: Callable[[], Sequence[dict[str, Any]]]) -> None:
    """Write the accuracies of networks into a zoo's manifest as its ``results``; its models stay as they are.

    Args:
        folder: The zoo.
        results: Gives JSON objects, such as those of :func:`mnistbench.measure.summary.manifest_results`. Called
            while the folder is locked, so that of two commands at once the later one writes what both saved.

    Raises:
        ArtifactError: When the manifest there is damaged.
        OSError: When the folder cannot be written.
    """
    with locked(folder):
        document, _ = _read(folder)
        write_json(folder / MANIFEST, document | {"results": list(results())})


def verify(folder: Path, entry: ModelEntry) -> Path:
    """The path of an entry's file, after its hash was checked.

    A file that :func:`publish_model` could not move to its place any more is moved there.

    Raises:
        ArtifactError: When the file is missing, outside the folder or has other bytes.
    """
    if Path(entry.file).name != entry.file:
        raise ArtifactError(f"the manifest in {folder} names a file outside its folder: {entry.file!r:.60}")
    path = folder / entry.file
    problem = _difference(path, entry)
    if problem:
        waited = _waited(folder, entry)
        if waited is not None:
            return waited
        problem = _difference(path, entry)  # another process may have moved it meanwhile
    if problem:
        raise ArtifactError(problem)
    return path


def _difference(path: Path, entry: ModelEntry) -> str:
    """What is wrong with an entry's file, or nothing."""
    try:
        digest = sha256_of(path)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        return f"cannot read {path}: {getattr(error, 'strerror', error)}; export {entry.name} again"
    if digest != entry.sha256:
        return (
            f"{path} is not the file that its manifest describes (sha256 {digest[:12]}, expected {entry.sha256[:12]}); "
            f"run: mnistbench export {as_exported(entry.name, entry.precision)}"
        )
    return ""


def called(name: str, precision: str | None) -> str:
    """What a network's model is called: its name, and ``@int8`` and the like unless it is the one in ``fp32``."""
    return name if precision in (None, PLAIN) else f"{name}@{precision}"


def as_exported(name: str, precision: str) -> str:
    """The arguments of ``export`` that write a model."""
    return name if precision == PLAIN else f"{name} --precision {precision}"
