"""``mnistbench bench``: the latency of ONNX files on CPUs and GPUs."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click

from mnistbench.cli.evaluate import calibration_images, check_choice, foreign_options, with_paper
from mnistbench.cli.options import (
    data_dir_option,
    debug_option,
    dropout_option,
    json_option,
    names_argument,
    whole_numbers,
    work_dir_option,
)
from mnistbench.cli.output import print_json, print_sheets, say, stdout_for_results


@click.command(epilog="Example: mnistbench bench lenet5 largest-dropout --batch 1,32")
@names_argument("NAMES|FILES...")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:N, or all: the CPU and every GPU.")
@click.option("--batch", default="1,32,256", show_default=True, help="Batch sizes, separated by commas.")
@click.option("--threads", type=click.IntRange(1), help="Threads within an operator. Default: every usable processor.")
@click.option("--spin/--no-spin", default=True, show_default=True, help="Whether idle threads wait busily.")
@click.option("--quick", is_flag=True, help="A tenth of the time: enough to look, too little to publish.")
@foreign_options
@click.option(
    "--output",
    "output_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write the JSON here, with every sample.",
)
@dropout_option
@data_dir_option
@work_dir_option
@json_option
@debug_option
def bench(
    names: tuple[str, ...],
    device: str,
    batch: str,
    threads: int | None,
    spin: bool,
    quick: bool,
    layout: str | None,
    value_range: str | None,
    output: str | None,
    allow_external_data: bool,
    output_file: Path | None,
    dropout: float | None,
    data_dir: Path | None,
    work_dir: Path,
    as_json: bool,
) -> int:
    """Time models: making a session, the first call, and steady state.

    The device that is asked for is the device that is used: where it cannot be,
    the row says what is missing, and the exit code is not 0. Nothing else should
    run on the machine meanwhile.
    """
    batch_sizes = whole_numbers(batch, "--batch")
    with stdout_for_results(as_json):
        from mnistbench.cli.sources import find_models, open_dataset
        from mnistbench.errors import MnistbenchError
        from mnistbench.files import write_json
        from mnistbench.measure.clock import MonotonicClock
        from mnistbench.measure.environment import collect_environment
        from mnistbench.measure.latency import measure_latency
        from mnistbench.measure.steady import Plan
        from mnistbench.results import LatencyResult
        from mnistbench.runtime.devices import expand_devices
        from mnistbench.runtime.input_plan import LAYOUTS, VALUE_RANGES
        from mnistbench.runtime.session import SessionSettings, usable_cpus

        check_choice("--input-layout", layout, LAYOUTS)
        check_choice("--input-range", value_range, VALUE_RANGES)
        devices = expand_devices(device)
        models = find_models(names, work_dir, dropout)
        dataset = open_dataset(data_dir)
        environment = collect_environment().as_dict()
        settings = SessionSettings(intra_op_num_threads=threads or usable_cpus(), allow_spinning=spin)
        results: list[LatencyResult] = []

        def keep(result: LatencyResult) -> None:
            results.append(with_paper(result, model))
            if output_file is not None:
                write_json(output_file, [kept.as_dict() | {"environment": environment} for kept in results])

        for model in models:
            for one_device in devices:
                say(f"timing {model.name} on {one_device.text}")
                try:
                    measure_latency(
                        model.path,
                        name=model.name,
                        device=one_device,
                        batch_sizes=batch_sizes,
                        images=dataset.test_images,
                        plan=Plan.quick() if quick else Plan(),
                        clock=MonotonicClock(),
                        settings=settings,
                        calibration=calibration_images(dataset),
                        layout=layout,
                        value_range=value_range,
                        output=output,
                        allow_external_data=allow_external_data,
                        on_result=keep,
                    )
                except MnistbenchError as error:
                    if len(models) == 1:
                        raise
                    failure = LatencyResult(
                        model.name, str(model.path), "", one_device.text, "e2e", 0, error=str(error)
                    )
                    keep(failure)
    failed = [result for result in results if result.error is not None]
    if as_json:
        print_json(
            [
                dataclasses.replace(result, samples_seconds=()).as_dict() | {"environment": environment}
                for result in results
            ]
        )
    elif len(failed) < len(results):
        from mnistbench.report.sheets import latency_sheet

        print_sheets([latency_sheet(results)])
    if failed and len(failed) == len(results):
        raise MnistbenchError("; ".join(dict.fromkeys(result.error or "" for result in failed)))
    return 3 if failed else 0
