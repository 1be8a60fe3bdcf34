"""Protobuf's wire format, read field by field from bytes nobody vouches for.

Every length is checked against the bytes that are there, and the number of
fields is limited, so that a hostile file costs neither memory nor time. What
protobuf's own readers understand in different ways is damage here: nothing may
be found in a file that was not found by this one. Knows nothing of ONNX.

Source: protobuf.dev, "Encoding".
"""

from __future__ import annotations

from collections.abc import Iterator

from mnistbench.errors import ModelError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Wire types; groups (3 and 4) are not used by ONNX and are refused."""

_MAX_VARINT_BYTES = 10
_MAX_HEAD_BYTES = 5
_MAX_KEY = 2**32 - 1


class Reader:
    """Iterates over the fields of messages, counting them all together.

    Args:
        max_fields: Fields in the whole file; a model of a hundred megabytes has some ten thousand.
    """

    def __init__(self, max_fields: int = 500_000) -> None:
        self._max_fields = max_fields
        self._num_fields = 0

    def fields(self, message: memoryview) -> Iterator[tuple[int, int | memoryview | None]]:
        """Number and value of each field: an integer, bytes, or ``None`` for 4 or 8 bytes of fixed length.

        Raises:
            ModelError: When the message is damaged or the file has too many fields.
        """
        position, end = 0, len(message)
        while position < end:
            self._num_fields += 1
            if self._num_fields > self._max_fields:
                raise ModelError(f"it has more than {self._max_fields:,} fields; no classifier of digits needs them")
            key, position = varint(message, position, max_bytes=_MAX_HEAD_BYTES)
            if key > _MAX_KEY:  # protobuf's C++ drops the bits above and takes it for another field
                raise ModelError(f"it is damaged: a field has the number {key >> 3:,}")
            number, wire_type = key >> 3, key & 7
            if number == 0:
                raise ModelError("it is damaged: a field has the number 0")
            if wire_type == VARINT:
                value, position = varint(message, position)
                yield number, value
                continue
            if wire_type == BYTES:
                length, position = varint(message, position, max_bytes=_MAX_HEAD_BYTES)
            elif wire_type in (FIXED64, FIXED32):
                length = 8 if wire_type == FIXED64 else 4
            else:
                raise ModelError(f"it is damaged: field {number} has the wire type {wire_type}")
            if length > end - position:
                raise ModelError(f"it is truncated or damaged: field {number} ends beyond its message")
            # What has a fixed length is no message to protobuf, whatever is expected under the number.
            yield number, message[position : position + length] if wire_type == BYTES else None
            position += length


def varint(message: memoryview, position: int, *, max_bytes: int = _MAX_VARINT_BYTES) -> tuple[int, int]:
    """An unsigned integer of variable length, and the position after it.

    Raises:
        ModelError: When it does not end within the message or within ``max_bytes``.
    """
    value = 0
    for index in range(max_bytes):
        if position + index >= len(message):
            raise ModelError("it is truncated or damaged: a number ends beyond its message")
        byte = message[position + index]
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, position + index + 1
    raise ModelError(f"it is damaged: a number is longer than {max_bytes} bytes")


def signed(value: int) -> int:
    """The signed 64-bit integer that an ``int64`` field means."""
    return value - (1 << 64) if value >= 1 << 63 else value
