"""Names of a checkpoint's tensor files, which say who has written them and so whether they can still be needed.

Locks may have no effect, so that two processes train one run. Each file is
therefore written once, by one process, for one ``state.json``. Knows nothing of
what is in the files, and removes none.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from mnistbench.locks import UNKNOWN_PLACE, is_process_gone, place

_NAME = re.compile(r"(epoch|best)-(\d{4,5})(?:-(\d{1,10})-([0-9a-f]{8})-[0-9a-f]{8})?\.safetensors")
"""Without a writer in earlier versions."""

_writing: set[str] = set()
"""Writers in this process whose ``state.json`` is not written yet."""


@contextlib.contextmanager
def writing() -> Iterator[str]:
    """While a checkpoint is written; gives a name for its writer, which nobody has had."""
    writer = f"{os.getpid()}-{_digest(place())}-{secrets.token_hex(4)}"
    _writing.add(writer)
    try:
        yield writer
    finally:
        _writing.discard(writer)


def tensor_file(kind: Literal["epoch", "best"], epoch: int, writer: str) -> str:
    """The name of a file of the checkpoint after an epoch, which no other checkpoint has."""
    return f"{kind}-{epoch:04d}-{writer}.safetensors"


def is_tensor_file(name: str) -> bool:
    """Whether a file is one of a checkpoint."""
    return _NAME.fullmatch(name) is not None


def is_of_epoch(name: object, epoch: int) -> bool:
    """Whether a text names the tensors of the checkpoint after an epoch."""
    match = _NAME.fullmatch(name) if isinstance(name, str) else None
    return match is not None and match[1] == "epoch" and int(match[2]) == epoch


def is_written_out(name: str) -> bool:
    """Whether the writer of a tensor file has come to its ``state.json``, or never will; ``False`` when unknown.

    If ``state.json`` does not name the file afterwards, it never will.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        return False
    process, where = match[3], match[4]
    if process is None:
        return True
    if where != _digest(place()) or place() == UNKNOWN_PLACE:
        return False
    if int(process) == os.getpid():
        return Path(name).stem.split("-", 2)[2] not in _writing
    return is_process_gone(int(process))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
