"""Makes damaged and hostile files of sound ones: the same seed always gives the same.

Knows bytes and JSON; nothing of what a file means.
"""

from __future__ import annotations

import gzip
import json
import math
import struct
from collections.abc import Callable
from random import Random
from typing import Any

BOUNDARIES = (
    0,
    1,
    -1,
    0x7F,
    0xFF,
    0x100,
    0x7FFF,
    0xFFFF,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
    2**53,
    2**63 - 1,
    2**64 - 1,
)
"""Numbers that lengths and sizes are lied about with."""

MAGICS = (
    b"\x1f\x8b",
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff\xe0",
    b"GIF89a",
    b"BM",
    b"II*\0",
    b"MM\0*",
    b"RIFF\xff\xff\xff\xffWEBP",
    b"P5\n9999 9999\n255\n",
    b"P6 1 ",
    b"%PDF-1.7",
    b"PK\x03\x04",
    b"<!DOCTYPE html>",
    b"<svg",
    b"\x00\x00\x08\x03",
    b"\x00\x00\x08\x01",
    b"\x80\x04\x95",
    b'{"',
    b"\x08\x08",
)


def mutate_bytes(content: bytes, chance: Random) -> bytes:
    """One to four changes of bytes."""
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        content = chance.choice(_CHANGES)(content, chance)
    return content


def mutate_gzip(content: bytes, chance: Random) -> bytes:
    """Damage a compressed file, or compress a damaged one, so that its sum is right."""
    if chance.random() < 0.5:
        return mutate_bytes(gzip.compress(content, 1, mtime=0), chance)
    inner = mutate_bytes(content, chance)
    if chance.random() < 0.05:
        inner += bytes(chance.choice((1 << 20, 1 << 26)))
    return gzip.compress(inner, 1, mtime=0)


def mutate_json(content: bytes, chance: Random) -> bytes:
    """Change values, keys and types of a document, and now and then its bytes."""
    if chance.random() < 0.25:
        return mutate_bytes(content, chance)
    document = json.loads(content)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        document = _changed(document, chance)
    text = json.dumps(document, allow_nan=True)
    if chance.random() < 0.05:
        text = text.replace(":", ": " + "[" * chance.choice((99, 101, 5000)), 1)
    return text.encode(errors="surrogatepass")


def _flip(content: bytes, chance: Random) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 8)) if changed else 0):
        changed[_place(content, chance)] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _scatter(content: bytes, chance: Random) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.choice((1, 4, 16)) if changed else 0):
        changed[_place(content, chance)] = chance.randrange(256)
    return bytes(changed)


def _cut(content: bytes, chance: Random) -> bytes:
    return content[: chance.randrange(len(content) + 1)]


def _insert(content: bytes, chance: Random) -> bytes:
    at = _place(content, chance)
    return content[:at] + chance.randbytes(chance.choice((1, 4, 100))) + content[at:]


def _repeat(content: bytes, chance: Random) -> bytes:
    begin = _place(content, chance)
    part = content[begin : begin + chance.choice((1, 8, 64, 1024))]
    return content[:begin] + part * chance.choice((2, 3, 50)) + content[begin + len(part) :]


def _remove(content: bytes, chance: Random) -> bytes:
    begin = _place(content, chance)
    return content[:begin] + content[begin + chance.choice((1, 4, 64, 1024)) :]


def _lie(content: bytes, chance: Random) -> bytes:
    """Another number where one may stand: fixed in width, in either order, or a varint."""
    at = _place(content, chance)
    number = chance.choice(BOUNDARIES)
    layout = chance.choice((">I", "<I", ">H", "<H", ">Q", "<Q", "varint"))
    if layout == "varint":
        number, part = number % 2**64, b""
        while number > 0x7F:
            part += bytes([number & 0x7F | 0x80])
            number >>= 7
        part += bytes([number])
        return content[:at] + part + content[at + 1 :]
    part = struct.pack(layout, number % (1 << 8 * struct.calcsize(layout)))
    return content[:at] + part + content[at + len(part) :]


def _other_magic(content: bytes, chance: Random) -> bytes:
    magic = chance.choice(MAGICS)
    return magic + content[len(magic) if chance.random() < 0.5 else 0 :]


_CHANGES: tuple[Callable[[bytes, Random], bytes], ...] = (
    _flip,
    _flip,
    _scatter,
    _cut,
    _insert,
    _repeat,
    _remove,
    _lie,
    _lie,
    _other_magic,
)


def _place(content: bytes, chance: Random) -> int:
    """A position; headers stand in front, so half of all are there."""
    length = len(content) if chance.random() < 0.5 else min(len(content), 256)
    return chance.randrange(length) if length else 0


_STRANGE: tuple[Callable[[Random], Any], ...] = (
    lambda _: None,
    lambda _: True,
    lambda _: [],
    lambda _: {},
    lambda _: "",
    lambda _: math.nan,
    lambda _: math.inf,
    lambda _: -0.0,
    lambda chance: chance.choice(BOUNDARIES),
    lambda chance: -chance.choice(BOUNDARIES),
    lambda chance: 10 ** chance.choice((20, 308, 400, 4000)),
    lambda chance: chance.random() * 10.0 ** chance.randrange(-300, 300),
    lambda chance: chance.choice(
        ("x" * 100_000, "\0", "../../../etc/passwd", "/etc/passwd", "\ud800", "a\nb", "\x1b[31m")
    ),
    lambda chance: chance.choice(("NaN", "1", "cuda", "<script>", "%s%n", "\u202e", "nul")),
    lambda chance: [chance.random()] * 1000,
    lambda chance: [{"name": chance.random()}],
    lambda _: _nested(50),
    lambda _: _nested(98),
)


def _nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def _changed(document: Any, chance: Random) -> Any:
    """The document with one value, somewhere in it, changed."""
    places = _places(document)
    if not places:
        return chance.choice(_STRANGE)(chance)
    container, key = chance.choice(places)
    what = chance.random()
    if what < 0.15:
        del container[key]
    elif what < 0.25 and isinstance(container, dict):
        container[chance.choice((f"{key}x", "", "kind", "name"))] = container.pop(key)
    elif what < 0.35:
        other, other_key = chance.choice(places)
        container[key] = json.loads(json.dumps(other[other_key]))
    elif what < 0.5 and type(container[key]) in (int, float):
        container[key] = container[key] * chance.choice((-1, 0, 2, 0.5, 1e9, 10**15))
    else:
        container[key] = chance.choice(_STRANGE)(chance)
    return document


def _places(document: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    level = [document]
    while level:
        value = level.pop()
        keys = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
        for key in keys:
            found.append((value, key))
            level.append(value[key])
    return found
