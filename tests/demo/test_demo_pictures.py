"""Pictures given to the page in a real Chromium are read as Python reads them."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from page_actions import INPUT, SEVEN, furthest, paste, spoken, stroke
from PIL import Image, ImageDraw, ImageFilter

import mnistbench

pytestmark = pytest.mark.slow

VECTORS = Path(__file__).resolve().parents[1] / "pictures" / "normaliser_vectors.json"


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
        paste(page, transparent())
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
