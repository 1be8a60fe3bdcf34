"""Sheets in a terminal or a pipe, through rich: at most 80 columns, no colour codes in a pipe."""

from __future__ import annotations

import sys
from typing import TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mnistbench.report.sheet import Sheet, fold_notation

PIPE_WIDTH = 80

COMFORTABLE_NOTATION = 17
"""Characters in which the paper's longest notation takes two lines."""


def make_console(stream: TextIO | None = None) -> Console:
    """A console on a stream (standard output by default), plain and 80 wide unless it is a terminal."""
    stream = stream or sys.stdout
    if stream is None:  # a program started without a standard output
        return Console(quiet=True)
    if stream.isatty():
        return Console(file=stream, highlight=False)
    return Console(file=stream, highlight=False, width=PIPE_WIDTH, no_color=True, force_terminal=False)


def print_sheet(sheet: Sheet, console: Console) -> None:
    """Draw a sheet; notations fold at their dashes so that every other cell stays on one line."""
    padding, width = _room(sheet, console.width)
    table = Table(box=box.SIMPLE_HEAD, padding=padding, pad_edge=False, collapse_padding=True, show_edge=False)
    for column in sheet.columns:
        table.add_column(column.head, justify="right" if column.right else "left", overflow="fold")
    for row in sheet.rows:
        # Text, not str: a cell such as "[0.39]" is no markup.
        cells = zip(sheet.columns, row, strict=True)
        table.add_row(*(Text(fold_notation(cell, width) if column.foldable else cell) for column, cell in cells))
    console.print()
    if sheet.title:
        console.print(Text(sheet.title, style="bold"))
    console.print(table)
    if sheet.note:
        console.print(Text(sheet.note, style="dim"))


def _room(sheet: Sheet, total: int) -> tuple[tuple[int, int], int]:
    """Padding of the cells, and the characters left for a line of a notation.

    Two spaces stand between columns, one where notations would otherwise fold too often.
    """
    others = sum(
        max(len(column.head), *(len(row[position]) for row in sheet.rows), 0)
        for position, column in enumerate(sheet.columns)
        if not column.foldable
    )
    gaps = len(sheet.columns) - 1
    if total - others - 2 * gaps >= COMFORTABLE_NOTATION:
        return (0, 1), total - others - 2 * gaps
    return (0, 0), max(total - others - gaps, 1)
