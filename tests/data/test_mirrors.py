from __future__ import annotations

import gzip
import socket

import pytest

from mnistbench.data.mirrors import Timeouts, fetch_from_mirrors

QUICK = Timeouts(connect_seconds=0.3, read_seconds=0.3, file_seconds=0.6)


def fetch(tiny, mirrors, **options):
    kept, progress = {}, []
    reasons = fetch_from_mirrors(
        list(tiny.files),
        mirrors=mirrors,
        keep=lambda file, content: kept.update({file.name: bytes(content)}),
        on_progress=progress.append,
        **options,
    )
    return kept, reasons, progress


@pytest.fixture
def good(server, tiny, answer):
    return server.mirror("good", tiny, answer)


def test_a_good_mirror_gives_everything(tiny, good):
    kept, reasons, progress = fetch(tiny, [good])
    assert kept == tiny.contents
    assert reasons == []
    assert len(progress) == 4
    assert progress[0].startswith("downloading train-images-idx3-ubyte from 127.0.0.1:")


def test_a_mirror_may_serve_the_files_decompressed(server, tiny, answer):
    mirror = server.mirror("plain", tiny, lambda packed: answer(gzip.decompress(packed)))
    assert fetch(tiny, [mirror])[0] == tiny.contents


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing", "HTTP status 404"),
        ("html", "bytes long decompressed; expected"),
        ("wrong", "has the SHA-256"),
        ("cut", "is cut short"),
        ("broken_off", "no usable answer"),
        ("bomb", "decompresses to more than"),
    ],
)
def test_the_next_mirror_follows_any_failure(server, tiny, other, good, answer, name, reason):
    bad = {
        "missing": lambda: f"{server.url}/missing/",
        "html": lambda: server.mirror("html", tiny, lambda _: answer(b"<!DOCTYPE html><p>Sign in")),
        "wrong": lambda: server.mirror("wrong", other, answer),
        "cut": lambda: server.mirror("cut", tiny, lambda packed: answer(packed[:-9])),
        "broken_off": lambda: server.mirror(
            "broken_off", tiny, lambda packed: answer(packed[:-9], claimed_length=len(packed))
        ),
        "bomb": lambda: server.mirror("bomb", tiny, lambda _: answer(gzip.compress(bytes(1_000_000)))),
    }[name]()
    kept, reasons, _ = fetch(tiny, [bad, good])
    assert kept == tiny.contents
    assert len(reasons) == 1
    assert reasons[0].startswith(bad)
    assert reason in reasons[0]


def test_a_mirror_that_never_stops_sending_is_cut_off(server, tiny, good):
    def send_for_ever(handler):
        handler.send_response(200)
        handler.end_headers()
        while not server.closing.is_set():
            handler.wfile.write(bytes(65_536))

    endless = server.mirror("endless", tiny, lambda _: send_for_ever)
    kept, reasons, _ = fetch(tiny, [endless, good], timeouts=Timeouts(file_seconds=20.0))
    assert kept == tiny.contents
    assert "longer than the" in reasons[0]


def test_a_mirror_that_never_answers_is_asked_once(server, tiny, good):
    silent = server.mirror("silent", tiny, lambda _: lambda handler: server.closing.wait())
    kept, reasons, _ = fetch(tiny, [silent, good], timeouts=QUICK)
    assert kept == tiny.contents
    assert len(reasons) == 1
    assert [path for path in server.requested if path.startswith("/silent/")] == ["/silent/train-images-idx3-ubyte.gz"]


def test_a_mirror_that_trickles_is_given_up(server, tiny, good):
    def trickle(handler):
        handler.send_response(200)
        handler.end_headers()
        # Often enough that no timeout of the socket ever passes.
        while not server.closing.wait(0.02):
            handler.wfile.write(b"\x1f")

    trickling = server.mirror("trickling", tiny, lambda _: trickle)
    kept, reasons, _ = fetch(tiny, [trickling, good], timeouts=QUICK)
    assert kept == tiny.contents
    assert "too slowly" in reasons[0]


def test_a_host_that_cannot_be_reached_is_asked_once(tiny):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}/"
    kept, reasons, progress = fetch(tiny, [address])
    assert kept == {}
    assert len(progress) == 1
    assert reasons == [f"{address}: no usable answer (ConnectionError)"]


def test_four_failures_of_one_mirror_are_one_reason(server, tiny):
    _, reasons, _ = fetch(tiny, [f"{server.url}/missing/"])
    assert len(reasons) == 1
    assert reasons[0].endswith("train-images-idx3-ubyte.gz is not there (HTTP status 404) (and 3 more)")


def test_an_address_that_is_none_is_a_reason_too(tiny):
    kept, reasons, _ = fetch(tiny, ["not an address"])
    assert kept == {}
    assert reasons[0].startswith("not an address: ")
