"""Progress on standard error: bars in a terminal, one plain line an epoch elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Column

from mnistbench.report.units import percent
from mnistbench.results import EpochResult, TrainingResult
from mnistbench.training.run import EpochDone, Event, Resumed, StepsDone

LONGEST_LABEL = 23
"""Characters of a name in one line, so that a bar still fits 80 columns."""


class TrainingProgress:
    """Shows training events; call it with each.

    Args:
        num_networks: How many will be trained.
    """

    def __init__(self, num_networks: int) -> None:
        self._terminal = sys.stderr.isatty()
        self._num_networks = num_networks
        self._begun = 0
        self._name = ""
        self._epochs = 0
        self._last: EpochResult | None = None
        self._task: TaskID | None = None
        self._bars = Progress(
            TextColumn("{task.description}", table_column=Column(max_width=LONGEST_LABEL, overflow="fold")),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[state]}", table_column=Column(no_wrap=True)),
            TimeRemainingColumn(compact=True, table_column=Column(no_wrap=True, min_width=5)),
            console=Console(stderr=True, highlight=False),
            disable=not self._terminal,
            expand=True,
        )

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def begin(self, name: str, epochs: int) -> None:
        """The next network starts."""
        self._begun += 1
        self._name, self._epochs, self._last = name, epochs, None
        self._task = self._bars.add_task(self._label(), total=epochs, state="")
        self._line("training")

    def __call__(self, event: Event) -> None:
        """Show one event of the network that was begun."""
        assert self._task is not None
        match event:
            case StepsDone(epoch, steps, num_steps, loss):
                done = round(epoch - 1 + steps / num_steps, 1)
                self._bars.update(self._task, completed=done, state=f"loss {loss:.3f}{self._so_far()}")
            case Resumed(result):
                self._last = result
                self._bars.update(self._task, completed=result.epoch)
                self._line(f"goes on after epoch {result.epoch}")
            case EpochDone(result):
                self._last = result
                self._bars.update(self._task, completed=result.epoch, state=f"loss {result.loss:.3f}{self._so_far()}")
                self._line(f"epoch {result.epoch}/{self._epochs} loss {result.loss:.4f}{self._so_far()}")

    def stage(self, _name: str, stage: str) -> None:
        """Another stage of the network begins."""
        assert self._task is not None
        if stage != "train":
            self._bars.update(self._task, state=stage)
            self._line(stage)

    def end(self, result: TrainingResult) -> None:
        """The network is finished, now or earlier."""
        assert self._task is not None
        if self._last is None:
            self._line(f"kept: was finished before, error {percent(result.error_rate)}%")
        state = f"error {percent(result.error_rate)}% {result.epoch_seconds:.2f} s/epoch"
        self._bars.update(self._task, completed=self._epochs, state=state)

    def fail(self, reason: str) -> None:
        """The network stopped without a result."""
        assert self._task is not None
        self._bars.update(self._task, state="failed")
        self._bars.console.print(f"failed: {reason}", markup=False, soft_wrap=True)

    def interrupted(self, command: str) -> str:
        """One line that says what is kept and how to go on."""
        kept = f"epochs up to {self._last.epoch} of {self._epochs} are kept" if self._last else "no epoch was finished"
        return f"interrupted: {self._name}: {kept}; go on with: {command}"

    def _label(self) -> str:
        return f"{self._begun}/{self._num_networks} {self._name}" if self._num_networks > 1 else self._name

    def _so_far(self) -> str:
        last = self._last
        return "" if last is None else f" error {percent(last.error_rate)}% {last.seconds:.2f} s/epoch"

    def _line(self, text: str) -> None:
        if not self._terminal:
            print(f"{self._label()}: {text}", file=sys.stderr, flush=True)  # noqa: T201 -- this is the output
