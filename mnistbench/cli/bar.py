"""One bar on standard error in a terminal, and nothing elsewhere; what is told there, the users of it decide."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column

from mnistbench.report.sheet import one_line


class Bar:
    """A description, a bar, how many of how many, and the time that is left; gone when it ends.

    Attributes:
        terminal: Whether it is shown.
    """

    def __init__(self) -> None:
        self.terminal = sys.stderr.isatty()
        self._bars = Progress(
            TextColumn("{task.description}", table_column=Column(max_width=44, no_wrap=True, overflow="ellipsis")),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TimeRemainingColumn(compact=True, table_column=Column(no_wrap=True, min_width=5)),
            console=Console(stderr=True, highlight=False),
            disable=not self.terminal,
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

    def update(self, what: str, done: int, total: int) -> None:
        """So much is done of what is described."""
        self._bars.update(self._task, completed=done, total=total, description=one_line(what).replace("[", "\\["))
