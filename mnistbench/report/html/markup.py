"""HTML and SVG as text: what is not markup already is escaped, so that forgetting it is not possible.

Knows nothing of what a page says.
"""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Any

from mnistbench.report.sheet import one_line

VOID = frozenset({"meta"})
"""Elements of HTML that are never closed."""

_SHAPES = frozenset({"circle", "path"})
"""Elements of SVG that close themselves where nothing is in them."""


class Markup(str):
    """Text that is markup already and is not escaped again."""

    __slots__ = ()


NOTHING = Markup("")


def escape(text: str) -> Markup:
    """A text as it is to be read, in an element or an attribute.

    What a terminal would obey and marks that turn the direction of writing are
    spelt out, as :func:`mnistbench.report.sheet.one_line` does.
    """
    return text if isinstance(text, Markup) else Markup(html.escape(one_line(text), quote=True))


def element(tag: str, /, *children: str, **attributes: Any) -> Markup:
    """One element with its children in order.

    Args:
        tag: Its name.
        children: Markup as it is; other text escaped.
        attributes: ``class_`` for ``class``, ``aria_label`` for ``aria-label``; those that
            are ``None`` or ``False`` are left out, ``True`` stands without a value.
    """
    head = "".join(_attribute(name, value) for name, value in attributes.items())
    if tag in VOID:
        return Markup(f"<{tag}{head}>")
    if tag in _SHAPES and not children:
        return Markup(f"<{tag}{head}/>")
    return Markup(f"<{tag}{head}>{join(children)}</{tag}>")


def join(parts: Iterable[str], between: str = "") -> Markup:
    """Parts one after the other, what is not markup escaped."""
    return Markup(escape(between).join(escape(part) for part in parts))


def phrase(*parts: str) -> Markup:
    """Parts of a sentence one after the other, what is not markup escaped."""
    return join(parts)


def name(text: str) -> Markup:
    """A text from a file in running text: escaped, and of a direction of writing that ends with it."""
    return element("bdi", text)


def number(value: float) -> str:
    """A coordinate in as few characters as its place on the screen needs."""
    text = f"{value:.1f}"
    return text.removesuffix(".0") if text != "-0.0" else "0"


def _attribute(key: str, value: Any) -> str:
    if value is None or value is False:
        return ""
    key = key.removesuffix("_").replace("_", "-")
    if value is True:
        return f" {key}"
    text = number(value) if isinstance(value, float) else str(value)
    return f' {key}="{escape(text)}"'
