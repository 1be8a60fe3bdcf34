"""Everything that a breakdown needs the time of: calls, bound calls, the floor, and calls on rival devices.

Each is timed once, however many results stand on it. Starts nothing by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mnistbench.measure.breakdown.crossing import crossing
from mnistbench.measure.breakdown.parts import Rows
from mnistbench.measure.latency.bench import Bench
from mnistbench.measure.latency.modes import Mode
from mnistbench.measure.latency.subject import Model, Subject
from mnistbench.measure.latency.sweep import Progress, Runner, Sweep, Task, possible_batches
from mnistbench.results import CrossingResult, LatencyResult
from mnistbench.runtime.devices import Device

CROSSING_BATCHES = (1, 4, 16, 64, 256, 1024)


@dataclass(frozen=True)
class Breakdown:
    """What is to be taken apart, and how."""

    bench: Bench
    """Devices, batch sizes, plan and settings; its modes and its floor do not count."""
    rivals: Sequence[tuple[Device, Device]] = ()
    """Pairs of devices, of which the second may overtake the first."""
    crossing_batches: Sequence[int] = CROSSING_BATCHES
    """At which the pairs are compared, beside the bench's own."""


class Timed:
    """The rows to be timed, and what they are for.

    Args:
        wanted: What and how.
        models: What is taken apart.
        floor: The model that does nothing.

    Raises:
        InputError: When a batch size makes no sense.
    """

    def __init__(self, wanted: Breakdown, models: Sequence[Model], floor: Model) -> None:
        self._wanted, self._models, self._floor = wanted, models, floor
        bench = wanted.bench
        self._sweep = Sweep([], bench.batch_sizes, plan=bench.plan, settings=bench.settings, seed=bench.seed)
        self._tasks: dict[tuple[int, Device, Mode, int], Task] = {}
        self._apart: dict[tuple[int, Device, Mode, int], Task] = {}
        # A batch of digits has a floor of its own; that of one image says what any call costs.
        digits = [model for model in models if model.inputs.plan is not None]
        floors = {1}.union(*(possible_batches(model, bench.batch_sizes) for model in digits))
        for device in bench.devices:
            for model in models:
                self._apart |= self._add(model, device, "e2e", bench.batch_sizes)
                self._add(model, device, "bound", bench.batch_sizes)
            self._add(floor, device, "e2e", sorted(floors))
        for device in dict.fromkeys(device for pair in wanted.rivals for device in pair):
            for model in models:
                self._add(model, device, "e2e", sorted({*bench.batch_sizes, *wanted.crossing_batches}))

    @property
    def count(self) -> int:
        """Measurements that :meth:`run` takes."""
        return len(self._tasks) * self._wanted.bench.processes

    def run(self, runner: Runner, on_progress: Progress) -> None:
        """Time everything, in rounds."""
        self._sweep.tasks = list(self._tasks.values())
        self._sweep.run(runner, rounds=self._wanted.bench.processes, on_progress=on_progress)

    @property
    def calls(self) -> Sequence[Task]:
        """The calls that are taken apart: models by device and batch size, in the order asked for."""
        return list(self._apart.values())

    def rows(self, task: Task) -> Rows:
        """What was timed for one of :attr:`calls`."""
        model, device, size = task.subject.model, task.subject.device, task.row.batch_size
        return Rows(
            task.result(),
            bound=self._row(model, device, "bound", size),
            # Its input is one of digits; for other tensors it says only what any call costs.
            floor=self._row(self._floor, device, "e2e", size) if model.inputs.plan is not None else None,
            call_floor=self._row(self._floor, device, "e2e", 1),
        )

    def crossings(self) -> Iterator[CrossingResult]:
        """One a model and pair of devices."""
        for model in self._models:
            for slow, fast in self._wanted.rivals:
                rows = [
                    [task.result() for key, task in self._tasks.items() if key[:3] == (id(model), device, "e2e")]
                    for device in (slow, fast)
                ]
                yield crossing(*rows, name=model.name, device=slow.label, faster_device=fast.label)

    def _add(
        self, model: Model, device: Device, mode: Mode, batch_sizes: Sequence[int]
    ) -> dict[tuple[int, Device, Mode, int], Task]:
        """The tasks for these, those among them that exist already as they are."""
        bench = self._wanted.bench
        made = Sweep(
            [Subject(model, device, mode)], batch_sizes, plan=bench.plan, settings=bench.settings, seed=bench.seed
        )
        # Files may have the same name; a batch size may be the model's own.
        keys = {(id(model), device, mode, task.row.batch_size): task for task in made.tasks}
        return {key: self._tasks.setdefault(key, task) for key, task in keys.items()}

    def _row(self, model: Model, device: Device, mode: Mode, batch_size: int) -> LatencyResult | None:
        task = self._tasks.get((id(model), device, mode, batch_size))
        return task.result() if task is not None else None
