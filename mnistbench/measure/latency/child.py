"""The program of a fresh process: ``python -m mnistbench.measure.latency.child REQUEST RESPONSE [IMAGES]``.

Reads what to measure from one file and writes what it found to another, so that
nothing that libraries print can get between. Programs that measure something
else of a request hand their own measuring to :func:`main`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from mnistbench.errors import MnistbenchError, error_named
from mnistbench.files import read_json, write_json
from mnistbench.measure.clock import Clock, MonotonicClock
from mnistbench.measure.collection import without_collection
from mnistbench.measure.latency.request import Request
from mnistbench.measure.latency.single import measure_once
from mnistbench.runtime.images import Images
from mnistbench.runtime.parent import end_with_parent
from mnistbench.runtime.session import onnxruntime_errors
from mnistbench.runtime.untrusted.limits import limit_processor_time, limit_this_process

LARGEST_ANSWER = 64 << 20
"""Bytes; a hundred thousand samples are a few million."""


class Found(Protocol):
    """What was measured, on its way to another process."""

    def as_dict(self) -> dict[str, Any]:
        """The fields as JSON types."""
        ...


Measure = Callable[[Request, Images | None, Clock], Found]
"""Measures a request in this process; raises :class:`mnistbench.errors.MnistbenchError`."""


def answer(document: object, images: Path | None, measure: Measure = measure_once) -> dict[str, object]:
    """Measure one request, given and answered as JSON."""
    assert isinstance(document, dict)
    pixels = np.load(images, mmap_mode="r", allow_pickle=False) if images is not None else None
    request = Request.from_dict(document)
    if request.untrusted is not None:
        onnxruntime_errors()  # the libraries first: their memory is not the model's
        limit_this_process(request.untrusted)
        plan = request.plan
        limit_processor_time(plan.max_warmup_seconds + plan.longest_seconds + request.untrusted.seconds)
    try:
        with without_collection():
            measured = measure(request, pixels, MonotonicClock())
    except MnistbenchError as error:
        return {"error": str(error), "type": type(error).__name__}
    return {"measured": measured.as_dict()}


def read_answer(path: Path) -> dict[str, Any]:
    """What a process found, as its ``as_dict`` gave it.

    Raises:
        MnistbenchError: The error that it found instead, as what it was.
        OSError: When it wrote nothing.
        ValueError: When what it wrote is damaged.
    """
    document = read_json(path, LARGEST_ANSWER)
    if "error" in document:
        raise error_named(document["type"], document["error"])
    measured: dict[str, Any] = document["measured"]
    return measured


def main(arguments: list[str], measure: Measure = measure_once) -> int:
    """Run as a program, which ends with the process that started it."""
    end_with_parent()
    request, response, *images = arguments
    document = json.loads(Path(request).read_bytes())
    write_json(Path(response), answer(document, Path(images[0]) if images else None, measure))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
