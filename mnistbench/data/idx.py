"""Decoding of the IDX format, which MNIST's files have, from bytes to arrays.

The bytes may come from anyone: every field is checked before it is believed,
and nothing is allocated for what a header merely claims. Knows nothing of
files, folders or hashes.

Source: the format's description on MNIST's original page: a big-endian magic
number that names type and dimensions, one 32-bit size for each, then the data.
"""

from __future__ import annotations

import struct

import numpy as np
import numpy.typing as npt

from mnistbench.errors import DataError
from mnistbench.layers import INPUT_SHAPE, NUM_CLASSES

MAX_IMAGES = 250_000
"""Most images that one file may hold; the largest known set in this format (EMNIST Digits) has 240,000."""

IMAGE_MAGIC = 0x0803
"""Unsigned bytes in three dimensions."""

LABEL_MAGIC = 0x0801
"""Unsigned bytes in one dimension."""

IMAGE_HEADER = struct.Struct(">4I")
LABEL_HEADER = struct.Struct(">2I")

MAX_IMAGE_BYTES = IMAGE_HEADER.size + MAX_IMAGES * INPUT_SHAPE[1] * INPUT_SHAPE[2]
MAX_LABEL_BYTES = LABEL_HEADER.size + MAX_IMAGES


def decode_images(content: bytes | bytearray, *, num_images: int | None = None) -> npt.NDArray[np.uint8]:
    """Decode a file of 28x28 images.

    Args:
        content: The whole file, decompressed.
        num_images: How many there must be, where that is known.

    Returns:
        Read-only uint8 of shape ``(n, 28, 28)``, 0 background to 255 ink; it
        shares the memory of ``content``.

    Raises:
        DataError: When ``content`` is anything else.
    """
    count, height, width = _header(content, IMAGE_HEADER, IMAGE_MAGIC, "images")
    if (height, width) != INPUT_SHAPE[1:]:
        raise DataError(f"holds images of {height}x{width} pixels; expected {INPUT_SHAPE[1]}x{INPUT_SHAPE[2]}")
    _check_count(content, count, num_images, IMAGE_HEADER.size, height * width, "images")
    return _pixels(content, IMAGE_HEADER.size).reshape(count, height, width)


def decode_labels(content: bytes | bytearray, *, num_labels: int | None = None) -> npt.NDArray[np.int64]:
    """Decode a file of labels.

    Args:
        content: The whole file, decompressed.
        num_labels: How many there must be, where that is known.

    Returns:
        Read-only int64 of shape ``(n,)``, 0 to 9; int64 because labels index
        arrays and are subtracted, where uint8 would wrap around.

    Raises:
        DataError: When ``content`` is anything else.
    """
    (count,) = _header(content, LABEL_HEADER, LABEL_MAGIC, "labels")
    _check_count(content, count, num_labels, LABEL_HEADER.size, 1, "labels")
    raw = _pixels(content, LABEL_HEADER.size)
    wrong = np.flatnonzero(raw >= NUM_CLASSES)
    if wrong.size:
        raise DataError(f"holds label {raw[wrong[0]]} at position {wrong[0]}; expected 0 to {NUM_CLASSES - 1}")
    labels = raw.astype(np.int64)
    labels.flags.writeable = False
    return labels


def _header(content: bytes | bytearray, header: struct.Struct, magic: int, what: str) -> tuple[int, ...]:
    """The sizes that the header states, once its magic number has been checked."""
    if len(content) < header.size:
        raise DataError(f"is only {len(content)} bytes long; expected IDX {what}, whose header alone has {header.size}")
    found, *sizes = header.unpack_from(content)
    if found != magic:
        raise DataError(f"starts with 0x{found:08x}; expected 0x{magic:08x}, which begins IDX {what}")
    return tuple(sizes)


def _check_count(
    content: bytes | bytearray, count: int, expected: int | None, header_bytes: int, item_bytes: int, what: str
) -> None:
    if not 1 <= count <= MAX_IMAGES:
        raise DataError(f"says it holds {count} {what}; expected 1 to {MAX_IMAGES}")
    if expected is not None and count != expected:
        raise DataError(f"holds {count} {what}; expected {expected}")
    length = header_bytes + count * item_bytes
    if len(content) != length:
        raise DataError(f"is {len(content)} bytes long; {count} {what} take {length}")


def _pixels(content: bytes | bytearray, offset: int) -> npt.NDArray[np.uint8]:
    array = np.frombuffer(content, dtype=np.uint8, offset=offset)
    array.flags.writeable = False
    return array
