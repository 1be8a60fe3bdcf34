"""``mnistbench embed``: a model with a small program or repository around it, for other languages and servers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnistbench.catalog import GROUPS
from mnistbench.cli.options import (
    PathType,
    data_dir_option,
    debug_option,
    dropout_option,
    json_option,
    words,
    work_dir_option,
)
from mnistbench.cli.output import print_json, print_sheets, say, stdout_for_results
from mnistbench.precisions import PRECISIONS

if TYPE_CHECKING:
    from mnistbench.artifacts import ModelEntry


@click.command(
    epilog="Example: mnistbench embed lenet5 --target python,node my-kits",
    short_help="Write a model with a program around it.",
)
@click.argument("name", metavar="NAME|FILE")
@click.argument("folder", metavar="DIR", type=PathType())
@click.option(
    "--target",
    "targets",
    required=True,
    metavar="TARGET",
    callback=lambda _context, _parameter, text: words(text, "--target"),
    help="python, browser, node, cpp, triton, kserve or huggingface; several with commas, or all: a folder each.",
)
@click.option("--force", is_flag=True, help="Write into a folder that is not empty, and replace files of a kit there.")
@dropout_option
@data_dir_option
@work_dir_option
@json_option
@debug_option
def embed(
    name: str,
    folder: Path,
    targets: tuple[str, ...],
    force: bool,
    dropout: float | None,
    data_dir: Path | None,
    work_dir: Path,
    as_json: bool,
) -> None:
    """Write a minimal, complete program or repository around a model.

    Each kit has the model, its labels, a program that reads a 28x28 picture,
    golden pictures with the answers of onnxruntime here, a self-test that
    compares them, and a README with the commands. It needs nothing of mnistbench.

    DIR is made; one that is not empty is refused. A run that fails leaves nothing.
    """
    with stdout_for_results(as_json):
        from mnistbench.cli.foreign import check_choice
        from mnistbench.cli.sources import find_models, open_dataset
        from mnistbench.embed.golden import make_golden
        from mnistbench.embed.kits import TARGETS, write_kits
        from mnistbench.embed.model import precisions_left_out, read_model

        for target in targets:
            check_choice("--target", target, (*TARGETS, "all"))
        wanted = tuple(TARGETS) if "all" in targets else targets
        if name.lower() in GROUPS and not Path(name).is_file():
            raise click.BadParameter(f"{name!r} is a group of networks; name one of them", param_hint="NAME")
        (file,) = find_models([name], work_dir, dropout)
        model = read_model(file)
        dataset = open_dataset(data_dir)
        golden = make_golden(model, dataset.test_images, dataset.test_labels, dataset=dataset.name)
        left_out = precisions_left_out(model) if "huggingface" in wanted else ()
        kits = write_kits(model, golden, wanted, folder, force=force)
    if file.entry is not None and left_out:
        _tell_left_out(file.entry, left_out)
    if as_json:
        print_json(
            {
                "name": model.name,
                "sha256": model.sha256,
                "kits": [{"target": kit.target, "folder": str(kit.folder), "files": list(kit.files)} for kit in kits],
            }
        )
        return
    from mnistbench.report.embed_sheets import kits_sheet

    print_sheets([kits_sheet(kits, model.name)])
    readmes = folder / "README.md" if len(kits) == 1 else folder / "TARGET" / "README.md"
    say(f"\nThe commands to run {'it' if len(kits) == 1 else 'them'} are in {readmes}.")


def _tell_left_out(entry: ModelEntry, precisions: Sequence[str]) -> None:
    """Name the network's files that are not beside its own in the kit for Hugging Face."""
    from mnistbench.artifacts import as_exported, called

    names = ", ".join(called(entry.name, precision) for precision in precisions)
    # In the order of export's own help.
    together = ",".join(one for one in PRECISIONS if one in {entry.precision, *precisions})
    say(
        f"left out of the kit for Hugging Face: {names}, not known to be of the training run of "
        f"{called(entry.name, entry.precision)}; run: mnistbench export {as_exported(entry.name, together)}"
    )
