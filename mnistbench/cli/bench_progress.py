"""Progress of a benchmark on standard error: a bar in a terminal, a line a round elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mnistbench.cli.bar import Bar
from mnistbench.cli.output import say

if TYPE_CHECKING:
    from mnistbench.measure.latency.sweep import Task

LINES = 10
"""Told of a run without a terminal, about."""


class BenchProgress(Bar):
    """Shows what is measured next."""

    def __call__(self, task: Task, done: int, total: int) -> None:
        """A measurement begins."""
        row, label = task.row, task.subject.device.label
        self.show(f"{row.name} on {label}, {row.mode}, batch {row.batch_size}", done, total)

    def show(self, what: str, done: int, total: int) -> None:
        """A measurement begins of which that much can be said."""
        self.update(what, done, total)
        if not self.terminal and done % max(1, total // LINES) == 0:
            say(f"{done + 1} of {total}: timing {what}")
