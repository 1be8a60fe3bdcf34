"""The model that a kit is made around: its bytes, once read, and what its file says.

A file that does not keep the contract is refused, since every kit's program relies on it.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mnistbench.artifacts import ModelEntry, ModelFile, read_manifest, verify
from mnistbench.errors import ArtifactError, ModelError
from mnistbench.runtime.contract import is_own_contract
from mnistbench.runtime.devices import resolve_device
from mnistbench.runtime.onnx_file import read_onnx_file
from mnistbench.runtime.onnx_parser import OnnxInfo, parse_onnx
from mnistbench.runtime.session import create_session

LONGEST_TEXT = 200
"""Characters of a text from the file's metadata; more is no licence and no label."""

LONGEST_NAME = 80

_DIGITS = tuple("0123456789")


@dataclass(frozen=True)
class EmbeddedModel:
    """A model that keeps the contract.

    Attributes:
        name: Letters, digits, dots, dashes and underscores only: safe in a path, in YAML and in JSON.
        content: The ONNX file.
        sha256: Hash of ``content``.
        info: What the file says.
        precision: ``fp32``, ``fp16``, ``int8`` ...
        labels: Text of each of the ten classes.
        file: Where it was found.
    """

    name: str
    content: bytes
    sha256: str
    info: OnnxInfo
    precision: str
    labels: tuple[str, ...]
    file: ModelFile

    def session(self) -> Any:
        """An ``onnxruntime.InferenceSession`` on the CPU, of exactly these bytes."""
        return create_session(self.content, resolve_device("cpu"), info=self.info)

    def said(self, key: str) -> str | None:
        """A text of the file's metadata as one short line; ``None`` when there is none."""
        text = self.info.metadata.get(key, "")
        return _plain(text) or None


def read_model(file: ModelFile) -> EmbeddedModel:
    """Read a model file, and check that it keeps the contract.

    Args:
        file: As :func:`mnistbench.locate.locate` gives it.

    Raises:
        ModelError: When it cannot be loaded, or has other inputs or outputs.
        ArtifactError: When it is not the file that its manifest describes, or changed while it was read.
        OSError: When it cannot be read.
    """
    info = read_onnx_file(file.path)
    content = file.path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if (file.entry is not None and digest != file.entry.sha256) or len(content) != info.size_bytes:
        raise ArtifactError(f"{file.path} changed while it was read; run the command again")
    info = parse_onnx(content, source=str(file.path))
    precision = file.entry.precision if file.entry is not None else info.metadata.get("mnistbench.precision", "fp32")
    labels = labels_of(info.metadata)
    model = EmbeddedModel(safe_name(file.name), content, digest, info, precision, labels, file)
    try:
        session = model.session()
    except ModelError as error:
        raise ModelError(str(error).replace("the model", str(file.path), 1)) from None
    if not is_own_contract(session):
        raise ModelError(
            f"{file.path} does not keep the contract of mnistbench's models, which the kits rely on: expected the "
            "input image, uint8 [batch, 1, 28, 28], and the outputs logits, probabilities and label; name a model that "
            "'mnistbench export' wrote"
        )
    return model


def other_precisions(model: EmbeddedModel) -> dict[str, bytes]:
    """The files of the same weights in other precisions in the same zoo, by precision.

    There are none for a file that was named by its path. Files of the network from another training run are other
    models, see :func:`precisions_left_out`.

    Raises:
        ArtifactError: When one is damaged.
    """
    folder = model.file.path.parent
    return {
        safe_name(entry.precision): verify(folder, entry).read_bytes()
        for entry in _in_other_precisions(model)
        if _has_weights_of(entry, model)
    }


def precisions_left_out(model: EmbeddedModel) -> tuple[str, ...]:
    """Precisions that the same zoo has of the network from another training run, or from an unknown one.

    Raises:
        ArtifactError: When the manifest is damaged.
    """
    return tuple(entry.precision for entry in _in_other_precisions(model) if not _has_weights_of(entry, model))


def _in_other_precisions(model: EmbeddedModel) -> list[ModelEntry]:
    own = model.file.entry
    if own is None:
        return []
    return [
        entry
        for entry in read_manifest(model.file.path.parent)
        if entry.name == own.name and entry.input_dtype == "uint8" and entry.precision != model.precision
    ]


def _has_weights_of(entry: ModelEntry, model: EmbeddedModel) -> bool:
    own = model.file.entry.training.get("weights_sha256") if model.file.entry is not None else None
    return own is not None and entry.training.get("weights_sha256") == own


def safe_name(text: str) -> str:
    """A name in which only ASCII letters, digits, dots, dashes and underscores are left; never empty or hidden."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).lstrip(".-")[:LONGEST_NAME].rstrip(".-") or "model"


def labels_of(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """The ten labels that a file's metadata names under ``names``; the digits when it names none that can be used."""
    text = metadata.get("names", "")
    if len(text) > 10 * LONGEST_TEXT:
        return _DIGITS
    try:
        names = ast.literal_eval(text)
        labels = tuple(names[number] for number in range(10))
    except (ValueError, SyntaxError, KeyError, IndexError, TypeError, RecursionError, MemoryError):
        return _DIGITS
    fitting = all(isinstance(label, str) and label and label == _plain(label) for label in labels)
    return labels if fitting and len(set(labels)) == len(labels) else _DIGITS


def _plain(text: str) -> str:
    """One line without anything that a terminal, Markdown or HTML would obey."""
    spaced = " ".join(text.split())
    return "".join(letter for letter in spaced if letter.isprintable() and letter not in "<>&`|")[:LONGEST_TEXT]
