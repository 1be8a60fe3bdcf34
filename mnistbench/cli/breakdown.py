"""``mnistbench breakdown``: where the time of a call goes, and from which batch size on a GPU is faster."""

from __future__ import annotations

from collections.abc import Sequence
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
    work_dir_option,
)
from mnistbench.cli.output import print_json, print_sheets, say, stdout_for_results

if TYPE_CHECKING:
    from mnistbench.results import BreakdownResult, CrossingResult
    from mnistbench.runtime.devices import Device

PROCESSES = 3
QUICK_PROCESSES = 1
QUICK_CROSSING = (1, 16, 256)

NO_RIVAL = "no GPU is here, and no second device was asked for: nothing to overtake"


@click.command(
    epilog="Example: mnistbench breakdown lenet5 --batch 1,256",
    short_help="Take calls apart: floor, operators, copies.",
)
@names_argument("NAMES|FILES...")
@device_option
@providers_option
@click.option("--batch", default="1,256", show_default=True, help="Batch sizes, separated by commas.")
@click.option("--processes", type=click.IntRange(1, 100), help=f"Fresh processes a time.  [default: {PROCESSES}]")
@threads_option
@spin_option
@quick_option
@tensor_options
@foreign_options
@click.option(
    "--output",
    "output_file",
    type=PathType(dir_okay=False),
    help="Also write the JSON here.",
)
@dropout_option
@data_dir_option
@work_dir_option
@json_option
@debug_option
def breakdown(
    names: tuple[str, ...],
    device: str | None,
    providers: tuple[str, ...],
    batch: str,
    processes: int | None,
    threads: int | None,
    spin: bool,
    quick: bool,
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
    """Take calls apart: floor, operators, copies, and the rest.

    The floor is what a model that does nothing takes; operators are timed by
    onnxruntime's profiler, which slows them; copies are what a call saves when
    its inputs and outputs lie on the device. Where two devices are asked for, or
    the machine has a GPU, the batch size is told from which on the other is
    faster. Models that do not read digits get random inputs of their shape, or
    yours. Nothing else should run on the machine meanwhile.
    """
    batch_sizes = whole_numbers(batch, "--batch")
    with stdout_for_results(as_json):
        from mnistbench.cli.bench_progress import BenchProgress
        from mnistbench.cli.sources import distinct, find_models, open_dataset
        from mnistbench.errors import MnistbenchError
        from mnistbench.files import write_json
        from mnistbench.measure.breakdown import CROSSING_BATCHES, Breakdown, measure_breakdown
        from mnistbench.measure.environment import collect_environment
        from mnistbench.measure.latency.bench import Bench
        from mnistbench.measure.steady import Plan
        from mnistbench.results import BreakdownResult, BreakdownRun
        from mnistbench.runtime.devices import expand_devices
        from mnistbench.runtime.session import SessionSettings
        from mnistbench.runtime.threads import usable_cpus

        check_foreign(layout, value_range)
        files = {file.name: file.path for file in distinct(find_models(names, work_dir, dropout))}
        kept = KeptFile(output_file)
        kept.check([*files.values(), input_file])
        # Tensors of a shape need no digits.
        dataset = None if shapes or input_file is not None else open_dataset(data_dir)
        devices = expand_devices(device, providers)
        bench = Bench(
            devices=devices,
            modes=("e2e", "bound"),
            batch_sizes=batch_sizes,
            plan=Plan.quick() if quick else Plan.each(),
            processes=processes or (QUICK_PROCESSES if quick else PROCESSES),
            settings=SessionSettings(intra_op_num_threads=threads or usable_cpus(), allow_spinning=spin),
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
        # A machine's GPU is nobody's wish, and no place for a stranger's model.
        rivals = [] if untrusted and len(devices) == 1 else find_rivals(devices)
        wanted = Breakdown(bench, rivals, QUICK_CROSSING if quick else CROSSING_BATCHES)
        environment = collect_environment()
        parts: list[BreakdownResult] = []
        crossings: list[CrossingResult] = []

        def document() -> dict[str, Any]:
            reason = None if rivals else NO_RIVAL
            return BreakdownRun(environment, tuple(parts), tuple(crossings), reason).as_dict()

        def keep(result: BreakdownResult | CrossingResult) -> None:
            if isinstance(result, BreakdownResult):
                parts.append(result)
            else:
                crossings.append(result)
            kept.write(lambda path: write_json(path, document()))

        with BenchProgress() as progress:
            named = [(path, name) for name, path in files.items()]
            measure_breakdown(wanted, named, keep=keep, on_note=say, on_progress=progress)
    failed = [part for part in parts if part.error is not None]
    if as_json:
        print_json(document())
    elif len(failed) < len(parts):
        _print(parts, crossings)
    kept.finish()
    if failed and len(failed) == len(parts):
        raise MnistbenchError("; ".join(dict.fromkeys(part.error or "" for part in failed)))
    incomplete = any(part.error or part.problems for part in parts)
    # A GPU that nobody asked for need not work.
    if len(devices) > 1:
        incomplete = incomplete or any(not one.batch_sizes for one in crossings)
    return 3 if incomplete else 0


def find_rivals(devices: Sequence[Device]) -> list[tuple[Device, Device]]:
    """Pairs of which the second may overtake the first: the first device with each other one.

    A machine's first GPU joins where only the CPU was asked for, the CPU where only a GPU was.
    """
    from mnistbench.runtime.cuda import count_gpus
    from mnistbench.runtime.devices import CPU, resolve_device

    # Accelerators last, whatever order they were asked for in: it is they that start slowly.
    ordered = sorted(devices, key=lambda device: device.is_gpu)
    if len(ordered) == 1 and ordered[0].is_gpu:
        ordered.insert(0, CPU)
    elif len(ordered) == 1 and count_gpus():
        ordered.append(resolve_device("cuda:0"))
    return [(ordered[0], other) for other in ordered[1:]]


def _print(parts: Sequence[BreakdownResult], crossings: Sequence[CrossingResult]) -> None:
    from mnistbench.report.breakdown_sheets import breakdown_sheets
    from mnistbench.report.crossing_sheets import crossing_sheet

    print_sheets([*breakdown_sheets(parts), *([crossing_sheet(crossings)] if crossings else [])])
    if not crossings:
        click.echo(f"\n{click.wrap_text(f'Batch size from which on another device is faster: {NO_RIVAL}.', width=80)}")
