"""The floor: what Python, the session and its copies cost when the model does nothing."""

from __future__ import annotations

from pathlib import Path

from mnistbench.files import atomic_write, sha256_of
from mnistbench.measure.latency.inputs import Inputs
from mnistbench.measure.latency.subject import Model
from mnistbench.runtime.identity import INPUT, OUTPUT, identity_model
from mnistbench.runtime.onnx_file import read_onnx_file

FLOOR = "identity"
"""What its rows are called; no network has such a name."""


def floor_model(folder: Path) -> Model:
    """Write the model that does nothing into a folder, and describe it.

    It takes batches of digits as bytes, as this project's models do, and gives them back.

    Raises:
        OSError: When the folder cannot be written.
    """
    path = folder / "identity.onnx"
    atomic_write(path, identity_model())
    inputs = Inputs((OUTPUT,), None, {INPUT: (None, 1, 28, 28)}, {INPUT: "uint8"})
    return Model(path, FLOOR, read_onnx_file(path), inputs, sha256_of(path), allow_external_data=False, is_floor=True)
