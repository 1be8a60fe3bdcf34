"""Serves files that are in memory: no folder stands behind it, so that no path leads out of one.

Knows nothing of what the files are.
"""

from __future__ import annotations

import gzip
import hashlib
import socket
import socketserver
import sys
import urllib.parse
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import PurePosixPath

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".gz": "application/gzip",
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".onnx": "application/octet-stream",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
}

POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""As in the page itself, and nobody may frame it; WebAssembly is compiled, JavaScript in strings never."""

COMMON = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}

_ON_THIS_MACHINE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 -- compared with, not bound to
"""What an address that stands for every one of this machine's can be reached by."""

TIMEOUT_SECONDS = 30.0
"""After which a connection that says nothing is closed."""


@dataclass(frozen=True)
class _Resource:
    content: bytes
    packed: bytes | None
    kind: str
    etag: str


class DemoServer(ThreadingHTTPServer):
    """Answers GET and HEAD for some files; ``/`` is ``index.html``.

    Args:
        address: Host and port; port 0 takes a free one.
        files: Content by path without a leading slash.
        on_request: Given a line for each request; nobody hears of them by default.

    Raises:
        OSError: When the address cannot be had.
    """

    # Another program on the port is an error; on Windows two would share it.
    allow_reuse_address = sys.platform != "win32"

    def __init__(
        self,
        address: tuple[str, int],
        files: Mapping[str, bytes],
        *,
        on_request: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.address_family = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)[0][0]
        self.resources = {f"/{path}": _resource(path, content) for path, content in files.items()}
        self.resources["/"] = self.resources["/index.html"]
        self.on_request = on_request
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Take the address, without asking a name server for its name as the standard library does."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    @property
    def url(self) -> str:
        """Where the page is, for a browser on this machine."""
        host = _ON_THIS_MACHINE.get(self.server_name, self.server_name)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.server_port}/"

    def handle_error(self, request: object, client_address: object) -> None:
        """Pass over a browser that hangs up: no traceback for a page that was closed."""


def open_server(host: str, ports: Iterable[int], files: Mapping[str, bytes]) -> DemoServer:
    """A server on the first of some ports that is free.

    Raises:
        OSError: When none is, or the host cannot be used; the reason of the last.
    """
    reason: OSError | None = None
    for port in ports:
        try:
            return DemoServer((host, port), files)
        except OSError as error:
            reason = error
    assert reason is not None, "there is a port at least"
    raise reason


def _resource(path: str, content: bytes) -> _Resource:
    kind = TYPES.get(PurePosixPath(path).suffix, "application/octet-stream")
    is_text = kind.startswith("text/") or kind in ("application/json", "image/svg+xml")
    packed = gzip.compress(content, mtime=0) if is_text else None
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    return _Resource(content, packed, kind, etag)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = TIMEOUT_SECONDS
    server: DemoServer

    def do_GET(self) -> None:
        """A file, or that there is none."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """What GET would say of a file."""
        self._answer(with_body=False)

    def version_string(self) -> str:
        """Who answers; not which Python."""
        return "mnistbench"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class calls it so
        """Tell whoever listens."""
        self.server.on_request(format % args)

    def _answer(self, *, with_body: bool) -> None:
        found = self.server.resources.get(urllib.parse.unquote(urllib.parse.urlsplit(self.path).path))
        if found is None:
            self._send(
                HTTPStatus.NOT_FOUND, b"There is no such file here.\n", with_body, {"Content-Type": TYPES[".txt"]}
            )
            return
        named = {"ETag": found.etag, "Vary": "Accept-Encoding"}
        if found.etag in self.headers.get("If-None-Match", ""):
            self._send(HTTPStatus.NOT_MODIFIED, None, with_body, named)
            return
        content = found.content
        named["Content-Type"] = found.kind
        if found.packed is not None and "gzip" in self.headers.get("Accept-Encoding", ""):
            content = found.packed
            named["Content-Encoding"] = "gzip"
        self._send(HTTPStatus.OK, content, with_body, named)

    def _send(self, status: HTTPStatus, content: bytes | None, with_body: bool, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**COMMON, **headers}.items():
            self.send_header(name, value)
        if content is not None:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if with_body and content is not None:
            self.wfile.write(content)
