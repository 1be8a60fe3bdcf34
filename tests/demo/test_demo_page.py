"""The page in a real Chromium: drawn on by mouse, finger and keys, and watched."""

from __future__ import annotations

import numpy as np
import pytest
from page_actions import ANSWERED, INPUT, LATENCIES, MOST_BYTES, SEVEN, furthest, python_reads, spoken, stroke

pytestmark = pytest.mark.slow


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


def test_keys_alone_draw_undo_and_clear(browser, url):
    with browser.page() as page:
        page.open(url)
        page.evaluate("document.querySelector('#board').focus()")
        page.press(" ", 32, " ")
        for _ in range(5):
            page.hold("Shift", 16, shift=True)
            page.press("ArrowDown", 40, shift=True)
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
