"""``mnistbench compare-accuracy``: is one model better than another, or is it chance?"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnistbench.cli.evaluate import calibration_images, with_paper
from mnistbench.cli.options import data_dir_option, debug_option, json_option, work_dir_option
from mnistbench.cli.output import print_json, print_sheets, stdout_for_results
from mnistbench.errors import UnknownNetworkError

if TYPE_CHECKING:
    from mnistbench.artifacts import ModelFile


@click.command("compare-accuracy", epilog="Example: mnistbench compare-accuracy lenet5 theirs.onnx")
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda or cuda:N.")
@data_dir_option
@work_dir_option
@json_option
@debug_option
def compare_accuracy(a: str, b: str, device: str, data_dir: Path | None, work_dir: Path, as_json: bool) -> None:
    """Run two models on the same test images and test the difference.

    A and B are names or ONNX files, as for 'mnistbench evaluate'. McNemar's
    exact test looks at the images that only one of them gets wrong.
    """
    with stdout_for_results(as_json):
        from mnistbench.cli.sources import find_models, open_dataset
        from mnistbench.measure.comparison import compare_accuracy as measure
        from mnistbench.runtime.classifier import load_classifier

        first, second = (_only(text, find_models([text], work_dir, None)) for text in (a, b))
        dataset = open_dataset(data_dir)
        load = functools.partial(load_classifier, device=device, calibration=calibration_images(dataset))
        result = measure(
            load(first.path, name=first.name),
            load(second.path, name=second.name),
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
    from mnistbench.report.accuracy_sheets import comparison_sheet
    from mnistbench.report.sheets import evaluation_sheet

    print_sheets([evaluation_sheet([result.a, result.b]), comparison_sheet(result)])


def _only(text: str, found: Sequence[ModelFile]) -> ModelFile:
    """The one model that a text stands for.

    Raises:
        UnknownNetworkError: When it is a group.
    """
    if len(found) != 1:
        raise UnknownNetworkError(f"{text} stands for {len(found)} models; name one network or one file")
    return found[0]
