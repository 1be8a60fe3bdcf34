"""The page in a real Chromium: drawn on by mouse, finger and keys, given pictures, and watched."""

from __future__ import annotations

import base64
import functools
import http.server
import io
import itertools
import json
import threading
from pathlib import Path

import numpy as np
import pytest
from chromium import running_chromium
from PIL import Image, ImageDraw, ImageFilter
from vendored_runtime import real_runtime

import mnistbench
from mnistbench.artifacts import bundled_zoo
from mnistbench.cli.demo import SHOWN
from mnistbench.demo.server import DemoServer
from mnistbench.demo.site import build_site
from mnistbench.embed.folder import write_folder
from mnistbench.embed.model import read_model
from mnistbench.locate import locate
from mnistbench.pictures.refuse import JUDGES
from mnistbench.published import read_published

pytestmark = pytest.mark.slow

VECTORS = Path(__file__).resolve().parents[1] / "pictures" / "normaliser_vectors.json"
MOST_BYTES = 5_000_000
SEVEN = [(0.3, 0.25), (0.68, 0.26), (0.56, 0.5), (0.46, 0.8)]

LATENCIES = "[...document.querySelectorAll('.facts tr:first-child td')].map(cell => cell.textContent)"
INPUT = (
    "[...document.querySelector('#input').getContext('2d').getImageData(0, 0, 28, 28).data]"
    ".filter((_, place) => place % 4 === 0)"
)
ANSWERED = "[...document.querySelectorAll('.bars td.best')].length"


@pytest.fixture(scope="module")
def site():
    models = [read_model(locate(name, [bundled_zoo()])) for name in SHOWN]
    judges = [read_model(locate(name, [bundled_zoo()])) for name in JUDGES]
    return build_site(models, judges, read_published().runs, real_runtime())


@pytest.fixture(scope="module")
def url(site):
    with served(DemoServer(("127.0.0.1", 0), site.files)) as server:
        yield server.url


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


@pytest.fixture(scope="module")
def browser():
    with running_chromium() as browser:
        yield browser


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


def spoken(page, *texts):
    """What a screen reader is told, when it has every one of these texts."""
    tests = " && ".join(f"said.includes({json.dumps(text)})" for text in texts)
    return page.wait_for(
        f"(() => {{ const said = document.querySelector('#spoken').textContent; return {tests} && said }})()"
    )


def python_reads(page):
    """What ``predict`` says of the drawing on the board."""
    data = page.evaluate("document.querySelector('#board').toDataURL('image/png')")
    return mnistbench.predict_image(base64.b64decode(data.split(",")[1]))


def furthest(first, second):
    return np.abs(np.asarray(first, int).ravel() - np.asarray(second, int).ravel()).max()


def test_a_digit_drawn_by_mouse_is_read_as_python_reads_it(browser, url):
    with browser.page() as page:
        page.open(url)
        assert page.text("#verdict") == "Draw a digit."
        first = page.received_bytes()
        assert 3_000_000 < first <= MOST_BYTES
        stroke(page, SEVEN, meanwhile=lambda: page.wait_for(f"{ANSWERED} > 0 && {INPUT}.some(value => value > 0)"))
        spoken(page, "7. ", "All 4 networks agree")
        answer = python_reads(page)
        assert (answer.label, answer.is_digit) == (7, True)
        assert furthest(answer.image, page.evaluate(INPUT)) <= 2
        page.wait_for(f"{LATENCIES}.every(text => /[0-9] (µs|ms|s)$/.test(text))", "latencies of all networks")
        # The largest network stands in the last column.
        shown = page.evaluate(
            "[...document.querySelectorAll('.bars tr')].map(row => +row.lastChild.style.getPropertyValue('--p'))"
        )
        np.testing.assert_allclose(shown, answer.probabilities, atol=1e-3)
        table = page.text("#networks")
        for text in ("909,866", "0.46 %", "table 6", "LeNet-5", "61,706"):
            assert text in table
        assert {request.split("/")[2] for request in page.requests()} == {url.split("/")[2]}
        assert page.complaints() == []
        page.evaluate("document.querySelector('#choice input').click()")
        spoken(page, "7. ", "All 3 networks agree")
        assert page.evaluate("[...document.querySelectorAll('thead th')].map(cell => cell.hidden)") == [True] + 3 * [
            False
        ]
        page.click("#clear")
        page.wait_for("document.querySelector('#verdict').textContent === 'Draw a digit.'")
        assert page.evaluate(ANSWERED) == 0


def test_examples_are_what_they_are_called_and_others_refused_as_python_refuses_them(browser, url):
    with browser.page(dark=True) as page:
        page.open(url)
        page.click("[aria-label='Example: the letter A']")
        spoken(page, "Not a digit")
        assert not python_reads(page).is_digit
        assert page.evaluate("document.querySelectorAll('.bars td.refused').length") == 4
        for number, name in enumerate(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]):
            page.click(f"[aria-label='Example: {name}']")
            page.wait_for(f"document.querySelector('#digit').textContent === '{number}'", name)
        page.click("[aria-label='Example: a smiling face']")
        page.wait_for("document.querySelector('#digit').textContent === 'Not a digit'")
        assert page.complaints() == []


def test_a_finger_draws_on_a_phone(browser, url):
    with browser.page(width=360, height=740, mobile=True) as page:
        page.open(url)
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        before = page.evaluate("scrollY")
        for kind, (x, y) in [
            ("touchStart", (0.5, 0.2)),
            *(("touchMove", (0.5, 0.2 + 0.06 * step)) for step in range(1, 11)),
        ]:
            across, down = page.place("#board", x, y)
            page.send("Input.dispatchTouchEvent", type=kind, touchPoints=[{"x": across, "y": down}])
        page.send("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
        spoken(page, "1. ")
        assert page.evaluate("scrollY") == before
        assert page.complaints() == []


def test_keys_alone_draw_undo_and_clear(browser, url):
    with browser.page() as page:
        page.open(url)
        page.evaluate("document.querySelector('#board').focus()")
        page.press(" ", 32, " ")
        for _ in range(5):
            page.send(
                "Input.dispatchKeyEvent",
                type="rawKeyDown",
                key="Shift",
                code="ShiftLeft",
                windowsVirtualKeyCode=16,
                modifiers=8,
            )
            for kind in ("rawKeyDown", "keyUp"):
                page.send(
                    "Input.dispatchKeyEvent",
                    type=kind,
                    key="ArrowDown",
                    code="ArrowDown",
                    windowsVirtualKeyCode=40,
                    modifiers=8,
                )
        page.press(" ", 32, " ")
        spoken(page, "1. ")
        assert python_reads(page).label == 1
        page.press("z", 90, "z")
        page.wait_for("document.querySelector('#verdict').textContent === 'Draw a digit.'")
        page.click("[aria-label='Example: two']")
        page.evaluate("document.querySelector('#board').focus()")
        page.press("Delete", 46)
        page.wait_for("document.querySelector('#verdict').textContent === 'Draw a digit.'")


def test_everything_has_a_name_for_a_screen_reader(browser, url):
    with browser.page() as page:
        page.send("Accessibility.enable")
        page.open(url)
        nodes = page.send("Accessibility.getFullAXTree")["nodes"]
        found = [
            (node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if not node["ignored"]
        ]
        interactive = {
            "button",
            "application",
            "combobox",
            "link",
            "checkbox",
            "columnheader",
            "rowheader",
            "image",
            "Canvas",
        }
        assert [(role, name) for role, name in found if role in interactive and not name] == []
        names = {name for _, name in found}
        assert {"Drawing board", "Choose a picture", "Clear", "Undo", "Switch to dark colours"} <= names
        assert [role for role, _ in found].count("columnheader") == 4
        assert [role for role, _ in found].count("rowheader") == 15
        assert "status" in {role for role, _ in found}


def test_the_colours_are_switched_and_kept(browser, url):
    ground = "getComputedStyle(document.body).backgroundColor"
    with browser.page() as page:
        page.open(url)
        light = page.evaluate(ground)
        page.click("#theme")
        dark = page.evaluate(ground)
        assert dark != light
        page.open(url)
        assert page.evaluate(ground) == dark
        page.click("#theme")
        assert page.evaluate(ground) == light


def photograph(turned: bool) -> bytes:
    """A dark 4 on uneven light paper, as JPEG; where it is turned, EXIF says how it stands."""
    paper = Image.new("L", (900, 1200))
    light = 120 + 110 * np.mgrid[0:1200, 0:900][1] / 900
    paper = Image.fromarray(light.astype(np.uint8))
    pen = ImageDraw.Draw(paper)
    for line in ([(330, 300), (250, 640), (650, 640)], [(560, 420), (540, 900)]):
        pen.line(line, fill=35, width=46, joint="curve")
    paper = paper.filter(ImageFilter.GaussianBlur(2))
    exif = Image.Exif()
    if turned:
        exif[0x0112] = 6
        paper = paper.transpose(Image.Transpose.ROTATE_90)
    stream = io.BytesIO()
    paper.convert("RGB").save(stream, format="JPEG", quality=92, exif=exif)
    return stream.getvalue()


def png(array, mode=None) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(array, mode).save(stream, format="PNG")
    return stream.getvalue()


def yellow_on_white() -> bytes:
    picture = Image.new("RGB", (300, 240), "white")
    ImageDraw.Draw(picture).line([(90, 50), (210, 50), (150, 200)], fill=(250, 230, 20), width=22, joint="curve")
    return png(np.asarray(picture))


def transparent() -> bytes:
    picture = Image.new("RGBA", (200, 260))
    ImageDraw.Draw(picture).ellipse((50, 40, 150, 220), outline=(0, 0, 0, 255), width=20)
    return png(np.asarray(picture))


def test_dropped_pictures_are_read_as_python_reads_them(browser, url, tmp_path):
    larger = Image.open(io.BytesIO(photograph(False))).convert("L").resize((2250, 3000))
    pictures = [
        ("photograph", photograph(False), 4, 12),  # another JPEG decoder rounds otherwise
        ("yellow on white", yellow_on_white(), 7, 2),
        ("turned by EXIF", photograph(True), 4, 12),
        ("transparent", transparent(), 0, 2),
        ("larger than is kept", png(np.asarray(larger)), 4, 2),
    ]
    with browser.page() as page:
        page.open(url)
        for name, content, label, within in pictures:
            (tmp_path / name).write_bytes(content)
            x, y = page.place("#board", 0.5, 0.5)
            data = {"items": [], "files": [str(tmp_path / name)], "dragOperationsMask": 1}
            for kind in ("dragEnter", "dragOver", "drop"):
                page.send("Input.dispatchDragEvent", type=kind, x=x, y=y, data=data)
            spoken(page, f"{label}. ")
            answer = mnistbench.predict_image(content)
            assert (answer.label, answer.is_digit) == (label, True), name
            assert furthest(answer.image, page.evaluate(INPUT)) <= within, name
            assert page.evaluate("!document.querySelector('#found').hidden")
        assert page.complaints() == []
        stroke(page, SEVEN)  # drawing takes the picture's place
        spoken(page, "7. ")
        assert page.evaluate("document.querySelector('#found').hidden")


def test_pictures_are_chosen_and_pasted_and_broken_ones_refused(browser, url, tmp_path):
    (tmp_path / "seven.png").write_bytes(yellow_on_white())
    (tmp_path / "broken.png").write_bytes(yellow_on_white()[:200])
    with browser.page() as page:
        page.open(url)
        page.send("DOM.enable")
        root = page.send("DOM.getDocument")["root"]["nodeId"]
        node = page.send("DOM.querySelector", nodeId=root, selector="#file")["nodeId"]
        page.send("DOM.setFileInputFiles", nodeId=node, files=[str(tmp_path / "seven.png")])
        spoken(page, "7. ")
        page.send("DOM.setFileInputFiles", nodeId=node, files=[str(tmp_path / "broken.png")])
        page.wait_for("!document.querySelector('#problem').hidden")
        assert "broken.png cannot be opened" in page.text("#problem")
        pasted = base64.b64encode(transparent()).decode()
        page.evaluate(
            f"""(() => {{
              const bytes = Uint8Array.from(atob("{pasted}"), letter => letter.charCodeAt(0));
              const clipboardData = new DataTransfer();
              clipboardData.items.add(new File([bytes], "pasted.png", {{ type: "image/png" }}));
              document.dispatchEvent(new ClipboardEvent("paste", {{ clipboardData, bubbles: true }}));
            }})()"""
        )
        spoken(page, "0. ")
        assert page.evaluate("document.querySelector('#problem').hidden")


def test_the_normaliser_meets_the_golden_vectors_in_the_browser(browser, url):
    cases = json.loads(VECTORS.read_text(encoding="utf-8"))
    with browser.page() as page:
        page.open(url)
        images = page.evaluate(
            f"""(async () => {{
              const load = (name) => import(new URL(`pictures/${{name}}.mjs`, location.href));
              const [{{ image }}, {{ findInk }}, {{ keepStrokes }}, {{ normalise }}] =
                await Promise.all(["image", "ink", "clean", "normalise"].map(load));
              const pictures = {json.dumps([case["grey"] for case in cases])};
              return pictures.map((rows) => {{
                const grey = image(rows.length, rows[0].length, Float64Array.from(rows.flat()));
                return [...normalise(keepStrokes(findInk(grey).values).ink)];
              }});
            }})()"""
        )
        for case, image in zip(cases, images, strict=True):
            assert furthest(case["image"], image) <= 2, case["name"]


def test_webgpu_that_is_not_there_is_said_and_webassembly_stays(browser, url):
    with browser.page() as page:
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
        assert page.complaints() == []


def test_a_network_that_does_not_come_is_said(browser, site):
    files = {path: content for path, content in site.files.items() if "256-128" not in path}
    with served(DemoServer(("127.0.0.1", 0), files)) as server, browser.page() as page:
        page.open(server.url)
        stroke(page, SEVEN)
        spoken(page, "7. ", "All 3 networks agree")
        page.wait_for("!document.querySelector('#problem').hidden")
        assert "404" in page.text("#problem")
