"""The program of a fresh process: ``python -m mnistbench.measure.latency.child REQUEST RESPONSE [IMAGES]``.

Reads what to measure from one file and writes what it found to another, so that
nothing that libraries print can get between.
"""

from __future__ import annotations

import gc
import json
import sys
from pathlib import Path

import numpy as np

from mnistbench import errors
from mnistbench.errors import MnistbenchError
from mnistbench.files import read_json, write_json
from mnistbench.measure.clock import MonotonicClock
from mnistbench.measure.latency.request import Measured, Request
from mnistbench.measure.latency.single import measure_once

LARGEST_ANSWER = 64 << 20
"""Bytes; a hundred thousand samples are a few million."""


def answer(document: object, images: Path | None) -> dict[str, object]:
    """Measure one request, given and answered as JSON."""
    assert isinstance(document, dict)
    pixels = np.load(images, mmap_mode="r", allow_pickle=False) if images is not None else None
    # A collection in the middle of a call would be timed with it.
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        measured = measure_once(Request.from_dict(document), pixels, MonotonicClock())
    except MnistbenchError as error:
        return {"error": str(error), "type": type(error).__name__}
    return {"measured": measured.as_dict()}


def read_answer(path: Path) -> Measured:
    """What a process found.

    Raises:
        MnistbenchError: The error that it found instead, as what it was.
        OSError: When it wrote nothing.
        ValueError: When what it wrote is damaged.
    """
    document = read_json(path, LARGEST_ANSWER)
    if "error" in document:
        kind = getattr(errors, document["type"], MnistbenchError)
        raise kind(document["error"])
    return Measured.from_dict(document["measured"])


def main(arguments: list[str]) -> int:
    """Run as a program."""
    request, response, *images = arguments
    document = json.loads(Path(request).read_bytes())
    write_json(Path(response), answer(document, Path(images[0]) if images else None))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
