"""``mnistbench load``: the latency and throughput of ONNX files under load."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mnistbench.cli.foreign import (
    calibration_images,
    check_foreign,
    foreign_options,
    limits_of,
    parse_shapes,
    tensor_options,
)
from mnistbench.cli.kept import KeptFile
from mnistbench.cli.options import (
    FiniteRange,
    PathType,
    data_dir_option,
    debug_option,
    device_option,
    dropout_option,
    json_option,
    names_argument,
    providers_option,
    quick_option,
    spin_option,
    work_dir_option,
)
from mnistbench.cli.output import print_json, print_sheets, say, stdout_for_results
from mnistbench.runtime.threads import MOST_THREADS

if TYPE_CHECKING:
    from mnistbench.measure.latency.subject import Model
    from mnistbench.measure.load.scenarios import Scenario
    from mnistbench.results import Environment, LoadResult

MISSED = 4
"""Exit code when a rate that was asked for misses the bound."""

_SOME_FAILED = 3

DURATION = 3.0
QUICK_DURATION = 0.3


@click.command(epilog="Example: mnistbench load lenet5 --scenario server --p99 5")
@names_argument("NAMES|FILES...")
@click.option(
    "--scenario",
    "scenario_names",
    multiple=True,
    default=("single-stream,multi-stream,offline,server",),
    show_default=True,
    help="single-stream, multi-stream, offline, server, paced; several with commas.",
)
@click.option(
    "--rate",
    type=FiniteRange(0, 1e6, min_open=True),
    help="server: queries per second.  [default: the highest within --p99 is searched]",
)
@click.option(
    "--p99",
    "bound_milliseconds",
    type=FiniteRange(0, 600_000, min_open=True),
    default=10.0,
    show_default=True,
    help="server: milliseconds that 99% of the latencies have to stay under.",
)
@click.option(
    "--samples-per-query",
    type=click.IntRange(1, 1_000_000),
    default=8,
    show_default=True,
    help="multi-stream: images in a query.",
)
@click.option(
    "--batch", type=click.IntRange(1, 1_000_000), default=256, show_default=True, help="offline: images in a call."
)
@click.option(
    "--gaps",
    default="0,1,10,100",
    show_default=True,
    help="paced: milliseconds between an answer and the next call, separated by commas.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    help="offline and server: threads that call the session.",
)
@click.option(
    "--duration",
    type=FiniteRange(0, 86_400, min_open=True),
    help="Seconds of a run; ten times as long where a percentile needs more queries.  [default: 3]",
)
@quick_option
@device_option
@providers_option
@click.option(
    "--threads",
    type=click.IntRange(1, MOST_THREADS),
    help="Threads within an operator. Default: the usable processors, shared among the workers.",
)
@spin_option
@click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), default=20, show_default=True, help="Draws inputs and arrivals."
)
@tensor_options
@foreign_options
@click.option(
    "--output",
    "output_file",
    type=PathType(dir_okay=False),
    help="Also write the run here, as one JSON object with every sample.",
)
@dropout_option
@data_dir_option
@work_dir_option
@json_option
@debug_option
def load(
    names: tuple[str, ...],
    scenario_names: tuple[str, ...],
    rate: float | None,
    bound_milliseconds: float,
    samples_per_query: int,
    batch: int,
    gaps: str,
    workers: int,
    duration: float | None,
    quick: bool,
    device: str | None,
    providers: tuple[str, ...],
    threads: int | None,
    spin: bool,
    seed: int,
    shapes: tuple[str, ...],
    input_file: Path | None,
    layout: str | None,
    value_range: str | None,
    output: str | None,
    allow_external_data: bool,
    untrusted: bool,
    output_file: Path | None,
    dropout: float | None,
    data_dir: Path | None,
    work_dir: Path,
    as_json: bool,
) -> int:
    """Put models under load, in MLPerf's scenarios.

    single-stream and multi-stream send a query when the last is answered, offline
    sends batches as fast as they are answered, server sends queries at random
    moments and looks for the highest rate that keeps p99 under a bound; paced
    shows what a pause before a call costs. MLPerf runs each for 600 seconds, which these
    do not unless --duration says so. Models that do not read digits get random
    inputs of their shape, or yours; a fixed batch is the size of every query.
    Nothing else should run on the machine.

    Exit codes: 0 all was measured, 4 a given --rate misses --p99 or overloads, 3
    else, when a row failed or nothing can be said of a given --rate: too few
    queries, or an invalid run.
    """
    gap_seconds = milliseconds(gaps, "--gaps")
    with stdout_for_results(as_json):
        from mnistbench.cli.sources import distinct, find_models, open_dataset
        from mnistbench.errors import MnistbenchError
        from mnistbench.files import write_json
        from mnistbench.measure.environment import collect_environment
        from mnistbench.measure.latency.subject import inspect_model
        from mnistbench.measure.load.run import load_models
        from mnistbench.measure.load.scenarios import MultiStream, Offline, Paced, Server, SingleStream, describe
        from mnistbench.measure.load.timer import Timer
        from mnistbench.results import LoadRun
        from mnistbench.runtime.devices import expand_devices
        from mnistbench.runtime.session import SessionSettings
        from mnistbench.runtime.threads import usable_cpus

        check_foreign(layout, value_range)
        scenarios = choose_scenarios(
            scenario_names,
            (
                SingleStream(),
                MultiStream(samples_per_query),
                Offline(batch, workers),
                Server(bound_milliseconds / 1000, rate, workers=workers),
                *(Paced(gap) for gap in gap_seconds),
            ),
        )
        devices = expand_devices(device, providers)
        if untrusted and not all(device.is_default for device in devices):
            raise click.UsageError("--untrusted runs models on the CPU only; use --device cpu")
        models = distinct(find_models(names, work_dir, dropout))
        kept = KeptFile(output_file)
        kept.check([*(model.path for model in models), input_file])
        tensors = parse_shapes(shapes)
        # Tensors of a shape need no digits.
        dataset = None if tensors or input_file is not None else open_dataset(data_dir)
        environment = collect_environment()
        results: list[LoadResult] = []
        started = datetime.now(UTC).isoformat(timespec="seconds")
        seconds = duration or (QUICK_DURATION if quick else DURATION)
        asked = {"seconds": seconds, "seed": seed, "scenarios": [describe(scenario) for scenario in scenarios]}

        def inspect(path: Path, name: str) -> Model:
            return inspect_model(
                path,
                name=name,
                calibration=calibration_images(dataset) if dataset is not None else None,
                layout=layout,
                value_range=value_range,
                output=output,
                allow_external_data=allow_external_data,
                untrusted=limits_of(untrusted),
                shapes=tensors,
                input_file=input_file,
            )

        def keep(result: LoadResult) -> None:
            results.append(result)
            run = LoadRun(started, environment, tuple(results), asked)
            kept.write(lambda path: write_json(path, run.as_dict()))

        try:
            load_models(
                [(model.path, model.name) for model in models],
                devices,
                scenarios,
                inspect=inspect,
                images=dataset.test_images if dataset is not None else None,
                seconds=seconds,
                timer=Timer(),
                settings=SessionSettings(threads or max(1, usable_cpus() // workers), spin),
                seed=seed,
                keep=keep,
                note=say,
            )
        except KeyboardInterrupt:
            # Rows take minutes: those that are complete are shown, all the more where no file was asked for.
            kept.put_off_interrupt()
    failed = [result for result in results if result.error is not None]
    if as_json:
        print_json(_printed(results, environment))
    elif len(failed) < len(results):
        from mnistbench.report.load_sheets import load_sheets

        print_sheets(load_sheets(results))
    kept.finish()
    if failed and len(failed) == len(results):
        raise MnistbenchError("; ".join(dict.fromkeys(result.error or "" for result in failed)))
    return exit_code(results)


def _printed(results: Sequence[LoadResult], environment: Environment) -> list[dict[str, Any]]:
    """What ``--json`` prints: an object a row, without the samples."""
    described = environment.as_dict()
    return [dataclasses.replace(row, samples_seconds=()).as_dict() | {"environment": described} for row in results]


def exit_code(results: Sequence[LoadResult]) -> int:
    """What a command with some figures ends with; a search has no rate to miss."""
    from mnistbench.measure.load.verdict import rate_verdict

    measured = [result for result in results if result.error is None]
    asked = [rate_verdict(row) for row in measured if row.scenario == "server" and not row.rate_searched]
    if any(verdict in ("too slow", "overloaded") for verdict in asked):
        return MISSED
    return 0 if len(measured) == len(results) and all(verdict == "within" for verdict in asked) else _SOME_FAILED


def choose_scenarios(texts: Sequence[str], offered: Sequence[Scenario]) -> list[Scenario]:
    """The scenarios that are named, in the order offered.

    Args:
        texts: Names, several of them in one text with commas between.
        offered: With their settings.

    Raises:
        click.BadParameter: When a name is none of theirs.
    """
    named = {part.strip() for text in texts for part in text.split(",")}
    known = dict.fromkeys(scenario.name for scenario in offered)
    for name in sorted(named):
        if name not in known:
            raise click.BadParameter(f"{name!r} is not one of {', '.join(known)}", param_hint="--scenario")
    return [scenario for scenario in offered if scenario.name in named]


def milliseconds(text: str, option: str) -> tuple[float, ...]:
    """Seconds from ``0,1,10``, each once.

    Raises:
        click.BadParameter: When one is no number from 0 to 600,000.
    """
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = [math.nan]
    if not all(0 <= number <= 600_000 for number in numbers):
        raise click.BadParameter(
            f"{text!r} is not a list of milliseconds from 0 to 600000 such as 0,1,10", param_hint=option
        )
    return tuple(dict.fromkeys(number / 1000 for number in numbers))
