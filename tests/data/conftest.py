"""A tiny dataset with a table of its own, and a local server that can misbehave."""

from __future__ import annotations

import gzip
import hashlib
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from mnistbench.data import DataFile, DatasetFiles

Respond = Callable[[BaseHTTPRequestHandler], None]


@dataclass(frozen=True)
class Tiny:
    """30 training and 20 test images: content by file name, and the table that describes it."""

    contents: dict[str, bytes]
    files: DatasetFiles

    def write(self, folder: Path, *, compress: bool = False) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in self.contents.items():
            if compress:
                (folder / f"{name}.gz").write_bytes(gzip.compress(content))
            else:
                (folder / name).write_bytes(content)
        return folder


def make_tiny(seed: int) -> Tiny:
    rng = np.random.default_rng(seed)
    contents = {}
    for part, count in (("train", 30), ("t10k", 20)):
        pixels = rng.integers(0, 256, size=(count, 28, 28), dtype=np.uint8)
        labels = rng.permutation(np.arange(count) % 10).astype(np.uint8)
        contents[f"{part}-images-idx3-ubyte"] = struct.pack(">4I", 0x803, count, 28, 28) + pixels.tobytes()
        contents[f"{part}-labels-idx1-ubyte"] = struct.pack(">2I", 0x801, count) + labels.tobytes()
    described = [
        DataFile(name, "images" if "images" in name else "labels", len(content), hashlib.sha256(content).hexdigest())
        for name, content in contents.items()
    ]
    return Tiny(contents, DatasetFiles("mnist", *described))


@pytest.fixture(scope="session")
def tiny() -> Tiny:
    return make_tiny(0)


@pytest.fixture(scope="session")
def other() -> Tiny:
    """In the same format with the same file names, but another dataset."""
    return make_tiny(1)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@dataclass
class Server:
    """Answers paths as told; everything else is a 404."""

    url: str
    routes: dict[str, Respond] = field(default_factory=dict)
    requested: list[str] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    def mirror(self, name: str, tiny: Tiny, respond: Callable[[bytes], Respond]) -> str:
        """Serve every file of ``tiny`` under ``/name/`` and return that address."""
        for file, content in tiny.contents.items():
            self.routes[f"/{name}/{file}.gz"] = respond(gzip.compress(content))
        return f"{self.url}/{name}/"


def respond_with(body: bytes, *, status: int = 200, claimed_length: int | None = None) -> Respond:
    def respond(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body) if claimed_length is None else claimed_length))
        handler.end_headers()
        handler.wfile.write(body)

    return respond


@pytest.fixture
def answer() -> Callable[..., Respond]:
    return respond_with


@pytest.fixture
def server() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.requested.append(self.path)
            respond = state.routes.get(self.path, respond_with(b"no such file", status=404))
            try:
                respond(self)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state = Server(f"http://127.0.0.1:{httpd.server_port}")
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield state
    state.closing.set()
    httpd.shutdown()
    thread.join()
    httpd.server_close()
