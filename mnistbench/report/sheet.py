"""A table before it is drawn: text cells that the terminal and Markdown both show.

Knows nothing of rich.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """Head of a column.

    Attributes:
        right: Whether cells stand right, as numbers do.
        foldable: Whether cells are notations, which may take several lines where the screen is narrow.
        lines: Whether cells have line breaks of their own making; in others one is spelt out, since it came with a
            name, and would look like the next row.
    """

    head: str
    right: bool = True
    foldable: bool = False
    lines: bool = False


@dataclass(frozen=True)
class Sheet:
    """Title, heads, rows of cells, and a note below; every row has a cell for each column.

    The note may have several lines; who puts a name into it makes that :func:`one_line`.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def markdown(sheet: Sheet, *, level: int = 3) -> str:
    """The sheet as a Markdown section with a table; ends in a newline."""
    lines = [f"{'#' * level} {sheet.title}", ""] if sheet.title else []
    lines.append(_line([column.head for column in sheet.columns]))
    lines.append(_line(["--:" if column.right else "---" for column in sheet.columns]))
    lines += [_line(row) for row in sheet.rows]
    if sheet.note:
        lines += ["", sheet.note]
    return "\n".join(lines) + "\n"


def one_line(text: str) -> str:
    """The text with newlines, escape codes and the like spelt out.

    A file's name can hold any of them, and a terminal obeys them.
    """
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def printable(text: str) -> str:
    """As :func:`one_line`, with its lines kept apart."""
    return "\n".join(map(one_line, text.split("\n")))


def fold_notation(notation: str, width: int) -> str:
    """A notation broken after a ``-`` into lines of at most ``width`` characters where that can be."""
    lines, current = [], ""
    tokens = notation.split("-")
    for position, token in enumerate(tokens):
        piece = token if position == len(tokens) - 1 else f"{token}-"
        if current and len(current) + len(piece) > width:
            lines.append(current)
            current = ""
        current += piece
    return "\n".join([*lines, current])


def _line(cells: Sequence[str]) -> str:
    # A line break would end the table.
    return "| " + " | ".join(cell.replace("\n", "").replace("|", "\\|") for cell in cells) + " |"
