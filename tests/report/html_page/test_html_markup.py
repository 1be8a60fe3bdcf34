from __future__ import annotations

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistbench.report.html.markup import Markup, element, escape, join, name, number, phrase

HOSTILE = ["<script>", '" onload="x', "'", "]]>", "&amp;", "<!--", "</style>"]


@pytest.mark.parametrize("text", HOSTILE)
def test_text_and_attributes_are_escaped(text):
    shown = element("p", text, title=text)
    escaped = html.escape(text, quote=True)
    assert shown == f'<p title="{escaped}">{escaped}</p>'


@pytest.mark.parametrize("text", ["\u202e", "\u200f", "\u2066", "\x00", "\x1b[31m", "a\nb", "\ud800"])
def test_what_a_screen_would_obey_is_spelt_out(text):
    assert escape(text).isascii()
    assert escape(text).encode()
    assert not set(text) - set("ab[31m") & set(escape(text))


@given(st.text())
def test_any_text_comes_back_unless_it_cannot_be_printed(text):
    shown = escape(text)
    assert not set(shown) & set("<>\"'")
    if text.isprintable():
        assert html.unescape(shown) == text


def test_markup_is_not_escaped_again():
    inner = element("b", "a & b")
    assert element("p", inner, " < ") == "<p><b>a &amp; b</b> &lt; </p>"
    assert join([inner, "<"], "&") == "<b>a &amp; b</b>&amp;&lt;"
    assert phrase("1 < ", inner) == "1 &lt; <b>a &amp; b</b>"
    assert isinstance(phrase("x"), Markup)
    assert name("<x>") == "<bdi>&lt;x&gt;</bdi>"


def test_attributes():
    assert element("a", "x", class_="k", aria_label="l", href=None, hidden=False, open=True, x=1.25, y=2.0) == (
        '<a class="k" aria-label="l" open x="1.2" y="2">x</a>'
    )
    assert element("meta", charset="utf-8") == '<meta charset="utf-8">'
    assert element("path", d="M0 0") == '<path d="M0 0"/>'
    assert element("path", element("title", "t"), d="M0 0") == '<path d="M0 0"><title>t</title></path>'
    assert element("td") == "<td></td>"


@pytest.mark.parametrize(("value", "text"), [(1.0, "1"), (-0.01, "0"), (1.25, "1.2"), (10.0, "10"), (1e3, "1000")])
def test_coordinates_are_short(value, text):
    assert number(value) == text
