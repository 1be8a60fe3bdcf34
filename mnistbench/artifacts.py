"""A zoo: a folder of ONNX files and the manifest that describes and vouches for them.

Only a hash proves a model: a file whose bytes do not match its entry is refused.
Nothing here loads a model, trains or knows torch or onnx.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mnistbench import catalog
from mnistbench.errors import ArtifactError, MnistbenchError, ModelNotExportedError, UnknownNetworkError
from mnistbench.files import read_json, sha256_of, write_json
from mnistbench.locks import locked
from mnistbench.precisions import PLAIN, PRECISIONS, check_precision, split_precision
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
                raise TypeError(f"{key} is {getattr(self, key)!r}; expected text")

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
                f"schema version {document.get('schema_version')!r} is not known here; update mnistbench"
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

    Raises:
        ArtifactError: When the file is missing, outside the folder or has other bytes.
    """
    if Path(entry.file).name != entry.file:
        raise ArtifactError(f"the manifest in {folder} names a file outside its folder: {entry.file!r}")
    path = folder / entry.file
    try:
        digest = sha256_of(path)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise ArtifactError(
            f"cannot read {path}: {getattr(error, 'strerror', error)}; export {entry.name} again"
        ) from None
    if digest != entry.sha256:
        raise ArtifactError(
            f"{path} is not the file that its manifest describes (sha256 {digest[:12]}, expected {entry.sha256[:12]}); "
            f"run: mnistbench export {_as_exported(entry.name, entry.precision)}"
        )
    return path


def locate(text: str, zoos: Sequence[Path], *, dropout: float | None = None, precision: str | None = None) -> ModelFile:
    """The ONNX file that a path or a network's name means.

    Args:
        text: A path that exists or ends in ``.onnx``, or anything that :func:`catalog.find` takes, which
            ``@int8`` and the like may follow; without that, a name means the model in ``fp32``. Or the name of a
            zoo's entry that is no network's, such as an ensemble's.
        zoos: Folders to look in, the first that has the network in this precision wins.
        dropout: As for :func:`catalog.find`.
        precision: One of :data:`mnistbench.precisions.PRECISIONS`, in place of what may follow the name.

    Raises:
        UnknownNetworkError: When it is neither a file nor a network, or no such precision.
        NotationError: When it is a notation that cannot be used.
        ArtifactError: When the network is in no zoo, or its file is damaged.
    """
    wanted = None if precision is None else check_precision(precision)
    path = Path(text)
    if path.suffix.lower() == ".onnx" or os.path.isfile(text):
        if wanted is not None:
            raise ArtifactError(f"{text} is a file, which has a precision already; leave {wanted} out, or give a name")
        return ModelFile(path, path.stem)
    name, said = split_precision(text)
    if None not in (wanted, said) and wanted != said:
        raise ArtifactError(f"{text} says {said}, but {wanted} is asked for; give one of them")
    wanted = wanted or said or PLAIN
    try:
        network = catalog.find(name, dropout=dropout)
    except UnknownNetworkError as error:
        if os.path.isdir(text):
            raise ArtifactError(f"{text} is a folder; name an ONNX file in it") from None
        if len(path.parts) > 1:
            raise ArtifactError(f"no such file: {text}") from None
        for folder in zoos:
            for entry in read_manifest(folder):
                if entry.name == text:
                    return ModelFile(verify(folder, entry), entry.name, entry)
        raise UnknownNetworkError(f"{error} (nor is it a file)") from None
    for folder in zoos:
        entries = [e for e in read_manifest(folder) if (e.name, e.precision) == (network.name, wanted)]
        # Several files of one network may differ in their input; the contract's own comes first.
        for entry in sorted(entries, key=lambda e: e.input_dtype != "uint8"):
            return ModelFile(verify(folder, entry), called(entry.name, entry.precision), entry)
    raise ModelNotExportedError(
        f"no ONNX file of {network.name}{'' if wanted == PLAIN else f' in {wanted}'} in "
        f"{' or '.join(str(folder) for folder in zoos)}; run: mnistbench train {network.name} && "
        f"mnistbench export {_as_exported(network.name, wanted)}"
    )


def called(name: str, precision: str | None) -> str:
    """What a network's model is called: its name, and ``@int8`` and the like unless it is the one in ``fp32``."""
    return name if precision in (None, PLAIN) else f"{name}@{precision}"


def _as_exported(name: str, precision: str) -> str:
    """The arguments of ``export`` that write a model."""
    return name if precision == PLAIN else f"{name} --precision {precision}"


def locate_precisions(text: str, zoos: Sequence[Path], *, dropout: float | None = None) -> tuple[ModelFile, ...]:
    """The files of one network in every precision that the first zoo with the network has, ``fp32`` first.

    Args:
        text: As for :func:`locate`, but no path, and nothing behind an ``@``.
        zoos: Folders to look in.
        dropout: As for :func:`catalog.find`.

    Raises:
        MnistbenchError: As :func:`locate`.
    """
    network = catalog.find(text, dropout=dropout)
    for folder in zoos:
        there = {entry.precision for entry in read_manifest(folder) if entry.name == network.name}
        found = [locate(network.name, [folder], precision=one) for one in PRECISIONS if one in there]
        if found:
            return tuple(found)
    return (locate(network.name, zoos),)


def is_group(text: str) -> bool:
    """Whether a text stands for several models: a group such as ``table4`` or ``table4@int8``, and no file.

    Raises:
        UnknownNetworkError: As :func:`split_precision`.
    """
    return not os.path.isfile(text) and split_precision(text)[0].strip().lower() in catalog.GROUPS


def locate_all(
    texts: Iterable[str],
    zoos: Sequence[Path],
    *,
    dropout: float | None = None,
    on_missing: Callable[[str], None] | None = None,
) -> tuple[ModelFile, ...]:
    """As :func:`locate` for several texts, where a group such as ``table4`` stands for its networks.

    A group's networks that are in no zoo are passed over, as long as one is; ``on_missing`` is told what each
    would be called.

    Raises:
        MnistbenchError: As :func:`locate`.
    """
    found: dict[Path, ModelFile] = {}
    for text in texts:
        if text.lower().endswith(".onnx") or not is_group(text):
            model = locate(text, zoos, dropout=dropout)
            found.setdefault(model.path, model)
            continue
        group, precision = split_precision(text)
        missing: MnistbenchError | None = None
        before = len(found)
        for network in catalog.resolve([group], dropout=dropout):
            try:
                model = locate(network.name, zoos, precision=precision)
            except ModelNotExportedError as error:
                missing = error
                if on_missing is not None:
                    on_missing(called(network.name, precision))
                continue
            found.setdefault(model.path, model)
        if len(found) == before and missing is not None:
            raise missing
    return tuple(found.values())
