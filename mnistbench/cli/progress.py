"""Progress on standard error: bars in a terminal, one plain line an epoch elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Column

from mnistbench.report.sheet import one_line
from mnistbench.report.units import percent
from mnistbench.results import EpochResult, TrainingResult
from mnistbench.training.run import EpochDone, Event, Resumed, StepsDone, Waiting

LONGEST_LABEL = 23
"""Characters of a name in one line, so that a bar still fits 80 columns."""


class JobProgress:
    """One run in progress: a bar while it lasts, one line when it has ended.

    Args:
        sweep: Where it is shown.
        name: The run in one word, for messages.
        label: The same with its number, for the bar and the lines.
        epochs: As many as it will train.
    """

    def __init__(self, sweep: TrainingProgress, name: str, label: str, epochs: int) -> None:
        self.name = name
        self._sweep, self._label, self._epochs = sweep, label, epochs
        self._last: EpochResult | None = None
        self._task: TaskID = sweep.bars.add_task(label, total=epochs, state="")
        self._line("training")

    def __call__(self, event: Event) -> None:
        """Show one event."""
        match event:
            case StepsDone(epoch, steps, num_steps, loss):
                done = round(epoch - 1 + steps / num_steps, 1)
                self._bar(done, f"loss {loss:.3f}{self._so_far()}")
            case Waiting():
                self._bar(0, "waits for another process")
                self._line("another process trains it; waiting for its end")
            case Resumed(result):
                self._last = result
                self._bar(result.epoch, "")
                self._line(f"goes on after epoch {result.epoch}")
            case EpochDone(result):
                self._last = result
                self._bar(result.epoch, f"loss {result.loss:.3f}{self._so_far()}")
                self._line(f"epoch {result.epoch}/{self._epochs} loss {result.loss:.4f}{self._so_far()}")

    def stage(self, stage: str) -> None:
        """Another stage of the network begins."""
        if stage != "train":
            self._sweep.bars.update(self._task, state=stage)
            self._line(stage)

    def end(self, result: TrainingResult) -> None:
        """The run is finished, now or earlier."""
        error = f"error {percent(result.error_rate)}%"
        if self._last is None:
            self._line(f"kept: was finished before, {error}")
        self._leave(f"{error} {result.epoch_seconds:.2f} s/epoch")

    def fail(self) -> None:
        """The run stopped without a result; the reason is told elsewhere."""
        self._line("failed")
        self._leave("failed")

    def kept(self) -> str:
        """What an interruption leaves of it."""
        done = f"epochs up to {self._last.epoch} of {self._epochs} are kept" if self._last else "no epoch was finished"
        return f"{self.name}: {done}"

    def _bar(self, completed: float, state: str) -> None:
        self._sweep.bars.update(self._task, completed=completed, state=state)

    def _leave(self, outcome: str) -> None:
        """Make room: a sweep has more runs than a screen has lines."""
        self._sweep.bars.remove_task(self._task)
        if self._sweep.terminal:
            self._sweep.bars.console.print(f"{self._label}: {outcome}", markup=False, soft_wrap=True)
        self._sweep.leave(self)

    def _so_far(self) -> str:
        last = self._last
        return "" if last is None else f" error {percent(last.error_rate)}% {last.seconds:.2f} s/epoch"

    def _line(self, text: str) -> None:
        if not self._sweep.terminal:
            print(f"{self._label}: {text}", file=sys.stderr, flush=True)  # noqa: T201 -- this is the output


class TrainingProgress:
    """Shows several runs, one after another or at once.

    ``add`` gives the run to tell of. Where there is only one at a time, ``begin``
    it, and tell its events here.

    Args:
        num_jobs: How many will be begun.
    """

    def __init__(self, num_jobs: int) -> None:
        self.terminal = sys.stderr.isatty()
        self._num_jobs = num_jobs
        self._begun = 0
        self._running: list[JobProgress] = []
        self._current: JobProgress | None = None
        self.bars = Progress(
            TextColumn("{task.description}", table_column=Column(max_width=LONGEST_LABEL, overflow="fold")),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[state]}", table_column=Column(no_wrap=True)),
            TimeRemainingColumn(compact=True, table_column=Column(no_wrap=True, min_width=5)),
            console=Console(stderr=True, highlight=False),
            disable=not self.terminal,
            expand=True,
        )

    def __enter__(self) -> Self:
        self.bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bars.stop()

    def begin(self, name: str, epochs: int) -> None:
        """The next run starts."""
        self.add(name, epochs)

    def add(self, name: str, epochs: int) -> JobProgress:
        """The next run starts, and is told of by what this returns; the name is all that sets it apart."""
        self._begun += 1
        label = f"{self._begun} of {self._num_jobs}: {name}" if self._num_jobs > 1 else name
        self._current = JobProgress(self, name, label, epochs)
        self._running.append(self._current)
        return self._current

    def leave(self, job: JobProgress) -> None:
        """A run has ended."""
        self._running.remove(job)

    def __call__(self, event: Event) -> None:
        """Show one event of the run begun last."""
        assert self._current is not None
        self._current(event)

    def stage(self, _name: str, stage: str) -> None:
        """Another stage of the run begun last."""
        assert self._current is not None
        self._current.stage(stage)

    def end(self, result: TrainingResult) -> None:
        """The run begun last is finished."""
        assert self._current is not None
        self._current.end(result)

    def fail(self, reason: str) -> None:
        """The run begun last stopped without a result."""
        assert self._current is not None
        self._current.fail()
        self.bars.console.print(f"failed: {one_line(reason)}", markup=False, soft_wrap=True)

    def interrupted(self, command: str) -> str:
        """One line that says what is kept and how to go on."""
        match self._running:
            case [] if not self._begun:
                kept = "no run had begun"
            case []:
                kept = "every run that was begun has ended"
            case [job]:
                kept = job.kept()
            case jobs:
                kept = f"{len(jobs)} runs were being trained, and keep the epochs that they finished"
        return f"interrupted: {kept}; go on with: {command}"
