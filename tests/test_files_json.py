"""``read_json`` and ``write_json`` of :mod:`mnistbench.files`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mnistbench.files import DEEPEST_JSON, MOST_GROUPS, MOST_VALUES, parse_json, read_json, write_json


def test_json_is_readable_and_ends_in_a_newline(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    document = {"name": "Größe", "values": [1, 0.1, None, True]}
    write_json(path, document)
    text = path.read_bytes().decode()
    assert json.loads(text) == document
    assert text.endswith("}\n")
    assert "Größe" in text
    assert '\n  "name"' in text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_json_cannot_say_nan_and_keeps_the_old_file(tmp_path: Path, value: float) -> None:
    path = tmp_path / "result.json"
    path.write_bytes(b"old")
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(path, {"loss": value})
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("document", [None, 0, "x", [], {}, {"a": [1, {"b": None}]}, [[[]]]])
def test_json_that_was_written_is_read(tmp_path: Path, document: Any) -> None:
    write_json(tmp_path / "a.json", document)
    assert read_json(tmp_path / "a.json") == document


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "Expecting value"),
        (b"{", "Expecting"),
        (b"\xff\xfe", "decode"),
        (b"1" * 5000, "too large"),
        (b"[" * 300_000, "nested too deeply"),
        (b'{"a":' * 300_000, "nested too deeply"),
        (b"[" * (DEEPEST_JSON + 1) + b"]" * (DEEPEST_JSON + 1), "nested too deeply"),
        (b'{"a":' * (DEEPEST_JSON + 1) + b"1" + b"}" * (DEEPEST_JSON + 1), "nested too deeply"),
    ],
    ids=lambda value: repr(value[:8]),
)
def test_what_is_no_json_or_too_deep_is_a_value_error(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_json(tmp_path / "a.json")


def test_json_is_read_up_to_its_limits(tmp_path: Path) -> None:
    deep = "[" * DEEPEST_JSON + "]" * DEEPEST_JSON
    (tmp_path / "a.json").write_text(deep)
    assert json.dumps(read_json(tmp_path / "a.json", limit=len(deep))) == deep
    with pytest.raises(ValueError, match="larger than 199 bytes"):
        read_json(tmp_path / "a.json", limit=len(deep) - 1)
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "absent.json")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[NaN]", "NaN is no number of JSON"),
        (b'{"a": -Infinity}', "-Infinity is no number of JSON"),
        (b"[1, 1e999]", "too large"),
        (b"-1e999", "too large"),
        (b'{"a": [18446744073709551616]}', "too large"),
        (b"-9223372036854775809", "too large"),
        (b"1" * 400, "too large"),
        (b"[" + b"9" * 400 + b".0]", "too large"),
        (b'["\\ud800"]', "half of a surrogate pair"),
        (b'{"\\uDFFF": 1}', "half of a surrogate pair"),
        (b"[" + b"[]," * MOST_GROUPS + b"1]", "lists and objects"),
        (b"[" + b"1," * (MOST_VALUES + 1) + b"1]", "values"),
    ],
    ids=lambda value: repr(value[:12]),
)
def test_what_could_not_be_written_again_or_fills_the_memory_is_a_value_error(
    tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize(
    "content", [b"", b"\xff", b"[NaN]", b'["\\ud800"]', b"[" + b"[]," * MOST_GROUPS + b"1]", b" " * 9]
)
def test_bytes_have_the_same_bounds(content: bytes) -> None:
    assert parse_json(b'{"a": 1}', limit=8) == {"a": 1}
    with pytest.raises(ValueError, match=r"."):
        parse_json(content, limit=8 if content.isspace() else 1 << 20)


def test_whole_pairs_and_large_numbers_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b'["\\ud83d\\ude00", 1e308, 18446744073709551615]')
    assert read_json(tmp_path / "a.json") == ["\U0001f600", 1e308, 18446744073709551615]
