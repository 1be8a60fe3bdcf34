"""Fetching files from HTTPS mirrors: the next mirror on any failure, never a long wait.

Knows what a file must be and who may have it; where it is kept is the caller's
affair.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from mnistbench.data.folder import GZIP_SLACK_BYTES, unpack
from mnistbench.data.sources import DataFile
from mnistbench.errors import DataError


@dataclass(frozen=True)
class Timeouts:
    """How long a download may take before the next source is tried."""

    connect_seconds: float = 5.0
    """To reach the host."""
    read_seconds: float = 10.0
    """Without a byte arriving."""
    file_seconds: float = 300.0
    """For one whole file, however steadily it trickles in."""


DEFAULT_TIMEOUTS = Timeouts()


class _Unreachable(Exception):  # noqa: N818 -- an answer to the caller below, not an error of the package
    """The host does not answer, or not in time; it is not worth asking again."""


def fetch_from_mirrors(
    files: Iterable[DataFile],
    *,
    mirrors: Sequence[str],
    keep: Callable[[DataFile, bytes | bytearray], None],
    on_progress: Callable[[str], None],
    timeouts: Timeouts = DEFAULT_TIMEOUTS,
) -> list[str]:
    """Fetch each file from the first mirror that has it intact.

    Args:
        files: What to fetch.
        mirrors: Addresses of folders that serve ``NAME.gz``, in order.
        keep: Given each file's verified, decompressed content as soon as it is there.
        on_progress: Given one line of text before each download.
        timeouts: When to give up on a mirror.

    Returns:
        Why mirrors failed, one entry for each that did; empty when none did.
    """
    failures: dict[str, list[str]] = {}
    silent: set[str] = set()
    for file in files:
        for mirror in mirrors:
            if mirror in silent:
                continue
            on_progress(f"downloading {file.name} from {urlsplit(mirror).netloc}")
            try:
                content = unpack(_download(file, mirror, timeouts), max_bytes=file.size_bytes)
                file.verify(content)
            except _Unreachable as error:
                silent.add(mirror)
                failures.setdefault(mirror, []).append(str(error))
            except DataError as error:
                failures.setdefault(mirror, []).append(f"{file.name}.gz {error}")
            else:
                keep(file, content)
                break
    return [f"{mirror}: {_summary(reasons)}" for mirror, reasons in failures.items()]


def _summary(reasons: list[str]) -> str:
    return reasons[0] if len(reasons) == 1 else f"{reasons[0]} (and {len(reasons) - 1} more)"


def _download(file: DataFile, mirror: str, timeouts: Timeouts) -> bytes:
    """The bytes a mirror sends for a file, unchecked.

    It runs in a thread of its own, because neither a name that does not resolve
    nor a server that sends a byte now and then is stopped by a socket's timeout.
    """
    sink = _Sink(max_bytes=file.size_bytes + GZIP_SLACK_BYTES)
    outcome: list[BaseException | None] = []

    def work() -> None:
        try:
            _get(f"{mirror.rstrip('/')}/{file.name}.gz", sink, timeouts)
            outcome.append(None)
        except BaseException as error:  # noqa: BLE001 -- whatever it is, it is handed to the waiting thread
            outcome.append(error)
        finally:
            sink.answered.set()

    deadline = time.monotonic() + timeouts.file_seconds
    thread = threading.Thread(target=work, name=f"download {file.name}", daemon=True)
    thread.start()
    if sink.answered.wait(min(timeouts.connect_seconds + timeouts.read_seconds, timeouts.file_seconds)):
        thread.join(max(0.0, deadline - time.monotonic()))
    if not outcome:
        sink.abandoned = True
        raise _Unreachable("does not answer, or too slowly")
    if outcome[0] is not None:
        raise _as_reason(outcome[0])
    return bytes(sink.content)


def _get(url: str, sink: _Sink, timeouts: Timeouts) -> None:
    import pooch  # slow to import, and needed once in the life of a machine

    responses: list[Any] = []
    downloader = pooch.HTTPDownloader(
        chunk_size=64 * 1024,
        timeout=(timeouts.connect_seconds, timeouts.read_seconds),
        # The file as it is: a server's own compression on top would only be undone again.
        headers={"Accept-Encoding": "identity"},
        hooks={"response": lambda response, *_, **__: responses.append(response)},
    )
    try:
        downloader(url, sink, None)
    finally:
        for response in responses:
            response.close()


def _as_reason(error: BaseException) -> Exception:
    """What a failed request says about the mirror."""
    if isinstance(error, DataError):
        return error
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status is not None:
        return DataError(f"is not there (HTTP status {status})")
    # Everything else that requests raises is an OSError: no connection, no answer, or one that broke off.
    if isinstance(error, OSError):
        return _Unreachable(f"no usable answer ({type(error).__name__})")
    return _Unreachable(f"the download failed ({type(error).__name__}: {error})"[:200])


class _Sink:
    """What the downloader writes to: bounded, and deaf once nobody waits for it."""

    def __init__(self, max_bytes: int) -> None:
        self.content = bytearray()
        self.answered = threading.Event()
        self.abandoned = False
        self._max_bytes = max_bytes

    def write(self, chunk: bytes) -> None:
        self.answered.set()
        self.content += chunk
        if self.abandoned or len(self.content) > self._max_bytes:
            raise DataError(f"is longer than the {self._max_bytes} bytes expected")

    def flush(self) -> None:
        """The downloader calls it; there is nothing to flush."""
