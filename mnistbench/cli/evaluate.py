"""``mnistbench evaluate``: the accuracy of ONNX files through onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mnistbench.cli.foreign import calibration_images, check_foreign, foreign_options, limits_of
from mnistbench.cli.kept import KeptFile
from mnistbench.cli.options import (
    PathType,
    data_dir_option,
    debug_option,
    dropout_option,
    json_option,
    names_argument,
    work_dir_option,
)
from mnistbench.cli.output import print_json, print_sheets, say, stdout_for_results

if TYPE_CHECKING:
    from mnistbench.artifacts import ModelFile
    from mnistbench.results import EvaluationResult, LatencyResult
    from mnistbench.runtime.devices import Device


@click.command(
    epilog="Example: mnistbench evaluate lenet5 theirs.onnx --confusion",
    short_help="Count a model's errors on the test images.",
)
@names_argument("NAMES|FILES...")
@click.option("--confusion", is_flag=True, help="Show which digit was taken for which.")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda or cuda:N.")
@click.option(
    "--provider", help="cpu, cuda, tensorrt, openvino, or any other that is installed. Default: the device's."
)
@foreign_options
@click.option("--output", "output_file", type=PathType(dir_okay=False), help="Also write the JSON here.")
@dropout_option
@data_dir_option
@work_dir_option
@json_option
@debug_option
def evaluate(
    names: tuple[str, ...],
    confusion: bool,
    device: str,
    provider: str | None,
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
    """Run models on the 10,000 test images and count their errors.

    NAMES find models of 'mnistbench export' first, then the bundled ones. A FILE
    can be any ONNX model that takes 28x28 images and answers with ten classes:
    how it wants its input is found out, where needed on training images.
    """
    with stdout_for_results(as_json):
        from mnistbench.cli.sources import find_models, open_dataset
        from mnistbench.errors import MnistbenchError
        from mnistbench.files import path_in_results, write_json
        from mnistbench.measure.accuracy import evaluate as measure
        from mnistbench.runtime.classifier import load_classifier

        check_foreign(layout, value_range)
        chosen = check_device(device, provider)
        models = find_models(names, work_dir, dropout)
        kept = KeptFile(output_file)
        kept.check(model.path for model in models)
        dataset = open_dataset(data_dir)
        results: list[EvaluationResult] = []
        rows: list[dict[str, Any]] = []
        for model in models:
            try:
                classifier = load_classifier(
                    model.path,
                    name=model.name,
                    device=chosen,
                    calibration=calibration_images(dataset),
                    layout=layout,
                    value_range=value_range,
                    output=output,
                    allow_external_data=allow_external_data,
                    untrusted=limits_of(untrusted),
                )
                result = measure(
                    classifier,
                    dataset.test_images,
                    dataset.test_labels,
                    dataset=dataset.name,
                    dataset_sha256=dataset.sha256,
                )
            except MnistbenchError as error:
                if len(models) == 1:
                    raise
                rows.append({"name": model.name, "file": path_in_results(model.path), "error": str(error)})
                say(f"failed: {model.name}: {error}")
            else:
                # The paper's errors are on MNIST, and on nothing else.
                results.append(with_paper(result, model, comparable=dataset.name == "mnist"))
                rows.append(results[-1].as_dict())
            kept.write(lambda path: write_json(path, rows))
    if as_json:
        print_json(rows)
    elif results:
        from mnistbench.report.sheets import confusion_sheet, evaluation_sheet, input_sheet

        sheets = [evaluation_sheet(results)]
        foreign = [result for result in results if result.notation is None]
        sheets += [input_sheet(foreign)] if foreign else []
        sheets += [confusion_sheet(result) for result in results] if confusion else []
        print_sheets(sheets)
    kept.finish()
    return 0 if len(results) == len(models) else 3 if results else 1


def check_device(text: str, provider: str | None = None) -> Device:
    """The device that a text means.

    Raises:
        UnknownDeviceError: When it is none.
    """
    from mnistbench.runtime.devices import resolve_device

    return resolve_device(text, provider)


def with_paper(result: Any, model: ModelFile, *, comparable: bool = True) -> Any:
    """An evaluation or latency result with the paper's figures of its network, when it has one."""
    import dataclasses

    from mnistbench import catalog

    known: dict[str | None, Any] = {network.name: network for network in catalog.NETWORKS}
    network = known.get(model.entry.name) if model.entry is not None else known.get(_own_name(result))
    if network is None or network.paper is None:
        return result
    return dataclasses.replace(
        result, table=network.paper.table, paper_error=network.paper.error if comparable else None
    )


def _own_name(result: EvaluationResult | LatencyResult) -> str | None:
    return result.name if result.notation is not None else None
