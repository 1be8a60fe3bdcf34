"""Progress of reading pictures on standard error: a bar in a terminal, a few lines elsewhere, none for a handful."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from mnistbench.cli.output import say

FEW = 500
"""Up to so many pictures are read before anybody asks how far it is."""

LINES = 5
"""Told of a run without a terminal, about."""


class PictureProgress:
    """Counts pictures.

    Args:
        total: How many there are.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = self._told = 0
        self._terminal = sys.stderr.isatty()
        self._bar = Progress(
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TimeRemainingColumn(compact=True),
            console=Console(stderr=True, highlight=False),
            disable=not self._terminal or total <= FEW,
            expand=True,
            transient=True,
        )
        self._task = self._bar.add_task("", total=total)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def advance(self, count: int) -> None:
        """So many more are done."""
        self._done += count
        self._bar.update(self._task, completed=self._done)
        due = self._done - self._told >= self._total / LINES
        if not self._terminal and self._total > FEW and (due or self._done == self._total):
            self._told = self._done
            say(f"{self._done:,} of {self._total:,} pictures")
