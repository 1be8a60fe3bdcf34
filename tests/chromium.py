"""A Chromium without a window, driven through pipes by its DevTools protocol; the standard library only."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import queue
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from needed import need, need_browser

LIMIT_SECONDS = 90.0
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--remote-debugging-pipe",
)


class Chromium:
    """A running browser. ``send`` is a command of the protocol; events are told to every page."""

    def __init__(self, read: int, write: int) -> None:
        self._out = os.fdopen(write, "wb", buffering=0)
        self._in = os.fdopen(read, "rb")
        self._answers: dict[int, queue.Queue[dict[str, Any]]] = {}
        self._number = 0
        self.pages: dict[str, Page] = {}
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def close(self) -> None:
        """After the browser has ended."""
        self._listener.join(timeout=LIMIT_SECONDS)
        self._in.close()
        self._out.close()

    def send(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        self._number += 1
        number = self._number
        self._answers[number] = queue.Queue()
        message = {"id": number, "method": method, "params": params} | ({"sessionId": session} if session else {})
        self._out.write(json.dumps(message).encode() + b"\0")
        answer = self._wait(number)
        assert "error" not in answer, (method, answer["error"])
        return answer["result"]

    def _wait(self, number: int) -> dict[str, Any]:
        try:
            return self._answers[number].get(timeout=LIMIT_SECONDS)
        except queue.Empty:
            raise AssertionError("the browser does not answer") from None
        finally:
            del self._answers[number]

    def _listen(self) -> None:
        buffer = b""
        with contextlib.suppress(ValueError, OSError):
            while piece := self._in.read1(1 << 16):
                *messages, buffer = (buffer + piece).split(b"\0")
                for message in map(json.loads, messages):
                    if "id" in message:
                        self._answers[message["id"]].put(message)
                    elif (page := self.pages.get(message.get("sessionId", ""))) is not None:
                        page.events.append((message["method"], message["params"]))

    @contextlib.contextmanager
    def page(
        self,
        *,
        width: int = 1280,
        height: int = 900,
        mobile: bool = False,
        dark: bool = False,
        complaint: str = "",
    ) -> Iterator[Page]:
        """A tab with a profile of its own.

        The test fails on what is not caught in it, and on complaints but those with the text ``complaint``, which is
        for pages from which something is withheld.
        """
        context = self.send("Target.createBrowserContext")["browserContextId"]
        target = self.send("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = self.pages[session] = Page(self, session)
        for domain in ("Page", "Runtime", "Network", "Log"):
            page.send(f"{domain}.enable")
        page.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if mobile else 1,
            mobile=mobile,
        )
        page.send("Emulation.setTouchEmulationEnabled", enabled=mobile)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        page.send("Emulation.setEmulatedMedia", features=[scheme])
        try:
            yield page
            page.evaluate("0")  # events are told in their order: those from before are here now
            exceptions = page.exceptions()
            assert not exceptions, exceptions
            complaints = [found for found in page.complaints() if not complaint or complaint not in found]
            assert not complaints, complaints
        finally:
            del self.pages[session]
            self.send("Target.disposeBrowserContext", browserContextId=context)


class Page:
    """A tab: what happened in it, and hands to use it with."""

    def __init__(self, browser: Chromium, session: str) -> None:
        self._browser = browser
        self._session = session
        self.events: list[tuple[str, dict[str, Any]]] = []

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        return self._browser.send(method, self._session, **params)

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression, which may be a promise."""
        answer = self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, expression: str, what: str = "") -> Any:
        """The value of an expression as soon as it is true."""
        end = time.monotonic() + LIMIT_SECONDS
        while not (value := self.evaluate(expression)):
            assert time.monotonic() < end, f"never true: {what or expression}; {self.text('main')[:600]}"
            time.sleep(0.05)
        return value

    def text(self, selector: str) -> str:
        return str(self.evaluate(f"document.querySelector({json.dumps(selector)}).innerText"))

    def open(self, url: str) -> None:
        self.send("Page.navigate", url=url)
        self.wait_for("document.documentElement?.dataset.ready === ''", "the page is ready")

    def place(self, selector: str, x: float, y: float) -> tuple[float, float]:
        """A point of an element, 0 to 1 each way, in pixels of the window."""
        box = self.evaluate(
            f"(() => {{ const element = document.querySelector({json.dumps(selector)});"
            "element.scrollIntoView({ block: 'nearest' });"
            "const box = element.getBoundingClientRect(); return [box.left, box.top, box.width, box.height]; })()"
        )
        return box[0] + x * box[2], box[1] + y * box[3]

    def click(self, selector: str) -> None:
        x, y = self.place(selector, 0.5, 0.5)
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def hold(self, key: str, code: int, text: str = "", *, shift: bool = False) -> None:
        """Press a key without letting it go."""
        self._key("keyDown" if text else "rawKeyDown", key, code, shift, text=text)

    def press(self, key: str, code: int, text: str = "", *, shift: bool = False) -> None:
        self.hold(key, code, text, shift=shift)
        self._key("keyUp", key, code, shift)

    def _key(self, kind: str, key: str, code: int, shift: bool, **options: str) -> None:
        options |= {"key": key, "code": key}
        self.send(
            "Input.dispatchKeyEvent", type=kind, windowsVirtualKeyCode=code, modifiers=8 if shift else 0, **options
        )

    def requests(self) -> list[str]:
        return [params["request"]["url"] for name, params in self.events if name == "Network.requestWillBeSent"]

    def received_bytes(self) -> int:
        """Of all that was loaded, as it came over the wire, headers included."""
        return int(
            sum(params["encodedDataLength"] for name, params in self.events if name == "Network.loadingFinished")
        )

    def exceptions(self) -> list[str]:
        """What was thrown and not caught, promises included."""
        return [str(params["exceptionDetails"]) for name, params in self.events if name == "Runtime.exceptionThrown"]

    def complaints(self) -> list[str]:
        """Errors and warnings of the console, and what was not caught."""
        found = self.exceptions()
        for name, params in self.events:
            if name == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
                found.append(str(params["args"]))
            elif name == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
                found.append(str(params["entry"]))
        return found

    def screenshot(self, path: Path, *, whole: bool = True) -> None:
        image = self.send("Page.captureScreenshot", captureBeyondViewport=whole)["data"]
        path.write_bytes(base64.b64decode(image))


@contextlib.contextmanager
def running_chromium(*options: str) -> Iterator[Chromium]:
    """A browser with an empty profile."""
    program = need_browser()
    need("bash")  # hands the pipes over
    to_read, to_write = os.pipe(), os.pipe()
    with tempfile.TemporaryDirectory(prefix="mnistbench-", ignore_cleanup_errors=True) as profile:
        # The protocol is spoken on the descriptors 3 and 4.
        hand_over = f'exec "$@" 3<&{to_write[0]} 4>&{to_read[1]}'
        command = ["bash", "-c", hand_over, "chromium", program, *OPTIONS, *options, f"--user-data-dir={profile}"]
        process = subprocess.Popen(
            command, pass_fds=(to_write[0], to_read[1]), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(to_write[0])
        os.close(to_read[1])
        browser = Chromium(to_read[0], to_write[1])
        try:
            yield browser
        finally:
            with contextlib.suppress(AssertionError, OSError):
                browser.send("Browser.close")
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            browser.close()
