from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistbench.errors import ModelError
from mnistbench.runtime.protobuf import Reader, signed, varint


def encoded(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


@given(st.integers(0, 2**64 - 1))
def test_varints_survive(value):
    content = encoded(value)
    assert varint(memoryview(content), 0) == (value, len(content))


@given(st.integers(-(2**63), 2**63 - 1))
def test_signed_is_twos_complement(value):
    assert signed(value % 2**64) == value


def test_fields_of_each_wire_type():
    message = b"\x08\x05" + b"\x12\x02hi" + b"\x19" + b"\1" * 8 + b"\x25" + b"\2" * 4
    assert list(Reader().fields(memoryview(message))) == [(1, 5), (2, b"hi"), (3, None), (4, None)]


@pytest.mark.parametrize(
    "message",
    [b"\x08", b"\x12\x05hi", b"\x19\1", b"\x0b", b"\x0c", b"\x00\x00", b"\x08" + b"\xff" * 11, b"\x12" + b"\xff" * 9],
)
def test_damage_is_a_model_error(message):
    with pytest.raises(ModelError):
        list(Reader().fields(memoryview(message)))


@pytest.mark.parametrize("wire_type", [0, 1, 2, 5])
@pytest.mark.parametrize("above", [1 << 32, 7 << 32, 1 << 35, 1 << 63])
def test_a_key_of_more_than_32_bits_is_damage(wire_type, above):
    """protobuf's C++ takes it for the key without the bits above."""
    with pytest.raises(ModelError, match="damaged"):
        list(Reader().fields(memoryview(encoded(13 << 3 | wire_type | above) + b"\0" * 8)))


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 6, 7, 10])
def test_keys_and_lengths_have_at_most_five_bytes(length):
    def padded(value):
        return bytes([value | 0x80]) + b"\x80" * (length - 2) + b"\0" if length > 1 else bytes([value])

    for message in (padded(0x12) + b"\x02hi", b"\x12" + padded(2) + b"hi"):
        if length <= 5:
            assert list(Reader().fields(memoryview(message))) == [(2, b"hi")]
        else:
            with pytest.raises(ModelError, match="longer than 5 bytes"):
                list(Reader().fields(memoryview(message)))


def test_the_highest_number_is_a_field():
    assert list(Reader().fields(memoryview(encoded((2**29 - 1) << 3) + b"\7"))) == [(2**29 - 1, 7)]


def test_fields_are_limited_over_all_messages():
    reader = Reader(max_fields=3)
    list(reader.fields(memoryview(b"\x08\x01" * 2)))
    with pytest.raises(ModelError, match="more than 3 fields"):
        list(reader.fields(memoryview(b"\x08\x01" * 2)))
