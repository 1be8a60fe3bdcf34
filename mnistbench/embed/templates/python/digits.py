"""The model behind one call: a 28x28 picture in, a label and ten probabilities out."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

FOLDER = Path(__file__).resolve().parent
LABELS = (FOLDER / "labels.txt").read_text(encoding="utf-8").splitlines()

# Width, height and largest value, with spaces and comments between them, then one space and the pixels.
PGM = re.compile(rb"P5" + 3 * rb"(?:\s|#[^\n]*\n)+(\d+)" + rb"\s(.*)", re.DOTALL)


def read_pgm(path: str | Path) -> npt.NDArray[np.uint8]:
    """Read a binary PGM file of 28x28 pixels, white ink on black: uint8 of shape (28, 28)."""
    header = PGM.match(Path(path).read_bytes())
    if header is None or header.groups()[:3] != (b"28", b"28", b"255") or len(header[4]) < 28 * 28:
        raise ValueError(f"{path} is no binary PGM file of 28x28 pixels with values up to 255")
    return np.frombuffer(header[4], dtype=np.uint8, count=28 * 28).reshape(28, 28)


def load() -> onnxruntime.InferenceSession:
    """Load the model, once for all pictures."""
    return onnxruntime.InferenceSession(FOLDER / "@@MODEL@@", providers=["CPUExecutionProvider"])


def classify(
    session: onnxruntime.InferenceSession, images: npt.NDArray[np.uint8]
) -> tuple[list[str], npt.NDArray[np.float32]]:
    """Classify images, uint8 of shape (n, 28, 28): n labels, and probabilities of shape (n, 10)."""
    labels, probabilities = session.run(["label", "probabilities"], {"image": images.reshape(-1, 1, 28, 28)})
    return [LABELS[label] for label in labels], probabilities
