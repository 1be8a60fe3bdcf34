"""External data is found however a file writes it: onnxruntime must never open a file that we did not see coming."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import ModelProto, TensorProto, helper

from mnistbench.errors import ModelError
from mnistbench.runtime.devices import CPU
from mnistbench.runtime.onnx_parser import parse_onnx
from mnistbench.runtime.session import create_session

VARINT, FIXED64, BYTES, GROUP, END_OF_GROUP, FIXED32 = range(6)
OF_A_TENSOR = {"dims": 1, "data_type": 2, "name": 8, "external_data": 13, "data_location": 14}
WEIGHTS = np.arange(7840, dtype=np.float32).tobytes()


def number(value: int, *, length: int = 0) -> bytes:
    """As a varint, which zeros make longer than it need be."""
    out = bytearray()
    while value > 0x7F or len(out) + 1 < length:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def key(field: int, wire_type: int, *, above: int = 0, length: int = 0) -> bytes:
    return number(field << 3 | wire_type | above, length=length)


def block(field: int, content: bytes, *, length: int = 0, **of_the_key: int) -> bytes:
    return key(field, BYTES, **of_the_key) + number(len(content), length=length) + content


ENTRY = block(1, b"location") + block(2, b"weights.bin")
SIZE = block(1, b"length") + block(2, b"31360")
PLAIN = b"\x08\x90\x06" + b"\x08\x0a" + b"\x10\x01" + block(8, b"weights")
HERE, ELSEWHERE = key(14, VARINT) + b"\0", key(14, VARINT) + b"\1"
EXTERNAL = PLAIN + block(13, ENTRY) + block(13, SIZE) + ELSEWHERE

MODEL = helper.make_model(
    helper.make_graph(
        [
            helper.make_node("Flatten", ["image"], ["flat"]),
            helper.make_node("MatMul", ["flat", "weights"], ["logits"]),
        ],
        "of a stranger",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 1, 28, 28])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 10])],
    ),
    opset_imports=[helper.make_opsetid("", 18)],
    ir_version=8,
).SerializeToString()
WRITTEN = {
    "plainly": block(7, block(5, EXTERNAL)),
    "with the location after all": block(7, block(5, PLAIN + ELSEWHERE + HERE + block(13, ENTRY) + block(13, SIZE))),
    "with the location twice": block(7, block(5, EXTERNAL + HERE + ELSEWHERE)),
    "with a location of 64 bits": block(
        7, block(5, PLAIN + block(13, ENTRY) + block(13, SIZE) + key(14, VARINT) + number(1 | 1 << 32))
    ),
    "with a location of ten bytes": block(
        7, block(5, PLAIN + block(13, ENTRY) + block(13, SIZE) + key(14, VARINT) + number(1, length=10))
    ),
    "with keys of 33 bits": block(
        7,
        block(
            5,
            PLAIN
            + block(13, ENTRY, above=1 << 32)
            + block(13, SIZE, above=1 << 32)
            + key(14, VARINT, above=1 << 32)
            + b"\1",
        ),
    ),
    "in a tensor of 33 bits": block(7, block(5, EXTERNAL, above=1 << 32)),
    "in a graph of 35 bits": block(7, block(5, EXTERNAL), above=7 << 32),
    "with keys of five bytes": block(7, block(5, EXTERNAL, length=5), length=5),
    "with lengths of five bytes": key(7, BYTES, length=5)
    + number(len(block(5, EXTERNAL)), length=5)
    + block(5, EXTERNAL),
    "with an entry in two parts": block(7, block(5, PLAIN + block(13, ENTRY) + ELSEWHERE + block(13, SIZE))),
    "in a second graph, which is merged": block(7, b"") + block(7, block(5, EXTERNAL)) + block(7, b""),
    "after unknown fields": block(
        7, block(5, key(99, FIXED64) + b"\x6a" * 8 + key(98, FIXED32) + b"\x70\1\x70\1" + EXTERNAL)
    ),
    "after a group": block(7, key(99, GROUP) + key(99, END_OF_GROUP) + block(5, EXTERNAL)),
    "after an end": block(7, block(5, EXTERNAL)) + b"\0",
    "after a number for the graph": key(7, FIXED32) + b"\0" * 4 + block(7, block(5, EXTERNAL)),
    "with a packed location": block(7, block(5, PLAIN + block(13, ENTRY) + block(13, SIZE) + block(14, b"\1"))),
}


def seen(content: bytes) -> bool:
    """Whether the file is refused, for its external data or as damaged."""
    try:
        return parse_onnx(content).external_data
    except ModelError:
        return True


def opens(content: bytes, path) -> bool:
    """Whether onnxruntime makes a session of it."""
    path.write_bytes(content)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.add_session_config_entry("session.load_model_format", "ONNX")
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception:  # noqa: BLE001  # whatever it is: no session
        return False
    return True


@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN)
def test_external_data_is_seen_however_it_is_written(tmp_path, written):
    assert seen(MODEL + written)
    path = tmp_path / "model.onnx"
    path.write_bytes(MODEL + written)
    (tmp_path / "weights.bin").write_bytes(WEIGHTS)
    with pytest.raises(ModelError, match=r"model\.onnx (keeps weights in other files|is not a usable ONNX file)"):
        create_session(path, CPU)


def test_onnxruntime_does_read_most_of_them(tmp_path):
    """Otherwise the test above would show nothing."""
    (tmp_path / "weights.bin").write_bytes(WEIGHTS)
    read = {name for name, written in WRITTEN.items() if opens(MODEL + written, tmp_path / "model.onnx")}
    assert {"plainly", "with the location twice", "with keys of 33 bits", "with keys of five bytes"} <= read


@pytest.mark.parametrize(
    ("operators", "expected"),
    [
        (block(4, b"Identity"), False),
        (block(4, b"EPContext"), True),
        (block(4, b"EPContext") + block(4, b"Identity"), True),
        (block(4, b"EPContext") + key(4, FIXED64) + b"Identity", True),
    ],
    ids=["another", "plainly", "then another", "then no text"],
)
def test_what_a_provider_has_compiled_may_lie_in_another_file(operators, expected):
    assert seen(MODEL + block(7, block(1, block(1, b"image") + operators))) == expected


def paths_to_tensors(kind, taken=(), within=()):
    """Every way from a message to a tensor, through each kind of message at most twice."""
    for field in kind.fields:
        if field.message_type is None or within.count(field.message_type.name) == 2:
            continue
        path = (*taken, field)
        if field.message_type.name == TensorProto.DESCRIPTOR.name:
            yield path
        else:
            yield from paths_to_tensors(field.message_type, path, (*within, field.message_type.name))


def test_external_data_is_seen_wherever_onnx_has_tensors():
    paths = list(paths_to_tensors(ModelProto.DESCRIPTOR))
    missed = []
    for path in paths:
        written = EXTERNAL
        for field in reversed(path):
            written = block(field.number, written)
        assert onnx.load_from_string(MODEL + written).ByteSize() > len(MODEL)
        if not parse_onnx(MODEL + written).external_data:
            missed.append(".".join(field.name for field in path))
    assert len(paths) > 100
    assert missed == []


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_a_file_that_is_said_to_stand_alone_needs_no_other(tmp_path, data):
    """Bytes are changed, put in and taken out around the fields that name another file."""
    content = bytearray(WRITTEN["plainly"])
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(content)))
        content[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    if seen(MODEL + content):
        return
    (tmp_path / "weights.bin").write_bytes(WEIGHTS)
    with_weights = opens(MODEL + bytes(content), tmp_path / "model.onnx")
    (tmp_path / "weights.bin").unlink()
    assert opens(MODEL + bytes(content), tmp_path / "model.onnx") == with_weights
