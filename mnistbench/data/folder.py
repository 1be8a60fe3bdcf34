"""Reading one of the four files from a folder, raw or compressed.

Knows nothing of networks or caches; what it reads may come from anyone.
"""

from __future__ import annotations

import os
from pathlib import Path

from mnistbench.data.gz import gunzip, is_gzip
from mnistbench.errors import DataError

GZIP_SLACK_BYTES = 64 * 1024
"""What gzip may add to data that it cannot compress, header included."""


def find_file(folder: Path, name: str) -> Path | None:
    """Path of a file in ``folder``, or None when it has none of the usual spellings.

    Args:
        folder: Where to look; not below it.
        name: Such as ``train-images-idx3-ubyte``; ``train-images.idx3-ubyte`` and
            ``.gz`` after either are found too, the plain name first.
    """
    spellings = (name, name.replace("-idx", ".idx"))
    candidates = [folder / f"{spelling}{suffix}" for suffix in ("", ".gz") for spelling in spellings]
    # isfile also keeps out pipes and devices, which could be read without end; unlike pathlib's it never raises.
    return next((path for path in candidates if os.path.isfile(path)), None)


def read_file(path: Path, *, max_bytes: int) -> bytes | bytearray:
    """Read a raw or compressed file; which of the two its first bytes say, not its name.

    Args:
        path: A regular file.
        max_bytes: Longest decompressed content that is accepted.

    Returns:
        The decompressed content.

    Raises:
        DataError: When the file cannot be read, is longer, or is damaged gzip.
            The message begins with the path.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(max_bytes + GZIP_SLACK_BYTES + 1)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from None
    try:
        return unpack(content, max_bytes=max_bytes)
    except DataError as error:
        raise DataError(f"{path} {error}") from None


def unpack(content: bytes, *, max_bytes: int) -> bytes | bytearray:
    """Decompress ``content`` if it is gzip and check its length either way.

    Raises:
        DataError: When it is too long or damaged.
    """
    if is_gzip(content):
        return gunzip(content, max_bytes=max_bytes)
    if len(content) > max_bytes:
        raise DataError(f"is longer than the {max_bytes} bytes expected")
    return content
