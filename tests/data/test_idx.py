from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistbench.data.idx import MAX_IMAGES, decode_images, decode_labels
from mnistbench.errors import DataError

PIXELS = np.arange(2 * 28 * 28, dtype=np.uint32).astype(np.uint8).reshape(2, 28, 28)
IMAGES = struct.pack(">4I", 0x803, 2, 28, 28) + PIXELS.tobytes()
LABELS = struct.pack(">2I", 0x801, 4) + bytes([7, 2, 0, 9])


def test_images_come_back_as_written():
    images = decode_images(IMAGES, num_images=2)
    np.testing.assert_array_equal(images, PIXELS)
    assert images.dtype == np.uint8
    assert not images.flags.writeable


def test_images_of_a_bytearray_are_read_only_too():
    assert not decode_images(bytearray(IMAGES)).flags.writeable


def test_labels_come_back_as_written():
    labels = decode_labels(LABELS, num_labels=4)
    assert labels.tolist() == [7, 2, 0, 9]
    assert labels.dtype == np.int64
    assert not labels.flags.writeable


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "only 0 bytes"),
        (IMAGES[:15], "only 15 bytes"),
        (LABELS + bytes(8), "starts with 0x00000801; expected 0x00000803"),
        (b"<!DOCTYPE html><html>", "starts with 0x3c21444f"),
        (struct.pack(">4I", 0x803, 1, 32, 32) + bytes(1024), "32x32 pixels; expected 28x28"),
        (struct.pack(">4I", 0x803, 0, 28, 28), "holds 0 images; expected 1 to"),
        (struct.pack(">4I", 0x803, MAX_IMAGES + 1, 28, 28), f"holds {MAX_IMAGES + 1} images; expected 1 to"),
        (struct.pack(">4I", 0x803, 0xFFFFFFFF, 28, 28), "holds 4294967295 images"),
        (IMAGES[:-1], "1583 bytes long; 2 images take 1584"),
        (IMAGES + b"\0", "1585 bytes long; 2 images take 1584"),
    ],
)
def test_images_that_are_not_are_refused(content: bytes, message: str):
    with pytest.raises(DataError, match=message):
        decode_images(content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\0\0\x08\x01", "only 4 bytes"),
        (IMAGES, "starts with 0x00000803; expected 0x00000801"),
        (LABELS[:-1], "11 bytes long; 4 labels take 12"),
        (LABELS[:-2] + b"\x0a\x09", "label 10 at position 2; expected 0 to 9"),
        (LABELS[:-1] + b"\xff", "label 255 at position 3"),
    ],
)
def test_labels_that_are_not_are_refused(content: bytes, message: str):
    with pytest.raises(DataError, match=message):
        decode_labels(content)


def test_an_expected_number_is_checked():
    with pytest.raises(DataError, match="2 images; expected 3"):
        decode_images(IMAGES, num_images=3)
    with pytest.raises(DataError, match="4 labels; expected 3"):
        decode_labels(LABELS, num_labels=3)


@given(st.binary(max_size=2000))
def test_random_bytes_raise_only_data_errors(content: bytes):
    for decode in (decode_images, decode_labels):
        with pytest.raises(DataError):
            decode(content)


@given(st.integers(0, 15), st.integers(1, 255))
def test_no_changed_header_of_images_is_believed(position: int, change: int):
    mutated = bytearray(IMAGES)
    mutated[position] ^= change
    with pytest.raises(DataError):
        decode_images(mutated)


@given(st.lists(st.tuples(st.integers(0, len(LABELS) - 1), st.integers(0, 255)), max_size=6), st.integers(0, 12))
def test_mutated_labels_decode_right_or_raise_data_errors(changes: list[tuple[int, int]], length: int):
    mutated = bytearray(LABELS)
    for position, value in changes:
        mutated[position] = value
    del mutated[length:]
    try:
        labels = decode_labels(mutated)
    except DataError:
        return
    assert mutated[:8] == LABELS[:8]
    assert labels.tolist() == list(mutated[8:])
    assert labels.max() <= 9
