"""``mnistbench ensemble``: several models merged into one ONNX file."""

from __future__ import annotations

from pathlib import Path

import click

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


@click.command(
    epilog="Example: mnistbench ensemble lenet5 largest-dropout --output pair.onnx",
    short_help="Merge several models into one ONNX file.",
)
@names_argument("NAMES|FILES...")
@click.option("--output", type=PathType(dir_okay=False), required=True, help="The ONNX file.")
@dropout_option
@data_dir_option
@work_dir_option
@json_option
@debug_option
def ensemble(
    names: tuple[str, ...],
    output: Path,
    dropout: float | None,
    data_dir: Path | None,
    work_dir: Path,
    as_json: bool,
) -> None:
    """Merge models into one ONNX file that answers with the mean of their probabilities.

    NAMES find models of 'mnistbench export' first, then the bundled ones; FILES
    are models of the same kind, such as other seeds. The new file takes images and
    answers as each of them does, and works wherever a model's name or file does.
    It is written only if it answers all test images as its members do together.
    Its logits are the logarithms of its probabilities.
    """
    with stdout_for_results(as_json):
        from mnistbench.cli.images_progress import ImagesProgress
        from mnistbench.cli.sources import find_models, open_dataset
        from mnistbench.files import check_writable
        from mnistbench.training.ensemble import export_ensemble

        files = find_models(names, work_dir, dropout)
        dataset = open_dataset(data_dir)
        check_writable(output.parent)
        with ImagesProgress(f"comparing with {len(files)} members") as progress:
            entry = export_ensemble(files, dataset, output, on_progress=progress)
    say(f"wrote {output}")
    if as_json:
        print_json(entry.as_dict() | {"path": str(output)})
        return
    from mnistbench.report.ensemble_sheets import ensemble_sheet

    print_sheets([ensemble_sheet(entry)])
