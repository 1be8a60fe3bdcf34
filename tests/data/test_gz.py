from __future__ import annotations

import gzip
import random
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistbench.data.gz import INPUT_STEP, gunzip, is_gzip
from mnistbench.errors import DataError


@given(st.binary(max_size=5000))
def test_what_gzip_packed_comes_back(content: bytes):
    packed = gzip.compress(content)
    assert is_gzip(packed)
    assert gunzip(packed, max_bytes=len(content)) == content


@pytest.mark.parametrize("size", [INPUT_STEP - 100, 3 * INPUT_STEP, 1024 * 1024 - 1, 1024 * 1024, 2 * 1024 * 1024 + 1])
@pytest.mark.parametrize("compressible", [True, False])
def test_content_longer_than_one_step_comes_back(size: int, compressible: bool):
    content = bytes(size) if compressible else random.Random(0).randbytes(size)
    assert gunzip(gzip.compress(content, 1), max_bytes=size) == content


def test_one_byte_too_many_is_refused():
    with pytest.raises(DataError, match="more than the 9 bytes"):
        gunzip(gzip.compress(bytes(10)), max_bytes=9)


def test_a_bomb_stops_at_the_limit():
    bomb = gzip.compress(bytes(64 * 1024 * 1024))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="more than the 100000 bytes"):
            gunzip(bomb, max_bytes=100_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2 * 1024 * 1024


@given(st.integers(0, 500))
def test_every_shorter_part_is_refused(length: int):
    packed = gzip.compress(random.Random(0).randbytes(500))
    part = packed[:length]
    with pytest.raises(DataError):
        gunzip(part, max_bytes=500)


@given(st.binary(max_size=300))
def test_random_bytes_raise_only_data_errors(content: bytes):
    with pytest.raises(DataError):
        gunzip(b"\x1f\x8b" + content, max_bytes=1000)


def test_a_flipped_bit_is_found_by_the_checksum():
    packed = bytearray(gzip.compress(random.Random(0).randbytes(500), 0))
    packed[100] ^= 1
    with pytest.raises(DataError, match="not valid gzip"):
        gunzip(bytes(packed), max_bytes=500)


@pytest.mark.parametrize(
    "trailing", [b"x", gzip.compress(b"second member"), bytes(2 * INPUT_STEP)], ids=["x", "member", "zeros"]
)
def test_other_data_after_the_end_is_refused(trailing: bytes):
    with pytest.raises(DataError, match="other data after"):
        gunzip(gzip.compress(b"first") + trailing, max_bytes=1000)


def test_other_data_that_begins_at_a_step_is_refused_too():
    content = random.Random(0).randbytes(INPUT_STEP)
    # Stored, not compressed, so that the packed length follows the content's byte by byte.
    candidates = (gzip.compress(content[:length], 0) for length in range(INPUT_STEP - 60, INPUT_STEP))
    exact = next(packed for packed in candidates if len(packed) == INPUT_STEP)
    assert len(gunzip(exact, max_bytes=INPUT_STEP)) < INPUT_STEP
    with pytest.raises(DataError, match="other data after"):
        gunzip(exact + b"x", max_bytes=INPUT_STEP)
