"""``mnistbench reproduce``: the paper's tables with our figures beside them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mnistbench import catalog
from mnistbench.cli.options import (
    data_dir_option,
    debug_option,
    dropout_option,
    json_option,
    names_argument,
    whole_numbers,
    work_dir_option,
)
from mnistbench.cli.output import print_json, print_sheets, say, stdout_for_results, this_command
from mnistbench.training.recipes import RECIPES

if TYPE_CHECKING:
    from mnistbench.reproduce import Row

QUICK_EPOCHS = 3
"""Epochs of the group ``quick`` when none are asked for: brief, as the name says."""


@click.command(
    epilog="Example: mnistbench reproduce table4", short_help="Train, export, evaluate, time; print the tables."
)
@names_argument("[NAMES]...", required=False)
@click.option(
    "--epochs",
    type=click.IntRange(1, 10_000),
    help=f"Passes over the training images. Default: the recipe's; {QUICK_EPOCHS} for the group quick.",
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True)
@click.option(
    "--recipe",
    type=click.Choice([recipe.name for recipe in RECIPES]),
    default=RECIPES[0].name,
    show_default=True,
    help="As in 'mnistbench train'.",
)
@click.option("--device", default="auto", show_default=True, help="Where to train: auto, cpu, cuda or cuda:N.")
@click.option("--bench-device", default="cpu", show_default=True, help="Where to time: cpu, cuda, cuda:N or all.")
@click.option("--batch", default="1", show_default=True, help="Batch sizes to time, separated by commas.")
@dropout_option
@data_dir_option
@work_dir_option
@json_option
@debug_option
def reproduce(
    names: tuple[str, ...],
    epochs: int | None,
    seed: int,
    recipe: str,
    device: str,
    bench_device: str,
    batch: str,
    dropout: float | None,
    data_dir: Path | None,
    work_dir: Path,
    as_json: bool,
) -> int:
    """Train, export, evaluate and time networks, then print the paper's tables.

    What is already done and unchanged is not done again. Without NAMES, all 29
    networks. The tables are also saved as reproduce.json and reproduce.md in the
    work folder.
    """
    names = names or ("all",)
    networks = catalog.resolve(names, dropout=dropout)
    batch_sizes = whole_numbers(batch, "--batch")
    if epochs is None and all(name.lower() == "quick" for name in names):
        epochs = QUICK_EPOCHS
    with stdout_for_results(as_json):
        from mnistbench.cli.jobs import make_jobs
        from mnistbench.cli.progress import TrainingProgress
        from mnistbench.cli.sources import open_dataset
        from mnistbench.errors import MnistbenchError
        from mnistbench.measure.clock import MonotonicClock
        from mnistbench.measure.environment import collect_environment
        from mnistbench.measure.steady import Plan
        from mnistbench.report.sheets import paper_line, paper_sheets
        from mnistbench.reproduce import Measurement
        from mnistbench.reproduce import reproduce as reproduce_all
        from mnistbench.runtime.devices import expand_devices
        from mnistbench.runtime.session import SessionSettings
        from mnistbench.training.hardware import choose_device, keep_freed_memory

        chosen = choose_device(device)
        measurement = Measurement(
            devices=tuple(one.text for one in expand_devices(bench_device)),
            batch_sizes=batch_sizes,
            plan=Plan.quick(),
            settings=SessionSettings(),
        )
        keep_freed_memory()
        dataset = open_dataset(data_dir)
        jobs = make_jobs(networks, recipe, dataset, chosen, epochs=epochs, seed=seed)
        rows: list[Row] = []
        about = {"recipe": recipe, "seed": seed, "environment": collect_environment().as_dict()}
        with TrainingProgress(len(jobs)) as progress:

            def finish(row: Row) -> None:
                rows.append(row)
                _save(rows, about, work_dir)
                if row.training is not None:
                    progress.end(row.training)
                elif len(jobs) > 1:
                    progress.fail(row.error or "")

            try:
                reproduce_all(
                    jobs,
                    dataset,
                    chosen,
                    work_dir,
                    measurement,
                    MonotonicClock(),
                    on_begin=lambda job: progress.begin(job.network.name, job.epochs),
                    on_event=progress,
                    on_stage=progress.stage,
                    on_row=finish,
                )
            except KeyboardInterrupt:
                raise KeyboardInterrupt(progress.interrupted(this_command())) from None
    errors = [row.error for row in rows if row.error is not None]
    if as_json:
        print_json(_document(rows, about))
    else:
        print_sheets(paper_sheets([paper_line(row.as_dict()) for row in rows]))
        chosen_epoch = "best epoch on the test set" if recipe == "paper" else "last epoch"
        click.echo(
            f"\nours: errors of the {chosen_epoch}, recipe {recipe}, seed {seed};\n"
            "interval: Wilson's of 95%; paper: best epoch on the test set;\n"
            f"latency: median call, batch {batch_sizes[0]} on {measurement.devices[0]}, e2e."
        )
        say(f"Saved as {work_dir / 'reproduce.json'} and {work_dir / 'reproduce.md'}.")
    # A network that only could not be timed has its errors on the test set: not all has failed then.
    if errors and len(errors) == len(rows):
        raise MnistbenchError(errors[0])
    return 3 if any(row.errors for row in rows) else 0


def _document(rows: Sequence[Row], about: dict[str, Any]) -> dict[str, Any]:
    from mnistbench.results import SCHEMA_VERSION

    head = {"schema_version": SCHEMA_VERSION, "kind": "reproduction"}
    return {**head, **about, "rows": [row.as_dict() for row in rows]}


def _save(rows: Sequence[Row], about: dict[str, Any], work_dir: Path) -> None:
    """Write what there is so far, so that a later failure loses nothing."""
    from mnistbench.files import atomic_write, write_json
    from mnistbench.report.sheet import markdown
    from mnistbench.report.sheets import paper_line, paper_sheets

    write_json(work_dir / "reproduce.json", _document(rows, about))
    sheets = paper_sheets([paper_line(row.as_dict()) for row in rows])
    atomic_write(work_dir / "reproduce.md", "\n".join(markdown(sheet) for sheet in sheets).encode())
