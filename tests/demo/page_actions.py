"""What a user does on the demo page, and what the page then shows, for the tests that drive it in Chromium."""

from __future__ import annotations

import base64
import functools
import itertools
import json
import threading

import numpy as np

import mnistbench

MOST_BYTES = 5_000_000
SEVEN = [(0.3, 0.25), (0.68, 0.26), (0.56, 0.5), (0.46, 0.8)]

LATENCIES = "[...document.querySelectorAll('.facts tr:first-child td')].map(cell => cell.textContent)"
INPUT = (
    "[...document.querySelector('#input').getContext('2d').getImageData(0, 0, 28, 28).data]"
    ".filter((_, place) => place % 4 === 0)"
)
ANSWERED = "[...document.querySelectorAll('.bars td.best')].length"
BOARD = "document.querySelector('#board').toDataURL('image/png')"


class served:  # noqa: N801 -- used as a function
    """A server in a thread."""

    def __init__(self, server):
        self.server = server
        self.thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self):
        self.thread.start()
        return self.server

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def stroke(page, points, steps=6, meanwhile=lambda: None):
    """A line through points of the board, by mouse; ``meanwhile`` is called before the button is let go."""
    places = [page.place("#board", x, y) for x, y in points]
    mouse = functools.partial(page.send, "Input.dispatchMouseEvent", button="left")
    mouse(type="mousePressed", x=places[0][0], y=places[0][1], clickCount=1)
    for (x0, y0), (x1, y1) in itertools.pairwise(places):
        for step in range(1, steps + 1):
            share = step / steps
            mouse(type="mouseMoved", x=x0 + (x1 - x0) * share, y=y0 + (y1 - y0) * share, buttons=1)
    meanwhile()
    mouse(type="mouseReleased", x=places[-1][0], y=places[-1][1], clickCount=1)


def paste(page, picture):
    """The content of a picture's file, as from the clipboard."""
    page.evaluate(
        f"""(() => {{
          const bytes = Uint8Array.from(atob("{base64.b64encode(picture).decode()}"), letter => letter.charCodeAt(0));
          const clipboardData = new DataTransfer();
          clipboardData.items.add(new File([bytes], "pasted.png", {{ type: "image/png" }}));
          document.dispatchEvent(new ClipboardEvent("paste", {{ clipboardData, bubbles: true }}));
        }})()"""
    )


def spoken(page, *texts):
    """What a screen reader is told, when it has every one of these texts."""
    tests = " && ".join(f"said.includes({json.dumps(text)})" for text in texts)
    return page.wait_for(
        f"(() => {{ const said = document.querySelector('#spoken').textContent; return {tests} && said }})()"
    )


def python_reads(page):
    """What ``predict`` says of the drawing on the board."""
    data = page.evaluate(BOARD)
    return mnistbench.predict_image(base64.b64decode(data.split(",")[1]))


def furthest(first, second):
    return np.abs(np.asarray(first, int).ravel() - np.asarray(second, int).ravel()).max()
