"""The page in a real Chromium where something is missing, and on servers of other kinds."""

from __future__ import annotations

import functools
import http.server

import pytest
from page_actions import MOST_BYTES, SEVEN, served, spoken, stroke

from mnistbench.demo.server import DemoServer
from mnistbench.embed.folder import write_folder

pytestmark = pytest.mark.slow


def test_webgpu_that_is_not_there_is_said_and_webassembly_stays(browser, url):
    with browser.page(complaint="No available adapters") as page:
        page.open(url)
        page.evaluate(
            "(() => { const choice = document.querySelector('#engine'); choice.value = 'webgpu';"
            "choice.dispatchEvent(new Event('change')); })()"
        )
        page.wait_for("!document.querySelector('#problem').hidden && !document.querySelector('#engine').disabled")
        assert "WebGPU cannot be used here" in page.text("#problem")
        assert page.evaluate("document.querySelector('#engine').value") == "wasm"
        assert not any("webgpu" in request for request in page.requests())
        stroke(page, SEVEN)
        spoken(page, "7. ")


class MarksCompressed(http.server.SimpleHTTPRequestHandler):
    """As some servers do: what ends in .gz is called a compressed answer."""

    def end_headers(self):
        if self.path.endswith(".gz"):
            self.send_header("Content-Encoding", "gzip")
        super().end_headers()

    def log_message(self, format, *args):  # noqa: A002
        pass


class Dumb(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format, *args):  # noqa: A002
        pass


@pytest.mark.parametrize("handler", [Dumb, MarksCompressed])
def test_the_written_files_work_on_any_static_server_below_a_path(browser, site, tmp_path, handler):
    write_folder(tmp_path / "some" / "where", site.files)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, directory=tmp_path))
    with served(server), browser.page() as page:
        page.open(f"http://127.0.0.1:{server.server_port}/some/where/")
        assert page.received_bytes() <= MOST_BYTES
        stroke(page, SEVEN)
        spoken(page, "7. ", "All 4")


def test_a_network_that_does_not_come_is_said(browser, site):
    files = {path: content for path, content in site.files.items() if "256-128" not in path}
    with served(DemoServer(("127.0.0.1", 0), files)) as server, browser.page(complaint="404") as page:
        page.open(server.url)
        stroke(page, SEVEN)
        spoken(page, "7. ", "All 3 networks agree")
        page.wait_for("!document.querySelector('#problem').hidden")
        assert "404" in page.text("#problem")
