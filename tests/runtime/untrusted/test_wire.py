from __future__ import annotations

import io
import json

import numpy as np
import pytest

from mnistbench.runtime.untrusted import wire
from mnistbench.runtime.untrusted.wire import HEAD, WireError, decode, encode


def read_from(content: bytes):
    stream = io.BytesIO(content)

    def read(count: int) -> bytes:
        part = stream.read(count)
        if len(part) < count:
            raise EOFError
        return part

    return read


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((2, 3), np.uint8),
        np.zeros((0, 10), np.float32),
        np.array(5),
        np.arange(6.0).reshape(2, 3).T,
        np.bool_(1),
    ],
    ids=repr,
)
def test_what_is_said_is_heard(array):
    document, arrays = decode(read_from(encode({"do": "run"}, {"a": np.asarray(array), "b": np.ones(2)})))
    assert document == {"do": "run"}
    np.testing.assert_array_equal(arrays["a"], array)
    assert arrays["a"].dtype == np.asarray(array).dtype
    assert list(arrays) == ["a", "b"]


@pytest.mark.parametrize("array", [np.array(["text"]), np.array([None]), np.zeros(1, "M8[s]")], ids=repr)
def test_what_is_no_number_is_not_said(array):
    with pytest.raises(WireError, match="no number"):
        encode({}, {"a": array})


def message(document, payload=b"", *, claimed=None):
    text = json.dumps(document).encode() if not isinstance(document, bytes) else document
    return HEAD.pack(len(text), len(payload) if claimed is None else claimed) + text + payload


@pytest.mark.parametrize(
    "content",
    [
        message(b"{"),
        message(b"\xff"),
        message([]),
        message({}),
        message({"arrays": [["a", "object", [1]]]}, b"12345678"),
        message({"arrays": [["a", ["int8"], [1]]]}, b"1"),
        message({"arrays": [["a", "int8", [-1]]]}, b"1"),
        message({"arrays": [["a", "int8", [1.0]]]}, b"1"),
        message({"arrays": [["a", "int8", [True]]]}, b"1"),
        message({"arrays": [["a", "int8", "1"]]}, b"1"),
        message({"arrays": [["a", "int8", [1] * 40]]}, b"1"),
        message({"arrays": [["a", "int8", [2]]]}, b"1"),
        message({"arrays": [["a", "float64", [2**40, 2**40]]]}, b"1"),
        message({"arrays": [["a", "int8", [0, 2**70]]]}),
        message({"arrays": [["a", "int8", [0, 2**62]]]}),
        message({"arrays": [["a", "int8", [0, wire.MOST_BYTES + 1]]]}),
        message({"arrays": [["a", "float64", [0, *[wire.MOST_BYTES] * 15]]]}),
        message({"arrays": []}, b"1"),
        message({"arrays": []}, claimed=wire.MOST_BYTES + 1),
        HEAD.pack(wire.MOST_JSON + 1, 0),
        HEAD.pack(2**32 - 1, 2**64 - 1),
        message(b'{"arrays": ' + b"[" * 200_000),
    ],
)
def test_what_a_hostile_process_says_is_refused(content):
    with pytest.raises(WireError):
        decode(read_from(content))


def test_too_much_is_not_said():
    with pytest.raises(WireError, match="too many"):
        encode({}, {"a": np.broadcast_to(np.uint8(0), (wire.MOST_BYTES + 1,))})


@pytest.mark.parametrize("length", range(0, 60, 7))
def test_a_message_that_breaks_off_is_not_waited_for(length):
    with pytest.raises(EOFError):
        decode(read_from(encode({"do": "something"}, {"a": np.ones(9)})[:length]))
