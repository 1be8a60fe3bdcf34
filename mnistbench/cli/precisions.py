"""``mnistbench precisions``: accuracy, size and latency of a network in every precision."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnistbench import catalog
from mnistbench.cli.kept import KeptFile
from mnistbench.cli.options import (
    PathType,
    data_dir_option,
    debug_option,
    device_option,
    dropout_option,
    json_option,
    names_argument,
    precisions_option,
    providers_option,
    quick_option,
    spin_option,
    threads_option,
    whole_numbers,
    without_precision,
    work_dir_option,
)
from mnistbench.cli.output import print_json, print_sheets, say, stdout_for_results
from mnistbench.precisions import PLAIN

if TYPE_CHECKING:
    from mnistbench.artifacts import ModelFile
    from mnistbench.data.dataset import Dataset
    from mnistbench.results import EvaluationResult, LatencyResult
    from mnistbench.runtime.devices import Device


@click.command(
    epilog="Example: mnistbench precisions lenet5 --batch 1,256",
    short_help="Compare a network's precisions: errors, size, latency.",
)
@names_argument()
@precisions_option("Only these, several with commas; fp32 is always among them. Default: all that were exported.")
@device_option
@providers_option
@click.option("--batch", default="1", show_default=True, help="Batch sizes, separated by commas.")
@threads_option
@spin_option
@quick_option
@click.option(
    "--output",
    "output_file",
    type=PathType(dir_okay=False),
    help="Also write the run here, as one JSON object with the machine.",
)
@dropout_option
@data_dir_option
@work_dir_option
@json_option
@debug_option
def precisions(
    names: tuple[str, ...],
    precisions: tuple[str, ...],
    device: str | None,
    providers: tuple[str, ...],
    batch: str,
    threads: int | None,
    spin: bool,
    quick: bool,
    output_file: Path | None,
    dropout: float | None,
    data_dir: Path | None,
    work_dir: Path,
    as_json: bool,
) -> int:
    """Evaluate and time networks in every precision, each beside fp32.

    Looks for what 'mnistbench export --precision fp32,fp16,int8,web' wrote.
    Errors are counted on the device that is timed, since it decides the
    arithmetic. Times are taken as by 'mnistbench bench', in fresh processes, and
    kept in a file for 'mnistbench compare'. A precision that loses is shown too.
    """
    batch_sizes = whole_numbers(batch, "--batch")
    without_precision(names)
    networks = catalog.resolve(names, dropout=dropout)
    with stdout_for_results(as_json):
        from datetime import UTC, datetime

        from mnistbench.cli.bench import MOST_PROCESSES, PROCESSES, QUICK_PROCESSES, measure_files, name_of_run
        from mnistbench.cli.foreign import calibration_images
        from mnistbench.cli.sources import open_dataset
        from mnistbench.errors import MnistbenchError
        from mnistbench.files import check_writable, write_json
        from mnistbench.measure.environment import collect_environment
        from mnistbench.measure.gpu_notes import gpu_notes
        from mnistbench.measure.latency.bench import Bench
        from mnistbench.measure.precisions import Place, precision_rows
        from mnistbench.measure.steady import Plan
        from mnistbench.results import PrecisionRun
        from mnistbench.runtime.devices import expand_devices
        from mnistbench.runtime.session import SessionSettings
        from mnistbench.runtime.threads import usable_cpus

        devices = expand_devices(device, providers)
        is_group = any(name.strip().lower() in catalog.GROUPS for name in names)
        files = _find(networks, precisions, work_dir, pass_over=is_group)
        if output_file is not None:
            check_writable(output_file.parent)
        dataset, environment = open_dataset(data_dir), collect_environment()
        for note in gpu_notes(devices):  # before the models that are evaluated use the GPU
            say(note)
        started = datetime.now(UTC).isoformat(timespec="seconds")
        places = {one: Place(one.text, one.source.name) for one in devices}
        say(f"evaluating {len(files)} models on {', '.join(one.label for one in devices)}")
        evaluations = {(file.name, places[one]): _evaluate(file, one, dataset) for one in devices for file in files}
        wanted = Bench(
            devices=devices,
            modes=("e2e",),
            batch_sizes=batch_sizes,
            plan=Plan.quick() if quick else Plan.each(),
            processes=QUICK_PROCESSES if quick else PROCESSES,
            most_processes=None if quick else MOST_PROCESSES,
            settings=SessionSettings(intra_op_num_threads=threads or usable_cpus(), allow_spinning=spin),
            images=dataset.test_images,
            calibration=calibration_images(dataset),
        )
        run_file = KeptFile(name_of_run(work_dir))
        timed = measure_files(wanted, {file.name: file for file in files}, environment, run_file)
        here = {
            place: [
                row for row in timed if (row.device, row.options.get("provider", "")) == (place.device, place.provider)
            ]
            for place in places.values()
        }
        entries = {file.name: file.entry for file in files if file.entry is not None}
        rows = precision_rows(entries, evaluations, here)
        if output_file is not None:
            settings = (
                {"batch_sizes": batch_sizes, "modes": wanted.modes} | wanted.asked_for | wanted.settings.as_dict()
            )
            write_json(output_file, PrecisionRun(started, environment, tuple(rows), settings).as_dict())
    cut_short = _say_cut_short(timed)
    failed = [row for row in rows if row.error is not None]
    if as_json:
        print_json([row.as_dict() for row in rows])
    elif len(failed) < len(rows):
        from mnistbench.report.precision_sheets import precision_sheets

        print_sheets(precision_sheets(rows))
    run_file.finish()
    if failed and len(failed) == len(rows):
        raise MnistbenchError("; ".join(dict.fromkeys(row.error or "" for row in failed)))
    return 3 if failed or cut_short else 0


def _say_cut_short(timed: Sequence[LatencyResult]) -> list[LatencyResult]:
    """The rows that an error ended early, each of which is said."""
    from mnistbench.results import STOPPED

    cut_short = [row for row in timed if STOPPED in row.options]
    for row in cut_short:
        where = f"{row.name} on {row.device} by {row.options.get('provider', row.provider)}, batch {row.batch_size}"
        say(f"cut short: {where}: {row.options[STOPPED]}")
    return cut_short


def _find(
    networks: Sequence[catalog.Network], precisions: Sequence[str], work_dir: Path, *, pass_over: bool
) -> list[ModelFile]:
    """The files of networks in precisions; those of a group that were not exported are passed over, if any was.

    Raises:
        MnistbenchError: When one that was named cannot be found.
    """
    from mnistbench.artifacts import bundled_zoo
    from mnistbench.cli.sources import exported_zoo
    from mnistbench.errors import ModelNotExportedError
    from mnistbench.locate import locate, locate_precisions

    zoos = (exported_zoo(work_dir), bundled_zoo())
    found: list[ModelFile] = []
    missing: ModelNotExportedError | None = None
    for network in networks:
        try:
            there = locate_precisions(network.name, zoos)
            known = {file.entry.precision for file in there if file.entry is not None}
            for precision in precisions:
                if precision not in known:
                    locate(network.name, zoos, precision=precision)  # says what to run
        except ModelNotExportedError as error:
            if not pass_over:
                raise
            missing = error
            say(f"passed over: {error}")
            continue
        wanted = {PLAIN, *precisions} if precisions else known
        found += [file for file in there if file.entry is not None and file.entry.precision in wanted]
    if not found and missing is not None:
        raise missing
    return found


def _evaluate(file: ModelFile, device: Device, dataset: Dataset) -> EvaluationResult | str:
    """A model's errors on the test images, or why they could not be counted."""
    from mnistbench.errors import MnistbenchError
    from mnistbench.measure.accuracy import evaluate
    from mnistbench.runtime.classifier import load_classifier

    try:
        return evaluate(
            load_classifier(file.path, name=file.name, device=device),
            dataset.test_images,
            dataset.test_labels,
            dataset=dataset.name,
            dataset_sha256=dataset.sha256,
        )
    except MnistbenchError as error:
        return str(error)
