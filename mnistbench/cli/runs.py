"""``mnistbench runs``: what became of each training run in the work folder."""

from __future__ import annotations

import time
from pathlib import Path

import click

from mnistbench import catalog
from mnistbench.cli.options import (
    debug_option,
    dropout_option,
    json_option,
    names_argument,
    with_folders,
    work_dir_option,
)
from mnistbench.cli.output import print_json, print_sheets, say
from mnistbench.results import STATES
from mnistbench.training.recipes import RECIPES


@click.command(epilog="Example: mnistbench runs lenet5 --state finished")
@names_argument("[NAMES]...", required=False)
@click.option("--state", type=click.Choice(STATES), help="Only runs in this state.")
@click.option("--recipe", type=click.Choice([recipe.name for recipe in RECIPES]), help="Only runs with this recipe.")
@dropout_option
@work_dir_option
@json_option
@debug_option
def runs(
    names: tuple[str, ...],
    state: str | None,
    recipe: str | None,
    dropout: float | None,
    work_dir: Path,
    as_json: bool,
) -> None:
    """List training runs: state, error, seconds.

    A run is finished; running while a process trains it; unfinished when it was
    interrupted ('mnistbench train' goes on with it); diverged or failed when an
    error ended it ('mnistbench train' tries again); damaged when its files cannot
    be read (--no-resume starts over).
    """
    from mnistbench.training.states import read_runs

    wanted = {network.name for network in catalog.resolve(names, dropout=dropout)} if names else None
    every = read_runs(work_dir)
    chosen = [
        run
        for run in every
        if (wanted is None or run.name in wanted) and state in (None, run.state) and recipe in (None, run.recipe)
    ]
    if as_json:
        print_json([run.as_dict() for run in chosen])
    elif chosen:
        from mnistbench.report.run_sheets import runs_sheet
        from mnistbench.training.changes import changed_settings

        print_sheets([runs_sheet(chosen, time.time(), changed_settings)])
        say(f"\nFolders are {work_dir / 'training' / 'NETWORK' / 'JOB'}.")
    elif every:
        again = with_folders("runs", work_dir=work_dir)
        say(f"None of the {len(every)} runs in {work_dir / 'training'} fits; see all with: {again}")
    else:
        say(f"No runs in {work_dir / 'training'} yet. Next: {with_folders('train', 'quick', work_dir=work_dir)}")
