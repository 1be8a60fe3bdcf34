"""The board in a real Chromium, where a stroke is cut short by what else can be done there."""

from __future__ import annotations

import functools
import io
import json
import math

import pytest
from page_actions import BOARD, SEVEN, paste, spoken, stroke
from PIL import Image, ImageDraw

pytestmark = pytest.mark.slow

BOARD_PIXELS = (
    "[...document.querySelector('#board').getContext('2d').getImageData(0, 0, 448, 448).data]"
    ".filter((_, place) => place % 4 === 0)"
)
PEN_IS_DOWN = "document.querySelector('#pen').classList.contains('down')"
PEN_SPOKEN = "document.querySelector('#pen-spoken').textContent"
START = "column 14 of 27, row 7 of 27."


def focus(page, selector="#board"):
    page.evaluate(f"document.querySelector({json.dumps(selector)}).focus()")


def space(page):
    page.press(" ", 32, " ")


def undo(page):
    page.press("z", 90, "z")


def down(page, times=1):
    for _ in range(times):
        page.press("ArrowDown", 40)


def example(page, name):
    page.evaluate(f"document.querySelector(\"[aria-label='Example: {name}']\").click()")


def ring() -> bytes:
    """A picture of a 0, as PNG."""
    picture = Image.new("L", (200, 260), 255)
    ImageDraw.Draw(picture).ellipse((50, 40, 150, 220), outline=0, width=20)
    stream = io.BytesIO()
    picture.save(stream, format="PNG")
    return stream.getvalue()


def paste_ring(page):
    paste(page, ring())
    page.wait_for("document.querySelector('#board').classList.contains('picture')")


def test_undo_lifts_the_pen(browser, url):
    with browser.page(height=400) as page:
        page.open(url)
        page.evaluate("document.addEventListener('keydown', event => { window.taken = event.defaultPrevented; })")
        focus(page)
        empty = page.evaluate(BOARD)
        space(page)
        assert page.evaluate(PEN_IS_DOWN)
        down(page)
        assert page.evaluate(BOARD) != empty
        undo(page)
        assert not page.evaluate(PEN_IS_DOWN)
        place = page.evaluate("document.querySelector('#pen').style.top")
        down(page)
        assert page.evaluate(BOARD) == empty
        # The key moves the pen, not the page.
        assert page.evaluate("window.taken")
        assert page.evaluate("document.querySelector('#pen').style.top") != place
        # An earlier stroke is not drawn on.
        example(page, "one")
        one = page.evaluate(BOARD)
        focus(page)
        space(page)
        page.click("#undo")
        focus(page)
        down(page)
        assert page.evaluate(BOARD) == one


def test_space_over_a_picture_puts_the_pen_down(browser, url):
    with browser.page() as page:
        page.open(url)
        paste_ring(page)
        spoken(page, "0. ")
        focus(page)
        space(page)
        assert page.evaluate(PEN_IS_DOWN)
        down(page, 15)
        space(page)
        spoken(page, "1. ")
        assert page.evaluate("document.querySelector('#found').hidden")


def test_a_tap_and_a_pen_that_is_put_down_draw_a_dot(browser, url):
    ink = f"{BOARD_PIXELS}.filter(value => value < 128).length"
    with browser.page() as page:
        page.open(url)
        x, y = page.place("#board", 0.5, 0.5)
        mouse = functools.partial(page.send, "Input.dispatchMouseEvent", button="left", x=x, y=y, clickCount=1)
        mouse(type="mousePressed")
        mouse(type="mouseReleased")
        tapped = page.evaluate(ink)
        # A disc as wide as a stroke: 32 pixels of the board's own.
        assert tapped == pytest.approx(math.pi * 16**2, rel=0.05)
        spoken(page, "Not a digit")
        focus(page)
        space(page)
        assert page.evaluate(ink) == pytest.approx(2 * tapped, rel=0.05)
        # It is drawn again with the strokes before it.
        dotted = page.evaluate(BOARD)
        space(page)
        space(page)
        undo(page)
        assert page.evaluate(BOARD) == dotted


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(lambda page: page.press("Delete", 46), id="clear"),
        pytest.param(undo, id="undo"),
        pytest.param(lambda page: example(page, "four"), id="example"),
        pytest.param(paste_ring, id="paste"),
        pytest.param(lambda page: (space(page), down(page)), id="pen"),
    ],
)
def test_a_pointer_that_is_held_draws_no_more_after(browser, url, act):
    with browser.page() as page:
        page.open(url)
        mouse = functools.partial(page.send, "Input.dispatchMouseEvent", button="left")
        move = functools.partial(mouse, type="mouseMoved", buttons=1)
        empty = page.evaluate(BOARD)
        x, y = page.place("#board", 0.2, 0.2)
        mouse(type="mousePressed", x=x, y=y, clickCount=1)
        move(x=x + 20, y=y)
        drawn = page.evaluate(BOARD)
        assert drawn != empty
        act(page)
        before = page.evaluate(BOARD)
        assert before != drawn
        for step in range(1, 5):
            move(x=x + 20, y=y + 30 * step)
        assert page.evaluate(BOARD) == before
        mouse(type="mouseReleased", x=x + 20, y=y + 120, clickCount=1)
        assert page.evaluate(BOARD) == before
        # The next stroke is one again.
        page.press("Delete", 46)
        stroke(page, SEVEN)
        spoken(page, "7. ")


def test_a_screen_reader_is_told_where_the_pen_is_and_that_it_is_lifted(browser, url):
    with browser.page() as page:
        page.open(url)
        assert page.evaluate(PEN_SPOKEN) == ""
        focus(page)
        space(page)
        assert page.evaluate(PEN_SPOKEN) == f"Pen down, {START}"
        down(page, 14)
        page.wait_for(f"{PEN_SPOKEN} === 'Column 14, row 21.'")
        space(page)
        assert page.evaluate(PEN_SPOKEN) == "Pen up, column 14 of 27, row 21 of 27."
        # The answer has a region of its own.
        spoken(page, "1. ")
        assert page.evaluate(PEN_SPOKEN) == "Pen up, column 14 of 27, row 21 of 27."
        down(page)
        page.wait_for(f"{PEN_SPOKEN} === 'Column 14, row 22.'")
        for lift in (undo, lambda page: focus(page, "#clear"), lambda page: example(page, "two"), paste_ring):
            focus(page)
            space(page)
            assert page.evaluate(PEN_SPOKEN).startswith("Pen down")
            lift(page)
            assert page.evaluate(PEN_SPOKEN).startswith("Pen up")
            assert not page.evaluate(PEN_IS_DOWN)


def test_a_stroke_that_the_loss_of_focus_ends_is_read(browser, url):
    with browser.page() as page:
        page.open(url)
        # Networks that come later would have the answer spoken too.
        example(page, "two")
        spoken(page, "2. ", "All 4 networks agree")
        focus(page)
        page.press("Delete", 46)
        spoken(page, "Draw a digit.")
        space(page)
        for _ in range(14):
            page.hold("ArrowDown", 40)
        focus(page, "#clear")
        spoken(page, "1. ")
