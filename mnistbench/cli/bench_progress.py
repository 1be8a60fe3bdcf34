"""Progress of a benchmark on standard error: a bar in a terminal, a line a round elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column

from mnistbench.cli.output import say

if TYPE_CHECKING:
    from mnistbench.measure.latency.sweep import Task

LINES = 10
"""Told of a run without a terminal, about."""


class BenchProgress:
    """Shows what is measured next."""

    def __init__(self) -> None:
        terminal = sys.stderr.isatty()
        self._lines = 0 if terminal else LINES
        self._bars = Progress(
            TextColumn("{task.description}", table_column=Column(max_width=44, no_wrap=True, overflow="ellipsis")),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TimeRemainingColumn(compact=True, table_column=Column(no_wrap=True, min_width=5)),
            console=Console(stderr=True, highlight=False),
            disable=not terminal,
            expand=True,
            transient=True,
        )
        self._task = self._bars.add_task("", total=None)

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def __call__(self, task: Task, done: int, total: int) -> None:
        """A measurement begins."""
        row, label = task.row, task.subject.device.label
        self.show(f"{row.name} on {label}, {row.mode}, batch {row.batch_size}", done, total)

    def show(self, what: str, done: int, total: int) -> None:
        """A measurement begins of which that much can be said."""
        self._bars.update(self._task, completed=done, total=total, description=what.replace("[", "\\["))
        if self._lines and done % max(1, total // self._lines) == 0:
            say(f"{done + 1} of {total}: timing {what}")
