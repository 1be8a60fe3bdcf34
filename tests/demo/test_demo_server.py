from __future__ import annotations

import gzip
import http.client
import socket
import threading

import pytest

from mnistbench.demo.server import DemoServer, open_server

FILES = {
    "index.html": b"<!doctype html>" + b"<p>page</p>" * 100,
    "app.mjs": b"export {};\n" * 50,
    "style.css": b"p {}\n" * 50,
    "demo.json": b"{}" * 50,
    "icon.svg": b"<svg/>" * 50,
    "licences.txt": b"words " * 50,
    "runtime/it.wasm": b"\0asm",
    "runtime/it.wasm.gz": gzip.compress(b"\0asm"),
    "models/lenet.onnx.gz": gzip.compress(b"model"),
}


@pytest.fixture
def server():
    with DemoServer(("127.0.0.1", 0), FILES) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(server, path, method="GET", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    try:
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("index.html", "text/html; charset=utf-8"),
        ("app.mjs", "text/javascript; charset=utf-8"),
        ("style.css", "text/css; charset=utf-8"),
        ("demo.json", "application/json"),
        ("icon.svg", "image/svg+xml"),
        ("licences.txt", "text/plain; charset=utf-8"),
        ("runtime/it.wasm", "application/wasm"),
        ("runtime/it.wasm.gz", "application/gzip"),
    ],
)
def test_each_file_with_its_type_and_the_policies(server, path, kind):
    answer, content = ask(server, f"/{path}")
    assert (answer.status, content) == (200, FILES[path])
    assert answer.headers["Content-Type"] == kind
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "Python" not in answer.headers["Server"]


@pytest.mark.parametrize("path", ["/", "/?x=1", "/index.html#top", "/%69ndex.html"])
def test_the_page_by_its_names(server, path):
    assert ask(server, path)[1] == FILES["index.html"]


@pytest.mark.parametrize(
    "path",
    [
        "/runtime",
        "/runtime/",
        "/../pyproject.toml",
        "/%2e%2e/%2e%2e/etc/passwd",
        "//etc/passwd",
        "/none",
        "/\\..\\x",
        "/%00",
    ],
)
def test_nothing_else_is_there(server, path):
    answer, content = ask(server, path)
    assert answer.status == 404
    assert b"no such file" in content
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_text_is_sent_compressed_to_who_takes_it(server):
    answer, content = ask(server, "/index.html", Accept_Encoding="br, gzip")
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert gzip.decompress(content) == FILES["index.html"]
    answer, content = ask(server, "/models/lenet.onnx.gz", Accept_Encoding="gzip")
    # It is a compressed file, not a compressed answer: the page unpacks it.
    assert answer.headers["Content-Encoding"] is None
    assert content == FILES["models/lenet.onnx.gz"]


def test_head_says_the_same_without_the_content(server):
    with_body, _ = ask(server, "/app.mjs")
    answer, content = ask(server, "/app.mjs", "HEAD")
    assert content == b""
    for name in ("Content-Length", "Content-Type", "ETag"):
        assert answer.headers[name] == with_body.headers[name]


def test_what_a_browser_has_already_is_not_sent_again(server):
    etag = ask(server, "/app.mjs")[0].headers["ETag"]
    answer, content = ask(server, "/app.mjs", If_None_Match=etag)
    assert (answer.status, content) == (304, b"")
    assert ask(server, "/app.mjs", If_None_Match='"other"')[0].status == 200


def test_other_methods_are_refused(server):
    assert ask(server, "/", "POST")[0].status == 501


def test_a_connection_that_hangs_up_or_talks_nonsense_is_no_trouble(server, capfd):
    for said in (b"", b"\0\xff\n\n", b"GET / HTTP/1.1\r\n"):
        with socket.create_connection(("127.0.0.1", server.server_port)) as connection:
            connection.sendall(said)
    assert ask(server, "/")[0].status == 200
    assert capfd.readouterr().err == ""


def test_the_next_free_port_is_taken_and_a_taken_one_is_an_error(server):
    taken = server.server_port
    with open_server("127.0.0.1", [taken, 0], FILES) as other:
        assert other.server_port not in (taken, 0)
        assert other.url == f"http://127.0.0.1:{other.server_port}/"
    with pytest.raises(OSError, match="in use"):
        open_server("127.0.0.1", [taken], FILES)


def test_every_address_is_reached_by_the_local_one():
    with DemoServer(("0.0.0.0", 0), FILES) as server:
        assert server.url.startswith("http://127.0.0.1:")


def test_ipv6_where_there_is_one():
    try:
        server = DemoServer(("::1", 0), FILES)
    except OSError:
        pytest.skip("no IPv6 here")
    with server:
        assert server.url == f"http://[::1]:{server.server_port}/"
