"""``mnistbench export``: trained weights to ONNX files with a manifest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnistbench import catalog
from mnistbench.cli.options import (
    PathType,
    data_dir_option,
    debug_option,
    dropout_option,
    json_option,
    names_argument,
    precisions_option,
    without_precision,
    work_dir_option,
)
from mnistbench.cli.output import print_json, print_sheets, say, stdout_for_results
from mnistbench.precisions import PLAIN, PRECISIONS
from mnistbench.training.recipes import RECIPES

if TYPE_CHECKING:
    from mnistbench.artifacts import ModelEntry
    from mnistbench.catalog import Network
    from mnistbench.training.export import Source
    from mnistbench.training.graph import InputDtype


@click.command(
    epilog="Example: mnistbench export lenet5 --precision fp32,int8 --output my-models",
    short_help="Write trained networks as checked ONNX files.",
)
@names_argument()
@click.option("--output", type=PathType(file_okay=False), help="Folder.  [default: WORK_DIR/zoo]")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Only a run with this seed. Default: the newest run.")
@click.option("--recipe", type=click.Choice([recipe.name for recipe in RECIPES]), help="Only a run with this recipe.")
@click.option(
    "--input",
    "input_dtype",
    type=click.Choice(["uint8", "float32"]),
    default="uint8",
    show_default=True,
    help="What the model takes: uint8 with 0..255, or float32 with 0..1 for hosts that dislike uint8.",
)
@precisions_option(f"{', '.join(PRECISIONS)}; several with commas.", default=PLAIN)
@dropout_option
@data_dir_option
@work_dir_option
@json_option
@debug_option
def export(
    names: tuple[str, ...],
    output: Path | None,
    seed: int | None,
    recipe: str | None,
    input_dtype: str,
    precisions: tuple[str, ...],
    dropout: float | None,
    data_dir: Path | None,
    work_dir: Path,
    as_json: bool,
) -> int:
    """Write trained networks as ONNX files, each checked against torch first.

    A file is published only if the ONNX checker accepts it and onnxruntime
    answers all test images as torch does. manifest.json in the folder lists
    every model with its hash and figures.

    fp16 computes in float16, int8 in signed 8-bit integers, web in unsigned ones,
    calibrated on training images. They are published only if their error on the
    test images is at most 0.05 (fp16) or 0.3 (int8, web) percentage points above
    that in fp32. Elsewhere they are called lenet5@int8 and so on.
    """
    without_precision(names)
    networks = catalog.resolve(names, dropout=dropout)
    is_group = any(name.lower() in catalog.GROUPS for name in names)
    with stdout_for_results(as_json):
        from mnistbench.cli.sources import exported_zoo, open_dataset
        from mnistbench.errors import ArtifactError
        from mnistbench.training.export import prepare
        from mnistbench.training.job import find_finished

        folder = output or exported_zoo(work_dir)
        runs = [(network, find_finished(work_dir, network.name, seed=seed, recipe=recipe)) for network in networks]
        missing = [network.name for network, run in runs if run is None]
        if missing and (not is_group or len(missing) == len(runs)):
            chosen = [("--seed", seed), ("--recipe", recipe)]
            options = "".join(f" {option} {value}" for option, value in chosen if value is not None)
            wanted = f"no finished run{' with' + options if options else ''} of {', '.join(missing[:3])}"
            raise ArtifactError(
                f"{wanted}{' and others' if len(missing) > 3 else ''} in {work_dir / 'training'}; "
                f"run: mnistbench train {' '.join(names)}{options}"
            )
        dataset = open_dataset(data_dir)
        entries: list[ModelEntry] = []
        failed: list[dict[str, str]] = []
        for network, run in runs:
            if run is not None:
                dtype: InputDtype = "uint8" if input_dtype == "uint8" else "float32"
                make = partial(prepare, run, network, dataset, input_dtype=dtype)
                written, refused = _publish(network, make, folder, precisions)
                entries += written
                failed += refused
    if as_json:
        print_json([entry.as_dict() | {"path": str(folder / entry.file)} for entry in entries] + failed)
    elif entries:
        from mnistbench.report.sheets import export_sheet

        print_sheets([export_sheet(entries)])
        say(f"\nDescribed in {folder / 'manifest.json'}.")
    if missing:
        say(f"Not trained yet: {', '.join(missing)}.")
    return 0 if not failed else 3 if entries else 1


def _publish(
    network: Network, make: Callable[[], Source], folder: Path, precisions: Sequence[str]
) -> tuple[list[ModelEntry], list[dict[str, str]]]:
    """Publish one network in every precision that passes: the entries, and name, precision and error of the others."""
    from mnistbench.errors import ExportError
    from mnistbench.training.export import publish

    entries: list[ModelEntry] = []
    failed: list[dict[str, str]] = []
    try:
        source = make()
    except ExportError as error:
        say(f"failed: {error}")
        return [], [{"name": network.name, "error": str(error)}]
    for precision in precisions:
        try:
            entries.append(publish(source, folder, precision=precision))
        except ExportError as error:
            failed.append({"name": network.name, "precision": precision, "error": str(error)})
            say(f"failed: {error}")
        else:
            say(f"wrote {folder / entries[-1].file}")
    return entries, failed
