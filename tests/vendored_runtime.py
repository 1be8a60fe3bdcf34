"""onnxruntime-web for tests: the real files where they can be had, and stand-ins where nothing runs them."""

from __future__ import annotations

from pathlib import Path

from needed import lacking

from mnistbench.demo.vendored import FILES, vendored_files
from mnistbench.errors import PackageError
from mnistbench.locks import locked

CACHE = Path(__file__).resolve().parents[1] / ".cache"


def real_runtime() -> dict[str, bytes]:
    """The files, fetched once into ``.cache``; the test is skipped where they cannot be had."""
    CACHE.mkdir(exist_ok=True)
    try:
        with locked(CACHE):
            return vendored_files(cache_dir=CACHE / "onnxruntime-web")
    except PackageError as error:
        lacking("npm", str(error))


def false_runtime(**_options: object) -> dict[str, bytes]:
    """Something small by the files' names."""
    return {file.stored: file.stored.encode() for file in FILES}
