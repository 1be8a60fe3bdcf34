"""A file system whose N-th call fails: calls of this process on files below one folder are counted, and one refused.

What is patched are Python's own doors to the system, so that a failing write
leaves half of its bytes, as a full disk does. Knows nothing of what is written.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from unittest import mock


@dataclass(frozen=True)
class Fault:
    """An error of the system, and the kinds of call that it can hit."""

    name: str
    number: int
    kinds: frozenset[str]


_CHANGES = frozenset({"create", "write", "fsync", "replace", "mkdir"})
FAULTS = (
    Fault("no space", errno.ENOSPC, _CHANGES),
    Fault("I/O error", errno.EIO, _CHANGES | {"open", "read", "unlink"}),
    Fault("permission", errno.EACCES, frozenset({"create", "open", "replace", "mkdir", "unlink"})),
)


class FailingCalls:
    """While it is entered, the N-th call that a fault can hit fails.

    Args:
        folder: Only calls on paths below it count.
        fault: What happens.
        nth: Which call, from 1; 0 lets all pass and only counts them.
        persistent: Whether all that follow fail too.
    """

    def __init__(self, folder: Path, fault: Fault, nth: int, *, persistent: bool) -> None:
        self._top = os.path.realpath(folder)
        self._fault, self._nth, self._persistent = fault, nth, persistent
        self._stack = ExitStack()
        self.calls = 0
        self.failed: list[str] = []

    def __enter__(self) -> Self:
        patched: list[tuple[Any, str, Any]] = [
            (builtins, "open", self._open(builtins.open)),
            (io, "open", self._open(io.open)),
            (os, "open", self._os_open(os.open)),
            (os, "fsync", self._on("fsync", os.fsync)),
            (os, "write", self._os_write(os.write)),
            (os, "replace", self._on("replace", os.replace)),
            (os, "rename", self._on("replace", os.rename)),
            (os, "mkdir", self._on("mkdir", os.mkdir)),
            (os, "unlink", self._on("unlink", os.unlink)),
            (os, "remove", self._on("unlink", os.remove)),
        ]
        for owner, name, function in patched:
            self._stack.enter_context(mock.patch.object(owner, name, function))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    def error_at(self, kind: str, place: object) -> OSError | None:
        """Count a call; the error that it is to raise, if it is its turn."""
        if kind not in self._fault.kinds or not self._is_below(place):
            return None
        self.calls += 1
        if self.calls == self._nth or (self._persistent and 0 < self._nth < self.calls):
            self.failed.append(kind)
            # A path stands in the errors of calls that were given one, as the system's do.
            named = (place,) if isinstance(place, str | bytes | os.PathLike) else ()
            return OSError(self._fault.number, os.strerror(self._fault.number), *(os.fspath(one) for one in named))
        return None

    def _is_below(self, place: object) -> bool:
        try:
            path = os.readlink(f"/proc/self/fd/{place}") if isinstance(place, int) else os.fsdecode(place)
        except (OSError, TypeError):
            return False
        path = os.path.abspath(path)
        return path == self._top or path.startswith(self._top + os.sep)

    def _on(self, kind: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(place: Any, *args: Any, **keywords: Any) -> Any:
            error = self.error_at(kind, place)
            if error is not None:
                raise error
            return function(place, *args, **keywords)

        return call

    def _os_open(self, function: Callable[..., int]) -> Callable[..., int]:
        def call(place: Any, flags: int, *args: Any, **keywords: Any) -> int:
            error = self.error_at("create" if flags & os.O_CREAT else "open", place)
            if error is not None:
                raise error
            return function(place, flags, *args, **keywords)

        return call

    def _os_write(self, function: Callable[[int, Any], int]) -> Callable[[int, Any], int]:
        def call(descriptor: int, content: Any) -> int:
            error = self.error_at("write", descriptor)
            if error is not None:
                function(descriptor, bytes(content)[: len(content) // 2])
                raise error
            return function(descriptor, content)

        return call

    def _open(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(place: Any, mode: str = "r", *args: Any, **keywords: Any) -> Any:
            error = self.error_at("create" if set(mode) & set("wxa+") else "open", place)
            if error is not None:
                raise error
            stream = function(place, mode, *args, **keywords)
            return _Stream(stream, self) if self._is_below(place) else stream

        return call


class _Stream:
    """A stream whose reads and writes may fail."""

    def __init__(self, stream: Any, calls: FailingCalls) -> None:
        self._stream, self._calls = stream, calls

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def __iter__(self) -> Any:
        return iter(self._stream)

    def write(self, content: Any) -> Any:
        error = self._calls.error_at("write", self._stream.fileno())
        if error is not None:
            self._stream.write(content[: len(content) // 2])
            self._stream.flush()
            raise error
        return self._stream.write(content)

    def read(self, *args: Any) -> Any:
        return self._reading(self._stream.read, *args)

    def readinto(self, buffer: Any) -> Any:
        return self._reading(self._stream.readinto, buffer)

    def _reading(self, function: Callable[..., Any], *args: Any) -> Any:
        error = self._calls.error_at("read", self._stream.fileno())
        if error is not None:
            raise error
        return function(*args)
