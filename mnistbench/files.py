"""The only way this package writes a file, whole or not at all; and reads JSON that may be anything.

Knows nothing of what is written or read.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import gzip
import hashlib
import itertools
import json
import math
import os
import re
import secrets
import shutil
import stat
import time
import zlib
from pathlib import Path
from typing import Any

LARGEST_JSON = 32 << 20
"""Bytes; a run of ten thousand epochs is a tenth of it, so more is nothing of ours."""

DEEPEST_JSON = 100
"""Lists and objects inside each other; ours are a handful, and copying very many would end in a ``RecursionError``."""

MOST_GROUPS = 250_000
"""Lists and objects in one document; a run of the benchmark has some ten thousand."""

MOST_VALUES = 2_500_000
"""Values in one document, more than all samples that a run of the benchmark keeps."""

SECONDS_OF_A_TEMPORARY = 3600.0
"""Nothing of ours is written for so long; a temporary file that is older was left behind."""

_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{16}\.mnistbench\.tmp", re.DOTALL)


def atomic_write(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` so that no reader ever sees half of it.

    A unique temporary file in the same folder is written, flushed, synced and
    renamed over ``path``; several processes may do so at once and the last one
    wins. Missing parent folders are made. What killed processes left in the
    folder an hour ago and more is removed, once a process.

    Raises:
        OSError: When the folder cannot be written or the disk is full, or when
            ``path`` is a device, a pipe or a socket; it is then as it was before.
    """
    path = Path(os.path.realpath(path))  # a link stays a link; what it points to is replaced
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and not (path.is_file() or path.is_dir()):  # a folder refuses by itself
        raise OSError(errno.EEXIST, "it is a device or a pipe, which a file would take the place of", str(path))
    temporary = path.parent / temporary_name(path.name)
    try:
        with open(temporary, "xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):
            error.filename, error.filename2 = str(path), None  # no one asked for the temporary file
        raise
    _sync_folder(path.parent)
    sweep_once(path.parent)


def temporary_name(name: str) -> str:
    """A hidden name that nobody else has, for what is to be called ``name`` as soon as it is whole."""
    # A name may have 255 bytes, not letters; os.fsdecode keeps a letter that was cut in two.
    beginning = os.fsdecode(os.fsencode(name)[:200])
    return f".{beginning}.{secrets.token_hex(8)}.mnistbench.tmp"


def sweep(folder: Path) -> None:
    """Remove what writers of this package left half done in a folder, if it is older than an hour; never an error.

    Younger ones may belong to a process that is writing now. A clock that was
    set back only makes them stay longer.
    """
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if not _TEMPORARY.fullmatch(entry.name):
                continue
            with contextlib.suppress(OSError):
                found = entry.stat(follow_symlinks=False)
                if time.time() - found.st_mtime < SECONDS_OF_A_TEMPORARY:
                    continue
                if stat.S_ISDIR(found.st_mode):
                    shutil.rmtree(entry.path, ignore_errors=True)
                else:
                    os.unlink(entry.path)


sweep_once = functools.lru_cache(maxsize=256)(sweep)
""":func:`sweep`, but once a process for each folder: thousands of files may be written into one."""


def free_name(folder: Path, beginning: str, suffix: str) -> Path:
    """A name that no file in a folder has, and that no other process is given at the same time.

    Clocks are set back and several processes begin in one second, so that a moment
    is no name of one's own. The folder is made; the claim is swept later.

    Args:
        folder: Where the file is to be.
        beginning: Of the name; ``_2`` and so on are added where it is taken, so that names sort as they were given.
        suffix: Such as ``.json``.

    Raises:
        OSError: When the folder cannot be written; it names the folder.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number in itertools.count(1):
            path = folder / f"{beginning}{'' if number == 1 else f'_{number}'}{suffix}"
            claim = folder / f".{path.name}.{'0' * 16}.mnistbench.tmp"
            with contextlib.suppress(FileExistsError):
                os.close(os.open(claim, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
                if not path.exists():
                    return path
    except OSError as error:
        error.filename = str(folder)
        raise
    raise AssertionError("there is always one more number")


def path_in_results(path: str | os.PathLike[str]) -> str:
    """How results name a file: from the current folder on where it lies below, to tell no more of a machine."""
    whole, here = os.path.abspath(path), os.path.join(os.getcwd(), "")
    return whole.removeprefix(here)


def check_writable(folder: Path) -> None:
    """Make sure that files can be written into a folder, which is made.

    Raises:
        OSError: When they cannot; it names the folder.
    """
    probe = folder / temporary_name("writable")
    try:
        atomic_write(probe, b"")
        probe.unlink(missing_ok=True)
    except OSError as error:
        error.filename = str(folder)
        raise


def write_json(path: Path, document: Any) -> None:
    """Write ``document`` atomically as indented JSON that ends in a newline; compressed where the name ends in ``.gz``.

    Raises:
        ValueError: When ``document`` holds NaN or infinity, which JSON cannot say.
        OSError: As :func:`atomic_write`.
    """
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    atomic_write(path, compressed(path, (text + "\n").encode()))


def read_json(path: Path, limit: int = LARGEST_JSON) -> Any:
    """The document in a JSON file that anybody may have written; a name that ends in ``.gz`` means a compressed one.

    Args:
        path: The file.
        limit: No more bytes than this are taken, uncompressed.

    Raises:
        OSError: When the file cannot be read.
        ValueError: When it is larger than ``limit``, damaged, no JSON in UTF-8, nested too deeply, or has what
            :func:`write_json` could not write again: numbers that are not finite, half of a surrogate pair; or when
            a whole number in it has more than 64 bits.
    """
    return parse_json(_read_compressed(path, limit + 1) if is_compressed(path) else _read(path, limit + 1), limit)


def parse_json(content: bytes, limit: int = LARGEST_JSON) -> Any:
    """The document in JSON that anybody may have written and that came from elsewhere than a file.

    Args:
        content: The JSON, in UTF-8.
        limit: Bytes that it may have.

    Raises:
        ValueError: As :func:`read_json`.
    """
    if len(content) > limit:
        raise ValueError(f"it is larger than {limit} bytes")
    # Empty lists take twenty times the memory of their text.
    if content.count(b"[") + content.count(b"{") > MOST_GROUPS or content.count(b",") > MOST_VALUES:
        raise ValueError(
            f"it is nested too deeply, or has more than {MOST_GROUPS:,} lists and objects or {MOST_VALUES:,} values"
        )
    try:
        document = json.loads(content.decode(), parse_constant=_no_number, parse_int=_whole_number)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if b"\\ud" in content.lower():
        _check_text(document)
    level = [document]
    for _ in range(DEEPEST_JSON):
        floats = [value for value in level if type(value) is float]
        if floats and (max(floats) == math.inf or min(floats) == -math.inf):
            raise ValueError("a number in it is too large")
        outer = [
            value.values() if isinstance(value, dict) else value for value in level if isinstance(value, dict | list)
        ]
        level = [inner for values in outer for inner in values]
        if not level:
            return document
    raise ValueError("it is nested too deeply")


def is_compressed(path: Path) -> bool:
    """Whether a file's name says that its content is compressed with gzip."""
    return path.suffix == ".gz"


def compressed(path: Path, content: bytes) -> bytes:
    """The content of a file, compressed where its name says so; always the same for the same content."""
    return gzip.compress(content, mtime=0) if is_compressed(path) else content


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file, read in pieces.

    Raises:
        OSError: When the file cannot be read.
    """
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _whole_number(text: str) -> int:
    """A whole number of at most 64 bits: a larger one overflows wherever it becomes a float or leaves Python."""
    number = int(text) if len(text) <= 20 else 2**64
    if not -(2**63) <= number < 2**64:
        raise ValueError("a number in it is too large")
    return number


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number of JSON")


def _check_text(document: Any) -> None:
    """Refuse text that no file can hold."""
    try:
        json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"it has half of a surrogate pair: {error.object[error.start : error.end]!r}") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _read(path: Path, count: int) -> bytes:
    with path.open("rb") as stream:
        return stream.read(count)


def _read_compressed(path: Path, count: int) -> bytes:
    """So many bytes of the content and no more, however many there are."""
    try:
        with gzip.open(path) as stream:
            return stream.read(count)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"it is not what gzip writes: {error}") from None


def _sync_folder(folder: Path) -> None:
    """Make the rename itself survive a power cut, where the system allows it."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
