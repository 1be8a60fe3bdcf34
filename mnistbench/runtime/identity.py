"""A model that does nothing: what a call costs before any arithmetic.

Its few bytes are written here, so that measuring needs no package ``onnx``.

Source: the field numbers of ``onnx.proto``; protobuf.dev, "Encoding".
"""

from __future__ import annotations

INPUT, OUTPUT = "image", "same"

_UINT8 = 2
_IR_VERSION, _OPSET = 8, 18


def identity_model() -> bytes:
    """An ONNX model with one ``Identity`` from ``image``, uint8 ``[batch, 1, 28, 28]``, to ``same``."""
    node = _text(1, INPUT) + _text(2, OUTPUT) + _text(3, "identity") + _text(4, "Identity")
    graph = _field(1, node) + _text(2, "identity") + _field(11, _value(INPUT)) + _field(12, _value(OUTPUT))
    opset = _number(2, _OPSET)
    return _number(1, _IR_VERSION) + _text(2, "mnistbench") + _field(7, graph) + _field(8, opset)


def _value(name: str) -> bytes:
    axes = _field(1, _text(2, "batch")) + b"".join(_field(1, _number(1, size)) for size in (1, 28, 28))
    return _text(1, name) + _field(2, _field(1, _number(1, _UINT8) + _field(2, axes)))


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _text(number: int, text: str) -> bytes:
    return _field(number, text.encode())


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])
