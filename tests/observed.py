"""An observer of several jobs that remembers, and jobs to observe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tiny import tiny_job

from mnistbench.training.job import FinishedRun, Job
from mnistbench.training.run import Event

SWEEP = [tiny_job(seed=0), tiny_job(seed=1), tiny_job(seed=2, learning_rate=1e30), tiny_job("2-P-4-P-8-10")]
"""The third diverges."""


@dataclass
class Log:
    """An observer that remembers, and may do something at an event."""

    at_event: Callable[[Job, Event], None] = lambda job, event: None
    told: list[tuple[str, str]] = field(default_factory=list)
    runs: dict[str, FinishedRun] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def begin(self, job: Job) -> None:
        self.told.append(("begin", job.key))

    def event(self, job: Job, event: Event) -> None:
        self.told.append((type(event).__name__, job.key))
        self.at_event(job, event)

    def finish(self, job: Job, run: FinishedRun) -> None:
        self.told.append(("finish", job.key))
        self.runs[job.key] = run

    def fail(self, job: Job, reason: str) -> None:
        self.told.append(("fail", job.key))
        self.reasons[job.key] = reason

    def of(self, job: Job) -> list[str]:
        return [what for what, key in self.told if key == job.key and what != "StepsDone"]
