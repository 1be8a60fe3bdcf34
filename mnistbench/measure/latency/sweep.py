"""Times models: every batch size of every model on every device in every mode, several times over.

Each round measures everything once, in an order that rotates from round to
round, so that a machine that slows down meanwhile slows everything alike.
Whatever fails becomes a row with an error, and the sweep goes on. Prints
nothing and knows no files but the models'.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mnistbench.errors import InputError, MnistbenchError, ProcessError
from mnistbench.measure.clock import Clock
from mnistbench.measure.latency.combine import combine
from mnistbench.measure.latency.enough import agree
from mnistbench.measure.latency.modes import check_mode
from mnistbench.measure.latency.request import Measured, Request
from mnistbench.measure.latency.single import measure_once
from mnistbench.measure.latency.subject import Model, Subject, inspect_model
from mnistbench.measure.latency.workload import SEED
from mnistbench.measure.steady import Plan
from mnistbench.measure.undisturbed import shortest
from mnistbench.results import STOPPED, LatencyResult
from mnistbench.runtime.contract import Calibration
from mnistbench.runtime.devices import Device, resolve_device
from mnistbench.runtime.images import Images, as_batch
from mnistbench.runtime.session import SessionSettings
from mnistbench.runtime.untrusted.limits import Limits

Runner = Callable[[Request], Measured]
"""Measures one request, in this process or in another; raises :class:`mnistbench.errors.MnistbenchError`."""


STRANGERS_SHARE = 1 / 6
"""Of the time that a stranger's process may take: what a slow call is waited for, since its model may never answer."""


@dataclass
class Task:
    """One row on its way."""

    subject: Subject
    row: LatencyResult
    request: Request
    measured: list[Measured] = field(default_factory=list)
    error: str | None = None

    def measure(self, runner: Runner) -> None:
        """Measure it once more; after an error it is over."""
        try:
            self.measured.append(runner(self.request))
        except ProcessError as error:
            self.error = str(error)
        except OSError as error:
            self.error = f"no process could be started: {error}"
        except MnistbenchError as error:
            # Wrong answers and the like: what was measured before is worth nothing either.
            self.error = str(error)
            self.measured.clear()

    @property
    def wants_more(self) -> bool:
        """Whether those that measured it do not agree."""
        return self.error is None and not agree([shortest(part.samples_seconds) for part in self.measured])

    def result(self) -> LatencyResult:
        """The row as it stands; with an error when there is nothing else, or beside the figures of before."""
        if not self.measured:
            return dataclasses.replace(self.row, error=self.error or "not measured: it was stopped before")
        row = combine(self.row, self.measured)
        return row if self.error is None else dataclasses.replace(row, options=row.options | {STOPPED: self.error})


Progress = Callable[[Task, int, int], None]
"""Gets the row that is measured next, the number of measurements done, and of all."""


class Sweep:
    """Rows to be measured in rounds; :meth:`results` may be asked at any time.

    Args:
        subjects: Models on devices in modes.
        batch_sizes: For each; a model that takes one batch size only gets that one, once.
        plan: How long each process warms up and measures.
        settings: Threads and optimisation.
        seed: Draws the inputs.

    Raises:
        InputError: When a batch size makes no sense.
    """

    def __init__(
        self,
        subjects: Sequence[Subject],
        batch_sizes: Sequence[int],
        *,
        plan: Plan,
        settings: SessionSettings | None = None,
        seed: int = SEED,
    ) -> None:
        if not batch_sizes or min(batch_sizes) < 1:
            raise InputError(f"batches of {list(batch_sizes)}; expected one batch size at least, from 1 on")
        settings = settings or SessionSettings()
        self.tasks = [
            make_task(subject, batch_size, plan, settings, seed)
            for subject in subjects
            for batch_size in possible_batches(subject.model, batch_sizes)
        ]

    def run(
        self, runner: Runner, *, rounds: int = 1, most_rounds: int | None = None, on_progress: Progress | None = None
    ) -> list[LatencyResult]:
        """Measure everything.

        Args:
            runner: Measures one request.
            rounds: How often each.
            most_rounds: How often what the rounds do not agree on (:func:`mnistbench.measure.latency.enough.agree`);
                as ``rounds`` when ``None``.
            on_progress: Called before each measurement.

        Returns:
            The rows, in the order of the subjects and batch sizes.
        """
        done = 0
        for number in range(max(rounds, most_rounds or 0)):
            tasks = self.tasks if number < rounds else [task for task in self.tasks if task.wants_more]
            if not tasks:
                break
            total = max(rounds * len(self.tasks), done + len(tasks))
            first = number * len(tasks) // rounds % len(tasks)
            for task in tasks[first:] + tasks[:first]:
                if task.error is None:
                    if on_progress is not None:
                        on_progress(task, done, total)
                    task.measure(runner)
                done += 1
        return self.results()

    def results(self) -> list[LatencyResult]:
        """The rows as they stand."""
        return [task.result() for task in self.tasks]


def measure_latency(
    path: str | os.PathLike[str],
    *,
    name: str | None = None,
    device: str | Device = "cpu",
    batch_sizes: Sequence[int],
    images: Images,
    plan: Plan,
    clock: Clock,
    settings: SessionSettings | None = None,
    calibration: Calibration | None = None,
    mode: str = "e2e",
    seed: int = SEED,
) -> list[LatencyResult]:
    """Time one ONNX file on one device at several batch sizes, once, within this process.

    Args:
        path: The file.
        name: What to call it; the file's name without its ending when ``None``.
        device: ``cpu``, ``cuda`` or ``cuda:N``.
        batch_sizes: Images in a call; a model that takes one batch size only gets that one, once.
        images: uint8 of shape ``(n, 28, 28)``, which the inputs are drawn from.
        plan: How long to warm up and to measure.
        clock: The time source.
        settings: Threads and optimisation; the defaults when ``None``.
        calibration: Labelled training images, for a foreign model whose value range
            nothing tells; without them the commonest range is assumed.
        mode: One of :data:`mnistbench.measure.latency.modes.MODES`.
        seed: Draws the inputs.

    Returns:
        One row a batch size, in the order given; a row that could not be measured has ``error``.

    Raises:
        ModelError: When the file is not a model that can be loaded at all.
        InputError: When a batch size or the images make no sense.
        ProviderError: When ``device`` is not the name of a device, or has no such mode.
    """
    device = resolve_device(device)
    images = as_batch(images)
    if not len(images):
        raise InputError("no images; expected at least one image")
    subject = Subject(inspect_model(path, name=name, calibration=calibration), device, check_mode(mode, device))
    sweep = Sweep([subject], batch_sizes, plan=plan, settings=settings, seed=seed)
    return sweep.run(lambda request: measure_once(request, images, clock))


def make_task(subject: Subject, batch_size: int, plan: Plan, settings: SessionSettings, seed: int) -> Task:
    """A row that nothing was measured of yet."""
    request = Request(
        path=str(subject.model.path),
        name=subject.model.name,
        device=subject.device.text,
        provider=subject.device.source.full_name,
        mode=subject.mode,
        batch_size=batch_size,
        inputs=subject.model.inputs,
        settings=settings,
        plan=_patient(plan, subject.model.untrusted),
        seed=seed,
        allow_external_data=subject.model.allow_external_data,
        untrusted=subject.model.untrusted,
    )
    return Task(subject, subject.blank(batch_size, settings, seed), request)


def _patient(plan: Plan, untrusted: Limits | None) -> Plan:
    """The plan, with less patience for a stranger's model."""
    if untrusted is None:
        return plan
    return dataclasses.replace(plan, patience_seconds=min(plan.patience_seconds, STRANGERS_SHARE * untrusted.seconds))


def possible_batches(model: Model, batch_sizes: Sequence[int]) -> Sequence[int]:
    """The batch sizes that were asked for, or the only one that the model takes."""
    fixed = model.inputs.fixed_batch
    return tuple(batch_sizes) if fixed is None else (fixed,)
