"""A session that runs in the limited process, and is called as one of onnxruntime is.

Whoever finds out how a model takes images, or asks it for answers, need not know
that it is elsewhere. Only timing must: each call goes through a pipe.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt

from mnistbench.errors import ModelError, ProcessError, error_named
from mnistbench.runtime.program import our_program
from mnistbench.runtime.untrusted.limits import Limits, require_limits
from mnistbench.runtime.untrusted.starting import start
from mnistbench.runtime.untrusted.wire import Arrays, WireError, decode, encode

SECONDS_TO_START = 60.0
"""For Python and its libraries, before anything of the model is read."""

SECONDS_TO_DIE = 10.0

_MOST_SECONDS_OF_A_POLL = 3600.0  # the system counts milliseconds in 32 bits


@dataclass(frozen=True)
class Argument:
    """An input or output, as onnxruntime describes one."""

    name: str
    type: str
    shape: list[int | str | None]


class UntrustedSession:
    """A model in a process of its own; what :func:`mnistbench.runtime.session.create_session` gives for one.

    Args:
        path: The ONNX file.
        settings: Those of the session, as a dictionary.
        limits: What the process may take.
        allow_external_data: Whether the file may name other files that hold its weights.

    Raises:
        ModelError: When it cannot be loaded.
        ProcessError: When its process ended, or gave no answer in time.
    """

    def __init__(
        self, path: Path, settings: Mapping[str, Any], limits: Limits, *, allow_external_data: bool = False
    ) -> None:
        require_limits()
        self._path, self._limits = path, limits
        self._lock = threading.Lock()
        program = our_program("mnistbench.runtime.untrusted.worker", limits.memory_bytes, limits.seconds)
        self._process = start(
            lambda: subprocess.Popen(  # noqa: S603  # our own program
                program.arguments,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=program.environment,
            )
        )
        self._end = weakref.finalize(self, _end, self._process)
        request = {"do": "load", "path": str(path.absolute()), "settings": dict(settings)}
        self._is_loaded = False
        answer, _ = self._ask(encode({**request, "allow_external_data": allow_external_data}))
        try:
            self._inputs, self._outputs = (_arguments(answer[key]) for key in ("inputs", "outputs"))
            self._providers = [str(name) for name in answer["providers"]]
        except (KeyError, TypeError, ValueError):
            raise self._ended("it gave a damaged answer") from None
        self._is_loaded = True

    def get_inputs(self) -> list[Argument]:
        """As onnxruntime's."""
        return self._inputs

    def get_outputs(self) -> list[Argument]:
        """As onnxruntime's."""
        return self._outputs

    def get_providers(self) -> list[str]:
        """As onnxruntime's."""
        return self._providers

    def run(self, outputs: Sequence[str], feed: Mapping[str, npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
        """As onnxruntime's.

        Raises:
            RuntimeError: What onnxruntime said there.
            ModelError: When an output is too large, or is none of numbers.
            ProcessError: When its process ended, or gave no answer in time.
        """
        try:
            request = encode({"do": "run", "outputs": list(outputs)}, feed)
        except WireError as error:
            raise ModelError(f"{self._path}: {error}") from None
        _, arrays = self._ask(request)
        if list(arrays) != list(outputs):
            raise self._ended("it gave other outputs than it was asked for")
        return [arrays[name] for name in outputs]

    def close(self) -> None:
        """End its process; nothing can be run any more."""
        self._end()

    def _seconds(self) -> float:
        """For which the next answer is waited."""
        return self._limits.seconds if self._is_loaded else SECONDS_TO_START + self._limits.seconds

    def _ask(self, request: bytes) -> tuple[dict[str, Any], Arrays]:
        seconds = self._seconds()
        with self._lock:
            if not self._end.alive:
                raise ProcessError(f"{self._path}: its process has ended; load it again")
            deadline = time.monotonic() + seconds
            try:
                answer, arrays = self._exchange(request, deadline)
            except TimeoutError:
                raise self._ended(f"it gave no answer within {seconds:.0f} s") from None
            except (EOFError, OSError):
                raise self._ended(self._how()) from None
            except WireError as error:
                raise self._ended(str(error)) from None
            except BaseException:
                self._end()  # what comes next would be the answer to this
                raise
        if "error" in answer:
            text, kind = str(answer["error"]), answer.get("type")
            raise RuntimeError(text) if kind == "run" else error_named(kind, text)
        return answer, arrays

    def _exchange(self, request: bytes, deadline: float) -> tuple[dict[str, Any], Arrays]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        into, out = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(into, False)
        view = memoryview(request)
        while view:
            _wait(into, select.POLLOUT, deadline)
            with contextlib.suppress(BlockingIOError):
                view = view[os.write(into, view[: 1 << 16]) :]

        def read(count: int) -> bytes:
            content = bytearray()
            while len(content) < count:
                _wait(out, select.POLLIN, deadline)
                part = os.read(out, min(count - len(content), 1 << 20))
                if not part:
                    raise EOFError
                content += part
            return bytes(content)

        return decode(read)

    def _how(self) -> str:
        """How the process ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=SECONDS_TO_DIE)
        status = self._process.returncode
        if status is None:
            return "it closed its pipe"
        return f"it ended by signal {-status}" if status < 0 else f"it ended with exit status {status}"

    def _ended(self, how: str) -> ProcessError:
        """The error to raise; the process is over."""
        self._end()
        step = "a call" if self._is_loaded else "to start and load"
        return ProcessError(
            f"{self._path}: the process that ran it untrusted is over: {how}; the file is damaged or hostile, or "
            f"needs more than {self._limits.memory_bytes >> 20:,} MiB or {self._seconds():.0f} s {step}"
        )


def _wait(descriptor: int, event: int, deadline: float) -> None:
    """Wait until a pipe can be read or written, or has been closed at its other end."""
    waiting = select.poll()  # not select(), which knows the first 1,024 descriptors of a process only
    waiting.register(descriptor, event)
    while (left := deadline - time.monotonic()) > 0:
        if waiting.poll(min(left, _MOST_SECONDS_OF_A_POLL) * 1000):
            return
    raise TimeoutError


def _arguments(described: Any) -> list[Argument]:
    found = []
    for name, kind, shape in described:
        if not isinstance(name, str) or not isinstance(kind, str):
            raise TypeError
        sizes = [size if isinstance(size, int | str) else None for size in shape]
        found.append(Argument(name, kind, sizes))
    return found


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=SECONDS_TO_DIE)
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
