"""Where output goes: tables and JSON to standard output, everything else to standard error."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import click

from mnistbench.report.sheet import Sheet, one_line
from mnistbench.urls import without_userinfo


def print_json(document: Any) -> None:
    """Print the one JSON document of a command."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=True, allow_nan=False))


def print_sheets(sheets: Iterable[Sheet]) -> None:
    """Print tables to standard output."""
    from mnistbench.report.terminal import make_console, print_sheet

    console = make_console()
    for sheet in sheets:
        print_sheet(sheet, console)


def this_command() -> str:
    """The command as it was given, to be typed again; URLs in it are without the name and password of a user."""
    given = click.get_current_context().find_root().obj
    return shlex.join(["mnistbench", *map(without_userinfo, sys.argv[1:] if given is None else given)])


def say(text: str) -> None:
    """Tell the user something that is no result, on one line; a line break before it leaves a line out.

    A file's name can hold line breaks and escape codes, and whoever reads the lines takes each for ours.
    """
    apart = "\n" if text.startswith("\n") else ""
    click.echo(apart + one_line(text.removeprefix(apart)), err=True)


@contextlib.contextmanager
def stdout_for_results(active: bool) -> Iterator[None]:
    """Send what libraries write to the process's standard output to standard error instead.

    onnxruntime prints some errors there from C++, past ``sys.stdout``, and a
    JSON document must stand alone. Does nothing unless ``active``.
    """
    if not active or not _is_real(sys.stdout):
        yield
        return
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        os.dup2(2, 1)
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


def _is_real(stream: Any) -> bool:
    try:
        return bool(stream.fileno() == 1)
    except (OSError, ValueError, AttributeError):
        return False
