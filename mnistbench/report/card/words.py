"""Text that anybody may have written, in Markdown: shown as it is, never obeyed.

Knows nothing of models.
"""

from __future__ import annotations

import html
import re

from mnistbench.report.sheet import one_line

UNKNOWN = "not known"


def plain(text: object) -> str:
    """A text in a sentence or a cell of a :class:`mnistbench.report.sheet.Sheet`, which escapes ``|`` by itself."""
    escaped = html.escape(one_line(str(text)), quote=False)
    return re.sub(r"([\\`*_\[\]~])", r"\\\1", escaped)


def known(value: object | None) -> str:
    """As :func:`plain`, and ``not known`` for nothing."""
    return UNKNOWN if value is None or value == "" else plain(value)


def dataset_name(name: str | None) -> str:
    """What a dataset is called; MNIST as everybody writes it."""
    return "MNIST" if name == "mnist" else known(name)


def code(text: object) -> str:
    """A text in a sentence or a cell, set as code."""
    line = one_line(str(text)).strip() or " "
    ticks = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    room = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{ticks}{room}{line}{room}{ticks}"


def block(lines: str, language: str) -> str:
    """Several lines of code."""
    ticks = "`" * max(3, 1 + max(map(len, re.findall("`+", lines)), default=0))
    return f"{ticks}{language}\n{lines.rstrip()}\n{ticks}"


def file_stem(name: str) -> str:
    """A name as the beginning of a file's name that is safe on every system and needs no escaping in a link."""
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-")
    return safe[:120].rstrip(".-") or "model"
