"""``mnistbench data``: where the dataset is, whether it is sound, and what it looks like."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import click

from mnistbench.cli.options import PathType, data_dir_option, debug_option, json_option
from mnistbench.cli.output import print_json, print_sheets, say, stdout_for_results


@click.group(
    invoke_without_command=True,
    epilog="Example: mnistbench data show digits.png",
    short_help="Show where the images are, and verify them.",
)
@click.option("--no-download", is_flag=True, help="Only look; fetch nothing.")
@data_dir_option
@json_option
@debug_option
@click.pass_context
def data(context: click.Context, no_download: bool, data_dir: Path | None, as_json: bool) -> int:
    """Show where the images are and verify them; fetch MNIST when it is missing."""
    if context.invoked_subcommand is not None:
        return 0
    with stdout_for_results(as_json):
        from mnistbench.cli.sources import open_dataset
        from mnistbench.data.locate import locate

        location = locate(data_dir)
        if not location.complete and not no_download:
            open_dataset(data_dir)
            location = locate(data_dir)
    rows = [_row(state) for state in location.files]
    if as_json:
        print_json(
            {
                "name": location.name,
                "folder": str(location.folder),
                "is_cache": location.is_cache,
                "verified": location.verified,
                "complete": location.complete,
                "sha256": location.sha256,
                "files": rows,
            }
        )
    else:
        from mnistbench.report.sheet import Column, Sheet, one_line
        from mnistbench.report.units import count

        columns = (Column("file", right=False), Column("state", right=False), Column("bytes"), Column("sha256", False))
        cells = tuple(
            (row["name"], row["state"], count(row["size_bytes"]), (row["sha256"] or row["problem"] or "–")[:16])
            for row in rows
        )
        kind = "the user's cache" if location.is_cache else "given by --data-dir"
        name = location.name or "no complete dataset"
        click.echo(one_line(f"{location.folder} ({kind}): {name}"))
        print_sheets([Sheet("", columns, cells, "verified: the bytes are MNIST's. readable: another dataset's.")])
    if not location.complete:
        say("The data is not complete; run without --no-download to fetch it, or name a folder with --data-dir.")
        return 1
    return 0


@data.command(epilog="Example: mnistbench data show digits.png")
@click.argument("file", type=PathType(dir_okay=False), default="digits.png")
@click.option("--model", default="lenet5", show_default=True, help="Network or ONNX file that tells easy from hard.")
@data_dir_option
@debug_option
@click.pass_context
def show(context: click.Context, file: Path, model: str, data_dir: Path | None) -> None:
    """Write a picture of sample digits, easy and hard (the paper's Figure 1).

    Easy and hard are told apart by how much probability a model gives to the
    right digit. FILE is a PNG; default: digits.png.
    """
    import mnistbench
    from mnistbench.cli.sources import open_dataset
    from mnistbench.report.digits import DigitSamples, draw_digits, pick_easy_and_hard, write_png

    assert context.parent is not None
    dataset = open_dataset(data_dir or context.parent.params["data_dir"])
    images, labels = dataset.test_images, dataset.test_labels
    probabilities = mnistbench.load(model).predict_proba(images)
    answers = probabilities.argmax(1)
    easy, hard = pick_easy_and_hard(labels, probabilities[range(len(labels)), labels])
    easy_block = DigitSamples("Easy: the model is surest of these", images[easy], labels[easy], answers[easy])
    hard_block = DigitSamples("Hard: the truth, and what the model reads", images[hard], labels[hard], answers[hard])
    write_png(draw_digits(easy_block, hard_block, scale=3), file)
    say(f"wrote {file}")


def _row(state: Any) -> dict[str, Any]:
    return dataclasses.asdict(state) | {"path": str(state.path)}
