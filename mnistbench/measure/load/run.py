"""Several models on several devices under load, one after another; what fails becomes rows, and the others go on.

Prints nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from mnistbench.errors import MnistbenchError, ProviderError
from mnistbench.files import path_in_results
from mnistbench.measure.latency.subject import Model
from mnistbench.measure.load.loaded import load_model
from mnistbench.measure.load.measure import SEED, OnResult, measure_load
from mnistbench.measure.load.scenarios import Scenario
from mnistbench.measure.load.strangers import Work, load_untrusted
from mnistbench.measure.load.timer import Timer
from mnistbench.results import LoadResult
from mnistbench.runtime.devices import Device
from mnistbench.runtime.images import Images
from mnistbench.runtime.session import SessionSettings


def load_models(
    files: Sequence[tuple[Path, str]],
    devices: Sequence[Device],
    scenarios: Sequence[Scenario],
    *,
    inspect: Callable[[Path, str], Model],
    images: Images | None,
    seconds: float,
    timer: Timer,
    settings: SessionSettings,
    keep: OnResult,
    note: Callable[[str], None],
    seed: int = SEED,
) -> None:
    """Measure each file on each device in each scenario.

    Args:
        files: Paths, and what to call each.
        devices: Where.
        scenarios: The kinds of load, in order.
        inspect: Finds out what a file takes.
        images: As in :func:`mnistbench.measure.load.measure.measure_load`, like the next two.
        seconds: Likewise.
        timer: Likewise.
        settings: Threads and optimisation.
        keep: Gets each row as soon as it exists.
        note: Gets what the user should know meanwhile.
        seed: Draws the inputs and the arrivals.

    Raises:
        MnistbenchError: When the only file cannot be measured.
        InputError: As :func:`mnistbench.measure.load.measure.measure_load`.
    """

    def fail(path: Path, name: str, on: Sequence[Device], error: MnistbenchError) -> None:
        if len(files) == 1 and not isinstance(error, ProviderError):
            raise error
        for device in on:
            for scenario in dict.fromkeys(scenario.name for scenario in scenarios):
                keep(LoadResult(name, path_in_results(path), "", device.text, scenario, error=str(error)))

    for path, name in files:
        try:
            model = inspect(path, name)
        except MnistbenchError as error:
            fail(path, name, devices, error)
            continue
        if images is not None and model.inputs.plan is None:
            note(f"{name} does not read digits; loaded with random inputs: {model.inputs.describe()}")
        fixed = model.inputs.fixed_batch
        if fixed is not None and any(scenario.samples_per_query != fixed for scenario in scenarios):
            note(f"{name} takes batches of {fixed} only: each query is one of these, in every scenario")
        for device in devices:
            note(f"loading {name} on {device.label}")
            try:
                if model.untrusted is not None:
                    load_untrusted(Work(model, device, scenarios, images, seconds, settings, seed), keep)
                    continue
                loaded = load_model(model, device, settings)
                measure_load(loaded, scenarios, images=images, seconds=seconds, timer=timer, seed=seed, on_result=keep)
            except MnistbenchError as error:
                fail(path, name, [device], error)
