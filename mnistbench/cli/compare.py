"""``mnistbench compare-accuracy``: is one model better than another, or is it chance?"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mnistbench.cli.evaluate import check_device, with_paper
from mnistbench.cli.foreign import calibration_images, check_foreign, foreign_options, limits_of
from mnistbench.cli.options import data_dir_option, debug_option, json_option, work_dir_option
from mnistbench.cli.output import print_json, print_sheets, stdout_for_results
from mnistbench.errors import UnknownNetworkError

if TYPE_CHECKING:
    from mnistbench.artifacts import ModelFile


@click.command(
    "compare-accuracy",
    short_help="Test whether one model errs less than another.",
    epilog="Example: mnistbench compare-accuracy lenet5 theirs.onnx",
)
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda or cuda:N.")
@foreign_options
@data_dir_option
@work_dir_option
@json_option
@debug_option
def compare_accuracy(
    a: str,
    b: str,
    device: str,
    layout: str | None,
    value_range: str | None,
    output: str | None,
    allow_external_data: bool,
    untrusted: bool,
    data_dir: Path | None,
    work_dir: Path,
    as_json: bool,
) -> None:
    """Run two models on the same test images and test the difference.

    A and B are names or ONNX files, as for 'mnistbench evaluate'. McNemar's
    exact test looks at the images that only one of them gets wrong. What is said
    of a foreign model's input holds for A and B, except for this project's own.
    """
    with stdout_for_results(as_json):
        from mnistbench.cli.sources import open_dataset
        from mnistbench.measure.comparison import compare_accuracy as measure
        from mnistbench.runtime.classifier import OnnxClassifier, load_classifier

        check_foreign(layout, value_range)
        check_device(device)
        first, second = (only_model(text, work_dir) for text in (a, b))
        dataset = open_dataset(data_dir)

        def load(model: ModelFile) -> OnnxClassifier:
            foreign: dict[str, Any] = {}
            if not _is_own(model):
                foreign = {"layout": layout, "value_range": value_range, "output": output}
            return load_classifier(
                model.path,
                name=model.name,
                device=device,
                calibration=calibration_images(dataset),
                allow_external_data=allow_external_data,
                untrusted=limits_of(untrusted),
                **foreign,
            )

        result = measure(
            load(first),
            load(second),
            dataset.test_images,
            dataset.test_labels,
            dataset=dataset.name,
            dataset_sha256=dataset.sha256,
        )
    comparable = dataset.name == "mnist"
    result = dataclasses.replace(
        result,
        a=with_paper(result.a, first, comparable=comparable),
        b=with_paper(result.b, second, comparable=comparable),
    )
    if as_json:
        print_json(result.as_dict())
        return
    from mnistbench.report.comparison_sheets import comparison_sheet
    from mnistbench.report.sheets import evaluation_sheet, input_sheet

    foreign = [one for one in (result.a, result.b) if one.notation is None]
    sheets = [evaluation_sheet([result.a, result.b]), *([input_sheet(foreign)] if foreign else [])]
    print_sheets([*sheets, comparison_sheet(result)])


def only_model(text: str, work_dir: Path) -> ModelFile:
    """The one model that a text stands for.

    Raises:
        UnknownNetworkError: When it is a group.
        MnistbenchError: When it cannot be found.
    """
    from mnistbench.cli.sources import find_models
    from mnistbench.locate import is_group

    if is_group(text):
        raise UnknownNetworkError(f"{text} stands for several models; name one network or one file")
    (found,) = find_models([text], work_dir, None)
    return found


def _is_own(model: ModelFile) -> bool:
    """Whether this project has exported a model: nothing about its input is left to say."""
    from mnistbench.runtime.onnx_file import read_onnx_file

    return "mnistbench.notation" in read_onnx_file(model.path).metadata
