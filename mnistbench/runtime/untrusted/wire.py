"""Messages between the two processes: a JSON object and arrays of numbers, with their lengths in front.

Nothing that is read is believed: what comes from a process that runs a
stranger's model may have been written by it. Never pickle.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Arrays = dict[str, npt.NDArray[Any]]
Read = Callable[[int], bytes]
"""Gives so many bytes, no fewer."""

HEAD = struct.Struct(">IQ")
"""Length of the JSON, and of all arrays."""

MOST_JSON = 1 << 20
MOST_BYTES = 256 << 20
"""Of the arrays in one message."""

MOST_DIMENSIONS = 16

_DTYPES = frozenset(
    "bool int8 uint8 int16 uint16 int32 uint32 int64 uint64 float16 float32 float64".split()  # noqa: SIM905  # a table
)


class WireError(Exception):
    """What was read is no message, or what was to be written cannot be one."""


def encode(document: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]] | None = None) -> bytes:
    """A message.

    Raises:
        WireError: When it would be too large, or an array is none of numbers.
    """
    described, parts = [], []
    for name, array in (arrays or {}).items():
        if array.dtype.name not in _DTYPES:
            raise WireError(f"{name} is an array of {array.dtype}, which is no number")
        described.append([name, array.dtype.name, list(array.shape)])
        parts.append(np.ascontiguousarray(array).tobytes())
    text = json.dumps({**document, "arrays": described}).encode()
    total = sum(map(len, parts))
    if len(text) > MOST_JSON or total > MOST_BYTES:
        raise WireError(f"{total:,} bytes are too many; at most {MOST_BYTES:,} can be handed over")
    return b"".join((HEAD.pack(len(text), total), text, *parts))


def decode(read: Read) -> tuple[dict[str, Any], Arrays]:
    """Read one message.

    Returns:
        The object, and the arrays by their names.

    Raises:
        WireError: When it is damaged or too large.
        Exception: What ``read`` raises.
    """
    text_bytes, array_bytes = HEAD.unpack(read(HEAD.size))
    if text_bytes > MOST_JSON or array_bytes > MOST_BYTES:
        raise WireError(f"a message of {text_bytes:,} and {array_bytes:,} bytes is too large")
    try:
        document = json.loads(read(text_bytes).decode())
        described = document.pop("arrays")
        kinds = [(str(name), _dtype(kind), _shape(shape)) for name, kind, shape in described]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise WireError("the message is damaged") from None
    if sum(kind.itemsize * math.prod(shape) for _, kind, shape in kinds) != array_bytes:
        raise WireError("the arrays do not have the sizes that the message says")
    arrays = {name: _array(read(kind.itemsize * math.prod(shape)), kind, shape) for name, kind, shape in kinds}
    return document, arrays


def _array(content: bytes, kind: np.dtype[Any], shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """An array that can be written to as others can."""
    try:
        return np.frombuffer(content, kind).reshape(shape).copy()
    except (ValueError, OverflowError):  # no values, but sizes whose product numpy cannot hold
        raise WireError("an array has a shape that no array can have") from None


def _dtype(name: Any) -> np.dtype[Any]:
    if name not in _DTYPES:
        raise ValueError(name)
    dtype: np.dtype[Any] = np.dtype(name)
    return dtype


def _shape(sizes: Any) -> tuple[int, ...]:
    if not isinstance(sizes, list) or len(sizes) > MOST_DIMENSIONS:
        raise ValueError(sizes)
    # Each size by itself: with a 0 among them their product says nothing of the others.
    if not all(type(size) is int and 0 <= size <= MOST_BYTES for size in sizes):
        raise ValueError(sizes)
    return tuple(sizes)
