"""Decompression of gzip that stops where a stated length is passed.

A few hundred bytes can claim to be gigabytes, so the output grows only as far
as it is really produced and never past the limit. Knows nothing of IDX.
"""

from __future__ import annotations

import zlib

from mnistbench.errors import DataError

GZIP_MAGIC = b"\x1f\x8b"
GZIP_WINDOW = 16 + zlib.MAX_WBITS
"""What tells zlib to expect gzip's header and check its CRC."""

INPUT_STEP = 64 * 1024
OUTPUT_STEP = 1024 * 1024


def is_gzip(content: bytes | bytearray) -> bool:
    """Whether ``content`` begins as gzip does."""
    return content[: len(GZIP_MAGIC)] == GZIP_MAGIC


def gunzip(content: bytes, *, max_bytes: int) -> bytearray:
    """Decompress one gzip stream.

    Args:
        content: The whole compressed file.
        max_bytes: Longest result that is accepted; at most one byte more is produced.

    Raises:
        DataError: When the result would be longer, or ``content`` is damaged,
            cut short or followed by other data.
    """
    decompressor = zlib.decompressobj(GZIP_WINDOW)
    result = bytearray()
    position = 0
    # Small slices, because zlib copies at every step what it has not consumed.
    while position < len(content) and not decompressor.eof:
        _inflate(decompressor, content[position : position + INPUT_STEP], result, max_bytes)
        position += INPUT_STEP
    if not decompressor.eof:
        raise DataError(f"is cut short: its gzip data stops after {len(content)} bytes without an end mark")
    if decompressor.unused_data or position < len(content):
        raise DataError("has other data after the end of its gzip data")
    return result


def _inflate(decompressor: zlib._Decompress, piece: bytes, result: bytearray, max_bytes: int) -> None:
    """Append to ``result`` all that ``piece`` brings, unless that passes ``max_bytes``."""
    while True:
        # Never 0, which zlib would take for "no limit".
        wanted = min(OUTPUT_STEP, max_bytes + 1 - len(result))
        try:
            produced = decompressor.decompress(piece, wanted)
        except zlib.error as error:
            raise DataError(f"is not valid gzip ({error})") from None
        result += produced
        if len(result) > max_bytes:
            raise DataError(f"decompresses to more than the {max_bytes} bytes expected")
        if decompressor.eof or len(produced) < wanted:
            return
        piece = decompressor.unconsumed_tail
