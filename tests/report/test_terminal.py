from __future__ import annotations

import io
import os
import pty
import re
import select
import sys
import unicodedata

import pytest
from test_sheets import SHEETS

from mnistbench.report.sheet import Column, Sheet
from mnistbench.report.terminal import PIPE_WIDTH, make_console, print_sheet

SMALL = Sheet(
    "Title [bold]",
    (Column("name", right=False, lines=True), Column("n")),
    (("[red]a", "1"), ("b-\nc", "22")),
    "[x] A note.",
)

each = pytest.mark.parametrize("sheet", SHEETS.values(), ids=SHEETS.keys())


def piped(sheet: Sheet) -> str:
    stream = io.StringIO()
    print_sheet(sheet, make_console(stream))
    return stream.getvalue()


def test_a_table_in_a_pipe_by_hand() -> None:
    lines = [line.rstrip() for line in piped(SMALL).split("\n")]
    assert lines == ["", "Title [bold]", "name     n", "──────────", "[red]a   1", "b-      22", "c", "[x] A note.", ""]


@each
def test_every_table_fits_a_pipe_without_codes(sheet: Sheet) -> None:
    text = piped(sheet)
    for line in text.split("\n"):
        assert len(line) <= PIPE_WIDTH, line
        assert not [letter for letter in line if unicodedata.category(letter) == "Cc"], line


@each
def test_no_cell_is_broken_to_fit(sheet: Sheet) -> None:
    """Where a column is too narrow, rich folds its cells; every line of a cell must stand in one piece."""
    lines = piped(sheet).split("\n")
    for row in sheet.rows:
        for column, cell in zip(sheet.columns, row, strict=True):
            if column.foldable:  # breaks after dashes only
                pieces = [piece for piece in re.split(r"(?<=-)", cell) if piece]
            elif column.right:  # never breaks
                pieces = [cell]
            else:  # breaks at spaces only
                pieces = cell.split()
            for piece in pieces:
                assert any(piece in line for line in lines), piece
    rule = next(number for number, line in enumerate(lines) if line.startswith("──"))
    heads = " ".join(lines[:rule]).split()
    for column in sheet.columns:
        # A head may take several lines, but whole words only.
        assert set(column.head.split()) <= set(heads), f"{column.head!r} is broken: {heads}"


@pytest.mark.parametrize(
    "variable", ["FORCE_COLOR", "CLICOLOR_FORCE", "COLORTERM", "TTY_COMPATIBLE", "TTY_INTERACTIVE"]
)
def test_no_environment_makes_a_pipe_colourful(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv(variable, "1")
    assert "\x1b" not in piped(SMALL)


@pytest.mark.parametrize("columns", ["20", "300"])
def test_a_pipe_is_80_wide_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert make_console(io.StringIO()).width == 80
    long = Sheet("", (Column("n"),), (), "word " * 40)
    assert 70 < max(map(len, piped(long).split("\n"))) <= 80


def test_standard_output_is_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    print_sheet(SMALL, make_console())
    captured = capsys.readouterr()
    assert "Title [bold]" in captured.out
    assert captured.err == ""


def test_without_any_standard_output_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    print_sheet(SMALL, make_console())


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_no_encoding_of_a_pipe_is_an_error(encoding: str) -> None:
    # The command line sets its streams up so.
    for sheet in SHEETS.values():
        stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="replace")
        print_sheet(sheet, make_console(stream))


def test_no_escape_code_of_a_files_name_reaches_the_output() -> None:
    evil = "a\x1b[31m\x07\x9bb\tc\udc80"
    text = piped(Sheet(evil, (Column("name", right=False, foldable=True),), ((evil,),), evil))
    assert not [letter for letter in text if not letter.isprintable() and letter != "\n"]
    assert text.count(r"a\x1b[31m\x07\x9bb\tc\udc80") == 3


@pytest.mark.parametrize("foldable", [False, True])
def test_a_line_break_in_a_name_makes_no_row(foldable: bool) -> None:
    evil = "a\nb\r\u2028c"
    text = piped(Sheet(evil, (Column("name", right=False, foldable=foldable),), ((evil,),)))
    assert len(text.splitlines()) == len(piped(Sheet("a", (Column("name", right=False),), (("a",),))).splitlines())
    assert text.count(r"a\nb\r\u2028c") == 2


def test_a_column_of_lines_breaks_where_its_maker_did() -> None:
    text = piped(Sheet("", (Column("found", right=False, lines=True),), (("one\ntwo\x1b",),)))
    assert [line.strip() for line in text.splitlines()][-2:] == ["one", r"two\x1b"]


@pytest.mark.skipif(sys.platform == "win32", reason="no terminals to make there")
def test_a_terminal_gets_bold_titles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    master, slave = pty.openpty()
    try:
        with os.fdopen(slave, "w", encoding="utf-8") as stream:
            console = make_console(stream)
            print_sheet(SMALL, console)
            stream.flush()
            text = ""
            while select.select([master], [], [], 0.5)[0]:  # a terminal hands over what it has so far
                text += os.read(master, 10_000).decode()
    finally:
        os.close(master)
    assert console.width == 100
    assert "\x1b[1mTitle [bold]" in text
