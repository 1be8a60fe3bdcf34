"""Sheets in a terminal or a pipe, through rich: at most 80 columns, no colour codes in a pipe."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from typing import TextIO

from rich import box
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from mnistbench.report.sheet import Sheet, fold_notation, one_line, printable

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
    """Draw a sheet; where it is too wide, heads break first, then text at spaces, then notations at dashes."""
    rows = tuple(
        tuple(
            printable(cell) if column.lines else one_line(cell) for column, cell in zip(sheet.columns, row, strict=True)
        )
        for row in sheet.rows
    )
    sheet = dataclasses.replace(sheet, title=one_line(sheet.title), rows=rows, note=printable(sheet.note))
    gap, widths = _layout(sheet, console.width)
    # One space between columns is the box's own.
    padding = (0, gap - 1, 0, 0)
    table = Table(box=box.SIMPLE_HEAD, padding=padding, pad_edge=False, show_edge=False)
    for column, width in zip(sheet.columns, widths, strict=True):
        justify: JustifyMethod = "right" if column.right else "left"
        table.add_column(column.head, justify=justify, overflow="fold", vertical="top", width=width)
    for row in sheet.rows:
        cells = zip(sheet.columns, widths, row, strict=True)
        # Text, not str: a cell such as "[0.39]" is no markup.
        table.add_row(*(Text(fold_notation(cell, width) if column.foldable else cell) for column, width, cell in cells))
    console.print()
    if sheet.title:
        console.print(Text(sheet.title, style="bold"))
    console.print(table)
    if sheet.note:
        console.print(Text(sheet.note, style="dim"))


def _layout(sheet: Sheet, total: int) -> tuple[int, list[int]]:
    """The gap between columns and the width of each.

    Left to itself, rich narrows the widest column, which is where a notation is read.
    """
    cells = [[row[position] for row in sheet.rows] for position in range(len(sheet.columns))]
    whole, least = [], []
    for column, texts in zip(sheet.columns, cells, strict=True):
        longest = max(map(len, texts), default=0)
        whole.append(max(longest, len(column.head)))
        if column.foldable:
            narrow = min(longest, COMFORTABLE_NOTATION)
        elif column.right:
            narrow = longest
        else:
            narrow = max((len(word) for text in texts for word in text.split()), default=0)
        least.append(max(narrow, *map(len, column.head.split()), 0))
    for gap in (2, 1):
        spare = total - gap * (len(whole) - 1)
        if sum(whole) <= spare:
            return gap, whole
        if sum(least) <= spare:
            return gap, _shared_out(whole, least, spare)
    # Narrower than anyone's screen: the first column, a name, gives way.
    least[0] = max(1, least[0] - (sum(least) - spare))
    return 1, least


def _shared_out(whole: Sequence[int], least: Sequence[int], spare: int) -> list[int]:
    """The least widths, and what is left over given to the columns in order."""
    widths = list(least)
    left = spare - sum(least)
    for position, wanted in enumerate(whole):
        extra = min(left, wanted - widths[position])
        widths[position] += extra
        left -= extra
    return widths
