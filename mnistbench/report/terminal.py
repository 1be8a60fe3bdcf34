"""Sheets in a terminal or a pipe, through rich: at most 80 columns, no colour codes in a pipe."""

from __future__ import annotations

import sys
from typing import TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mnistbench.report.sheet import Sheet

PIPE_WIDTH = 80


def make_console(stream: TextIO | None = None) -> Console:
    """A console on a stream (standard output by default), plain and 80 wide unless it is a terminal."""
    stream = stream or sys.stdout
    if stream is None:  # a program started without a standard output
        return Console(quiet=True)
    if stream.isatty():
        return Console(file=stream, highlight=False)
    return Console(file=stream, highlight=False, width=PIPE_WIDTH, no_color=True, force_terminal=False)


def print_sheet(sheet: Sheet, console: Console) -> None:
    """Draw a sheet."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False, collapse_padding=True, show_edge=False)
    for column in sheet.columns:
        table.add_column(column.head, justify="right" if column.right else "left", overflow="fold")
    for row in sheet.rows:
        # Text, not str: a cell such as "[0.39]" is no markup.
        table.add_row(*(Text(cell) for cell in row))
    console.print()
    if sheet.title:
        console.print(Text(sheet.title, style="bold"))
    console.print(table)
    if sheet.note:
        console.print(Text(sheet.note, style="dim"))
