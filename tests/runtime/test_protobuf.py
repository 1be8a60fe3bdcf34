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
    found = [(n, v if isinstance(v, int) else bytes(v)) for n, v in Reader().fields(memoryview(message))]
    assert found == [(1, 5), (2, b"hi"), (3, b"\1" * 8), (4, b"\2" * 4)]


@pytest.mark.parametrize(
    "message",
    [b"\x08", b"\x12\x05hi", b"\x19\1", b"\x0b", b"\x0c", b"\x00\x00", b"\x08" + b"\xff" * 11, b"\x12" + b"\xff" * 9],
)
def test_damage_is_a_model_error(message):
    with pytest.raises(ModelError):
        list(Reader().fields(memoryview(message)))


def test_fields_are_limited_over_all_messages():
    reader = Reader(max_fields=3)
    list(reader.fields(memoryview(b"\x08\x01" * 2)))
    with pytest.raises(ModelError, match="more than 3 fields"):
        list(reader.fields(memoryview(b"\x08\x01" * 2)))
