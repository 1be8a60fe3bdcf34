"""Zoos made by hand: a manifest and files that are no models."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

from mnistbench.artifacts import ModelEntry, add_to_manifest
from mnistbench.catalog import find


def entry_of(name: str, content: bytes = b"onnx", *, file: str | None = None, **changes: Any) -> ModelEntry:
    network = find(name)
    entry = ModelEntry(
        name=network.name,
        file=file or f"{network.name}.onnx",
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        precision="fp32",
        input_dtype="uint8",
        opset=18,
        ir_version=8,
        inputs=({"name": "image", "dtype": "uint8", "shape": ["batch", 1, 28, 28]},),
        outputs=({"name": "logits", "dtype": "float32", "shape": ["batch", 10]},),
        notation=network.spec.notation,
        dropout=network.spec.dropout,
        num_parameters=network.spec.num_parameters,
        macs=network.spec.macs,
        table=network.paper.table if network.paper else None,
        paper_error=None,
        labels=tuple("0123456789"),
        training={"recipe": "default", "seed": 0},
        metrics={"num_errors": 3, "num_images": 100},
        parity={"label_differences": 0},
        versions={"onnx": "1.21.0"},
    )
    return dataclasses.replace(entry, **changes)


def put(folder: Path, name: str, content: bytes = b"onnx", **keywords: Any) -> ModelEntry:
    """A file and its entry."""
    entry = entry_of(name, content, **keywords)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / entry.file).write_bytes(content)
    add_to_manifest(folder, entry)
    return entry


def manifest_of(folder: Path) -> Any:
    return json.loads((folder / "manifest.json").read_text())
