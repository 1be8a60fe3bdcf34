"""A whole run of the benchmark: models on devices in modes, in fresh processes, kept while it goes on.

Prints nothing; what it keeps and how far it is goes through callbacks.
"""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mnistbench.errors import CombinationError, MnistbenchError
from mnistbench.files import path_in_results
from mnistbench.measure.clock import Clock
from mnistbench.measure.latency.floor import floor_model
from mnistbench.measure.latency.inputs import Size
from mnistbench.measure.latency.modes import Mode, check_mode
from mnistbench.measure.latency.processes import fresh_processes
from mnistbench.measure.latency.subject import Model, Subject, inspect_model
from mnistbench.measure.latency.sweep import Progress, Runner, Sweep, Task, possible_batches
from mnistbench.measure.latency.workload import SEED
from mnistbench.measure.steady import Plan
from mnistbench.results import BenchRun, Environment, LatencyResult
from mnistbench.runtime.contract import Calibration
from mnistbench.runtime.devices import Device
from mnistbench.runtime.images import Images
from mnistbench.runtime.session import SessionSettings
from mnistbench.runtime.untrusted.limits import Limits

SECONDS_BETWEEN_SAVES = 20
"""What a power cut may cost."""


@dataclass(frozen=True)
class LeftOut:
    """A device with a mode that it does not have."""

    device: Device
    mode: str
    reason: str
    is_covered: bool
    """Whether the device is measured in another mode, and the mode on another device: nothing is then missing."""


@dataclass(frozen=True)
class Bench:
    """What is to be measured, and how."""

    devices: Sequence[Device]
    modes: Sequence[str]
    batch_sizes: Sequence[int]
    plan: Plan
    processes: int
    """Fresh ones for each row."""
    settings: SessionSettings
    most_processes: int | None = None
    """For rows that they do not agree on; as ``processes`` when ``None``."""
    seed: int = SEED
    floor: bool = False
    """Whether a model that does nothing is measured beside models that read digits."""
    images: Images | None = None
    """uint8 of shape ``(n, 28, 28)``, which inputs are drawn from."""
    calibration: Calibration | None = None
    """As in :func:`mnistbench.measure.latency.subject.inspect_model`, like the rest."""
    layout: str | None = None
    value_range: str | None = None
    output: str | None = None
    allow_external_data: bool = False
    untrusted: Limits | None = None
    """What processes of strangers' models may take; ``None`` where they are trusted."""
    shapes: Mapping[str | None, Sequence[Size]] = field(default_factory=dict)
    input_file: Path | None = None

    def __post_init__(self) -> None:
        elsewhere = [device.label for device in self.devices if not device.is_default]
        if self.untrusted is not None and elsewhere:
            raise CombinationError(
                f"an untrusted model runs on the CPU only, not on {elsewhere[0]}; use the device cpu"
            )

    @property
    def asks_for_tensors(self) -> bool:
        """Whether the user said what the inputs are."""
        return bool(self.shapes) or self.input_file is not None

    @property
    def asked_for(self) -> dict[str, Any]:
        """What results keep of it: ``processes``, ``most_processes``, ``seed``, ``plan``."""
        most = max(self.processes, self.most_processes or 0)
        asked: dict[str, Any] = {"processes": self.processes, "most_processes": most}
        return asked | {"seed": self.seed, "plan": dataclasses.asdict(self.plan)}

    def pairs(self) -> tuple[list[tuple[Device, Mode]], list[LeftOut]]:
        """Each device with each mode that it has, and those that it does not have.

        Raises:
            CombinationError: When no device has any of the modes.
        """
        pairs: list[tuple[Device, Mode]] = []
        refused: list[tuple[Device, str, CombinationError]] = []
        for device in self.devices:
            for mode in self.modes:
                try:
                    pairs.append((device, check_mode(mode, device)))
                except CombinationError as error:
                    refused.append((device, mode, error))
        if not pairs:
            raise refused[0][2]
        devices, modes = {device for device, _ in pairs}, {mode for _, mode in pairs}
        return pairs, [
            LeftOut(device, mode, str(error), is_covered=device in devices and mode in modes)
            for device, mode, error in refused
        ]

    def inspect(self, path: Path, name: str) -> Model:
        """What one file takes.

        Raises:
            ModelError: As :func:`mnistbench.measure.latency.subject.inspect_model`.
        """
        return inspect_model(
            path,
            name=name,
            calibration=self.calibration,
            layout=self.layout,
            value_range=self.value_range,
            output=self.output,
            allow_external_data=self.allow_external_data,
            untrusted=self.untrusted,
            shapes=self.shapes,
            input_file=self.input_file,
        )

    def inspect_all(
        self, files: Sequence[tuple[Path, str]], note: Callable[[str], None]
    ) -> tuple[list[Model], list[tuple[Path, str, str]]]:
        """What each file takes; and path, name and error of those that cannot be measured.

        Args:
            files: Paths, and what to call each.
            note: Gets what the user should know of how a file is measured.

        Raises:
            MnistbenchError: When the only file cannot be measured.
        """
        models: list[Model] = []
        broken: list[tuple[Path, str, str]] = []
        for path, name in files:
            try:
                model = self.inspect(path, name)
            except MnistbenchError as error:
                if len(files) == 1:
                    raise
                broken.append((path, name, str(error)))
                continue
            models.append(model)
            if not self.asks_for_tensors and model.inputs.plan is None:
                note(f"{name} does not read digits; timed on random inputs: {model.inputs.describe()}")
            fixed = model.inputs.fixed_batch
            if fixed is not None and tuple(self.batch_sizes) != (fixed,):
                note(model.inputs.only_batch(name))
        return models, broken


def run_bench(
    bench: Bench,
    files: Iterable[tuple[Path, str]],
    environment: Environment,
    clock: Clock,
    *,
    keep: Callable[[BenchRun], None],
    on_note: Callable[[str], None] | None = None,
    on_progress: Callable[[Task, int, int], None] | None = None,
    make_runner: Callable[[Images | None], contextlib.AbstractContextManager[Runner]] = fresh_processes,
) -> BenchRun:
    """Measure files.

    A file that cannot be measured becomes a row with an error, unless it is the only one. So does a mode that none
    of the devices has, and a device that has none of the modes, unless nothing is left.

    Args:
        bench: What and how.
        files: Paths, and what to call each.
        environment: The machine.
        clock: Tells when to save.
        keep: Gets the run as it stands, now and then, at the end, and when it is interrupted.
        on_note: Gets what the user should know of how it is measured.
        on_progress: Called before each measurement.
        make_runner: What measures a request, given the images.

    Raises:
        MnistbenchError: When the only file cannot be measured, or nothing that is asked for makes sense.
    """
    files = list(files)
    started = datetime.now(UTC).isoformat(timespec="seconds")
    note = on_note or (lambda _text: None)
    pairs, left_out = bench.pairs()
    for one in left_out:
        note(f"left out: {one.reason}")
    models, unusable = bench.inspect_all(files, note)
    broken = [
        _no_figures(name, path, "", device, mode, error) for path, name, error in unusable for device, mode in pairs
    ]
    broken += [
        _no_figures(model.name, model.path, model.sha256, one.device, one.mode, one.reason)
        for model in models
        for one in left_out
        if not one.is_covered
    ]
    with contextlib.ExitStack() as stack:

        def sweep_of(models: Sequence[Model], batch_sizes: Sequence[int]) -> Sweep:
            subjects = [Subject(model, device, mode) for model in models for device, mode in pairs]
            return Sweep(subjects, batch_sizes, plan=bench.plan, settings=bench.settings, seed=bench.seed)

        sweep = sweep_of(models, bench.batch_sizes)
        digits = [model for model in models if model.inputs.plan is not None]
        if bench.floor and digits:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="mnistbench-"))
            sizes = dict.fromkeys(size for model in digits for size in possible_batches(model, bench.batch_sizes))
            sweep.tasks += sweep_of([floor_model(Path(folder))], [*sizes]).tasks
        elif bench.floor:
            note("no floor: it is that of models that read digits")
        asked = bench.asked_for

        def now() -> BenchRun:
            return BenchRun(started, environment, asked, (*sweep.results(), *broken))

        runner = stack.enter_context(make_runner(bench.images))
        saved = clock.now_ns()

        def progress(task: Task, done: int, total: int) -> None:
            nonlocal saved
            if done and clock.now_ns() - saved > SECONDS_BETWEEN_SAVES * 1_000_000_000:
                keep(now())
                saved = clock.now_ns()
            if on_progress is not None:
                on_progress(task, done, total)

        told: Progress = progress
        try:
            sweep.run(runner, rounds=bench.processes, most_rounds=asked["most_processes"], on_progress=told)
        finally:
            keep(now())
        return now()


def _no_figures(name: str, path: Path, sha256: str, device: Device, mode: str, error: str) -> LatencyResult:
    """The row, for every batch size, of what cannot be measured, under the provider that was asked for."""
    options = {"provider": device.source.name}
    return LatencyResult(name, path_in_results(path), sha256, device.text, mode, 0, options=options, error=error)
