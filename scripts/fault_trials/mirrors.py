"""Mirrors that misbehave in every way, on a local server, before one that does not."""

from __future__ import annotations

import contextlib
import gzip
import os
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from kill_train_all import write_dataset

from fault_trials.commands import temporaries, visible
from fault_trials.digits import NAMES, described
from mnistbench.data import load_dataset
from mnistbench.data.mirrors import Timeouts
from mnistbench.errors import DataError

TIMEOUTS = Timeouts(connect_seconds=1.0, read_seconds=1.0, file_seconds=2.5)
MOST_SECONDS = 30.0
"""For four files of a mirror that is given up after the first, on a machine that has other work."""

Answer = Callable[[BaseHTTPRequestHandler, bytes, threading.Event], None]


def _send(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, **headers: str) -> None:
    handler.send_response(status)
    for name, value in ({"Content_Length": str(len(body))} | headers).items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def _slow(handler: BaseHTTPRequestHandler, body: bytes, closing: threading.Event) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    for position in range(len(body)):
        handler.wfile.write(body[position : position + 1])
        if closing.wait(0.05):
            return


def _silent(_handler: BaseHTTPRequestHandler, _body: bytes, closing: threading.Event) -> None:
    closing.wait()


def _endless(handler: BaseHTTPRequestHandler, _body: bytes, closing: threading.Event) -> None:
    handler.send_response(200)
    handler.end_headers()
    while not closing.is_set():
        handler.wfile.write(bytes(1 << 16))


def _flipped(body: bytes) -> bytes:
    content = bytearray(gzip.decompress(body))
    content[-1] ^= 1
    return gzip.compress(bytes(content), 1)


MIRRORS: dict[str, Answer] = {
    "wrong hash": lambda handler, body, _: _send(handler, _flipped(body)),
    "404": lambda handler, _body, _: _send(handler, b"not here", 404),
    "500": lambda handler, _body, _: _send(handler, b"trouble", 500),
    "slow": _slow,
    "never answers": _silent,
    "never ends": _endless,
    "truncated": lambda handler, body, _: _send(handler, body[: len(body) // 2]),
    "breaks off": lambda handler, body, _: _send(handler, body[: len(body) // 2], Content_Length=str(len(body))),
    "HTML": lambda handler, _body, _: _send(handler, b"<!DOCTYPE html><p>Sign in", Content_Type="text/html"),
    "nothing": lambda handler, _body, _: _send(handler, b""),
    "redirects for ever": lambda handler, _body, _: _send(handler, b"", 302, Location=handler.path),
    "redirects to a file": lambda handler, _body, _: _send(handler, b"", 302, Location="file:///etc/passwd"),
    "grows without end": lambda handler, _body, _: _send(handler, gzip.compress(bytes(1 << 26), 1)),
    "another file": lambda handler, _body, _: _send(handler, gzip.compress(b"other" * 100)),
    "bad encoding": lambda handler, body, _: _send(handler, body[2:], Content_Encoding="gzip"),
}


@contextlib.contextmanager
def serving(digits: Path) -> Iterator[str]:
    """A server that answers ``/KIND/FILE.gz`` as :data:`MIRRORS` say, and ``/good/FILE.gz`` as it should."""
    closing = threading.Event()
    bodies = {name: gzip.compress((digits / name).read_bytes(), 1) for name in NAMES}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _, kind, file = self.path.split("/")
            body = bodies[file.removesuffix(".gz")]
            with contextlib.suppress(OSError):
                if kind == "good":
                    _send(self, body)
                else:
                    MIRRORS[kind.replace("_", " ")](self, body, closing)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        with mock.patch.dict(os.environ, {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}):
            yield f"http://127.0.0.1:{server.server_port}"
    finally:
        closing.set()
        server.shutdown()
        thread.join()
        server.server_close()


def try_mirrors(folder: Path) -> Iterator[dict[str, Any]]:
    """A record for each kind of mirror alone, before a good one, and for all of them in a row."""
    digits = write_dataset(folder / "digits", 0, {"train": 30, "t10k": 20})
    with serving(digits) as url:
        good = f"{url}/good/"
        kinds = [(kind, [f"{url}/{kind.replace(' ', '_')}/"]) for kind in MIRRORS]
        every = [address for _, addresses in kinds for address in addresses]
        for number, (kind, addresses) in enumerate([*kinds, ("all of these", every)]):
            problems = _try(folder / f"{number}-before", digits, [*addresses, good], len(addresses), expect=True)
            problems += _try(folder / f"{number}-alone", digits, addresses, len(addresses), expect=False)
            yield {"mirror": kind, "tries": 2, "problems": problems}


def _try(folder: Path, digits: Path, mirrors: list[str], num_bad: int, *, expect: bool) -> list[str]:
    problems = []
    begin = time.monotonic()
    try:
        found = load_dataset(
            cache_dir=folder, files=described(digits), mirrors=mirrors, use_npm=False, timeouts=TIMEOUTS
        )
    except DataError as error:
        if expect:
            problems.append(f"the good mirror was not reached: {error}")
        problems += [f"the message does not name {mirror}" for mirror in mirrors if mirror not in str(error)]
    else:
        if not expect:
            problems.append("data came from a bad mirror")
        if not np.array_equal(found.train_images, load_dataset(digits).train_images):
            problems.append("the images are others")
    seconds = time.monotonic() - begin
    if seconds > MOST_SECONDS * num_bad:
        problems.append(f"it took {seconds:.1f} s")
    kept = {path.name: path.read_bytes() for path in visible(folder)} if folder.exists() else {}
    wanted = {name: (digits / name).read_bytes() for name in NAMES} if expect else {}
    if kept != wanted:
        problems.append(f"the cache holds {sorted(kept)}")
    return problems + [f"{path.name} stays behind" for path in (temporaries(folder) if folder.exists() else ())]
