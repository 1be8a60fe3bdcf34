"""``mnistbench bench``: the latency of ONNX files on CPUs and GPUs."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mnistbench.cli.bench_gpus import bench_gpus, check_every_gpu, every_gpu_options, show_gpus
from mnistbench.cli.evaluate import with_paper
from mnistbench.cli.foreign import (
    calibration_images,
    check_choice,
    check_foreign,
    foreign_options,
    limits_of,
    parse_shapes,
    tensor_options,
)
from mnistbench.cli.kept import KeptFile
from mnistbench.cli.options import (
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
    threads_option,
    whole_numbers,
    words,
    work_dir_option,
)
from mnistbench.cli.output import print_json, print_sheets, say, stdout_for_results
from mnistbench.cli.tune import check_tune, show_tunings, tune_models

if TYPE_CHECKING:
    from mnistbench.artifacts import ModelFile
    from mnistbench.measure.latency.bench import Bench
    from mnistbench.results import BenchRun, Environment, LatencyResult

PROCESSES = 5
MOST_PROCESSES = 15
"""Where they disagree."""
QUICK_PROCESSES = 2
QUICK_TUNE_PROCESSES = 3


@click.command(
    epilog="Example: mnistbench bench lenet5 largest-dropout --batch 1,32",
    short_help="Time models: session, first call, steady state.",
)
@names_argument("NAMES|FILES...")
@device_option
@providers_option
@click.option("--mode", "modes", default="e2e", show_default=True, help="e2e, bound, graph; several with commas.")
@click.option("--batch", default="1,32,256", show_default=True, help="Batch sizes, separated by commas.")
@click.option(
    "--processes",
    type=click.IntRange(1, 100),
    help=f"Fresh processes a row.  [default: {PROCESSES}, more where they disagree]",
)
@click.option(
    "--most-processes",
    type=click.IntRange(1, 300),
    help=f"Processes for a row that they disagree on.  [default: {MOST_PROCESSES}, or as --processes]",
)
@threads_option
@spin_option
@click.option("--tune", is_flag=True, help="Search the fastest threads and spinning; on CUDA the algorithm search.")
@quick_option
@click.option("--floor", is_flag=True, help="Also time a model that does nothing: what a call costs at least.")
@tensor_options
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=20, show_default=True, help="Draws the inputs.")
@foreign_options
@every_gpu_options
@click.option(
    "--output",
    "output_file",
    type=PathType(dir_okay=False),
    help="File for the run, with every sample; .json.gz is compressed. Default: a new one in the work folder, below "
    "bench/ or tuned/.",
)
@dropout_option
@data_dir_option
@work_dir_option
@json_option
@debug_option
def bench(
    names: tuple[str, ...],
    device: str | None,
    providers: tuple[str, ...],
    modes: str,
    batch: str,
    processes: int | None,
    most_processes: int | None,
    threads: int | None,
    spin: bool,
    tune: bool,
    quick: bool,
    floor: bool,
    shapes: tuple[str, ...],
    input_file: Path | None,
    seed: int,
    layout: str | None,
    value_range: str | None,
    output: str | None,
    allow_external_data: bool,
    untrusted: bool,
    executor: str,
    address: str | None,
    allow_busy: bool,
    output_file: Path | None,
    dropout: float | None,
    data_dir: Path | None,
    work_dir: Path,
    as_json: bool,
) -> int:
    """Time models: making a session, the first call, and steady state.

    Each row is measured in several fresh processes, in an order that rotates, and
    in some more when they disagree on how long an undisturbed call takes.
    The device that is asked for is the device that is used: where it cannot be,
    the row says what is missing, and the exit code is not 0. Nothing else should
    run on the machine meanwhile.

    The mode e2e takes numpy arrays to numpy arrays; in bound, inputs and outputs
    lie on the device; graph replays a CUDA graph. Models that do not read digits
    get random inputs of their shape, or yours.

    With --tune, settings are tried in place of the default ones, and the best
    are printed as code and saved for mnistbench.load(..., tuned=FILE).
    """
    batch_sizes = whole_numbers(batch, "--batch")
    check_every_gpu(
        executor,
        address,
        allow_busy=allow_busy,
        device=device,
        tune=tune,
        input_file=input_file,
        allow_external_data=allow_external_data,
    )
    with stdout_for_results(as_json):
        from mnistbench.cli.sources import distinct, find_models, open_dataset, spare_sources
        from mnistbench.errors import MnistbenchError
        from mnistbench.measure.environment import collect_environment
        from mnistbench.measure.gpu_notes import gpu_notes
        from mnistbench.measure.latency.bench import Bench
        from mnistbench.measure.steady import Plan
        from mnistbench.results import STOPPED
        from mnistbench.runtime.devices import expand_devices
        from mnistbench.runtime.session import SessionSettings
        from mnistbench.runtime.threads import usable_cpus

        check_foreign(layout, value_range)
        chosen_modes = _modes(modes)
        if tune:
            check_tune(chosen_modes)
        files = {file.name: file for file in distinct(find_models(names, work_dir, dropout))}
        spare_sources(output_file, [*(file.path for file in files.values()), input_file])
        # Tensors of a shape need no digits.
        dataset = None if shapes or input_file is not None else open_dataset(data_dir)
        wanted = Bench(
            devices=expand_devices(device, providers) if executor == "local" else (),
            modes=chosen_modes,
            batch_sizes=batch_sizes,
            plan=Plan.quick() if quick else Plan.each(),
            processes=processes or _processes(quick=quick, tune=tune),
            most_processes=_most_processes(processes, most_processes, quick=quick),
            settings=SessionSettings(intra_op_num_threads=threads or usable_cpus(), allow_spinning=spin),
            seed=seed,
            floor=floor,
            images=dataset.test_images if dataset is not None else None,
            calibration=calibration_images(dataset) if dataset is not None else None,
            layout=layout,
            value_range=value_range,
            output=output,
            allow_external_data=allow_external_data,
            untrusted=limits_of(untrusted),
            shapes=parse_shapes(shapes),
            input_file=input_file,
        )
        if executor != "local":
            kept = KeptFile(output_file or name_of_run(work_dir))
            every = bench_gpus(
                wanted, providers, files, kept, executor=executor, address=address, allow_busy=allow_busy
            )
            code = show_gpus(every, as_json=as_json)
            kept.finish()
            return code
        environment = collect_environment()
        for note in gpu_notes(wanted.devices):
            say(note)
        if tune:
            tunings = tune_models(wanted, [*files.values()], environment, work_dir=work_dir, output_file=output_file)
        else:
            kept = KeptFile(output_file or name_of_run(work_dir))
            results = measure_files(wanted, files, environment, kept)
    if tune:
        return show_tunings(tunings, as_json=as_json)
    failed = [result for result in results if result.error is not None or STOPPED in result.options]
    if as_json:
        print_json(_printed(results, environment))
    elif any(result.error is None for result in results):
        from mnistbench.report.latency_sheets import latency_sheets

        print_sheets(latency_sheets(results))
    kept.finish()
    own = [result for result in results if result.name in files]
    if failed and all(result.error is not None for result in own):
        raise MnistbenchError("; ".join(dict.fromkeys(result.error or "" for result in own)))
    return 3 if failed else 0


def name_of_run(work_dir: Path) -> Path:
    """A new file for a run, named by its moment.

    Raises:
        OSError: When the folder cannot be written.
    """
    from mnistbench.files import free_name

    return free_name(work_dir / "bench", f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}", ".json")


def measure_files(
    wanted: Bench, files: Mapping[str, ModelFile], environment: Environment, kept: KeptFile
) -> tuple[LatencyResult, ...]:
    """Measure models, by name, and keep the run in a file meanwhile; finish that when the rows are printed."""
    from mnistbench.bench_files import MOST_SAMPLES, write_bench_run
    from mnistbench.cli.bench_progress import BenchProgress
    from mnistbench.measure.clock import MonotonicClock
    from mnistbench.measure.latency.bench import run_bench

    def with_papers(run: BenchRun) -> BenchRun:
        rows = (with_paper(row, files[row.name]) if row.name in files else row for row in run.results)
        return dataclasses.replace(run, results=tuple(rows))

    kept.check()
    with BenchProgress() as progress:
        try:
            run = run_bench(
                wanted,
                [(file.path, file.name) for file in files.values()],
                environment,
                MonotonicClock(),
                keep=lambda run: kept.write(lambda path: write_bench_run(path, with_papers(run))),
                on_note=say,
                on_progress=progress,
            )
        except KeyboardInterrupt:
            raise kept.interrupted() from None
    kept.written()
    if sum(len(row.samples_seconds) for row in run.results) > MOST_SAMPLES:
        say(
            f"a file has at most {MOST_SAMPLES:,} samples: the rows with the most are without theirs; "
            "measure fewer rows at once"
        )
    return with_papers(run).results


def _processes(*, quick: bool, tune: bool) -> int:
    """Fresh processes a row where none are asked for; two cannot tell a difference from noise, as tuning must."""
    if not quick:
        return PROCESSES
    return QUICK_TUNE_PROCESSES if tune else QUICK_PROCESSES


def _most_processes(processes: int | None, most: int | None, *, quick: bool) -> int | None:
    """Processes for a row that they disagree on: who asks for a number gets it.

    Raises:
        click.BadParameter: When it is less than the usual number.
    """
    if most is None:
        return None if processes or quick else MOST_PROCESSES
    fewest = processes or _processes(quick=quick, tune=False)
    if most < fewest:
        raise click.BadParameter(
            f"{most} is less than the {fewest} processes of every row", param_hint="--most-processes"
        )
    return most


def _modes(text: str) -> tuple[str, ...]:
    """Modes from ``e2e,bound``.

    Raises:
        click.BadParameter: When one is none.
    """
    from mnistbench.measure.latency.modes import MODES

    chosen = words(text, "--mode")
    for mode in chosen:
        check_choice("--mode", mode, MODES)
    return chosen


def _printed(results: Sequence[LatencyResult], environment: Environment) -> list[dict[str, Any]]:
    """What ``--json`` prints: an object a row, without the samples."""
    described = environment.as_dict()
    return [dataclasses.replace(row, samples_seconds=()).as_dict() | {"environment": described} for row in results]
