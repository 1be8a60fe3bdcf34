"""``mnistbench runs``: what became of each training run in the work folder."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

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
from mnistbench.errors import MnistbenchError
from mnistbench.training.recipes import RECIPES, find_recipe
from mnistbench.training.states import STATES

if TYPE_CHECKING:
    from mnistbench.report.sheet import Sheet
    from mnistbench.training.states import RunState

JOB_DIGITS = 8
"""Of the hash in the table: enough to find the folder, which has them all."""

_AGES = ((86_400, "d"), (3_600, "h"), (60, "min"), (0, "s"))


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
        print_sheets([_sheet(chosen, time.time())])
        say(f"\nFolders are {work_dir / 'training' / 'NETWORK' / 'JOB'}.")
    elif every:
        again = with_folders("runs", work_dir=work_dir)
        say(f"None of the {len(every)} runs in {work_dir / 'training'} fits; see all with: {again}")
    else:
        say(f"No runs in {work_dir / 'training'} yet. Next: {with_folders('train', 'quick', work_dir=work_dir)}")


def _sheet(listed: Sequence[RunState], now: float) -> Sheet:
    """The runs as a table; ``now`` in seconds since 1970."""
    from mnistbench.report import units
    from mnistbench.report.sheet import Column, Sheet

    columns = (
        Column("network", right=False, foldable=True),
        Column("recipe", right=False),
        Column("seed"),
        Column("state", right=False),
        Column("error %"),
        Column("total s"),
        Column("s/epoch"),
        Column("age"),
        Column("job", right=False),
    )
    rows = tuple(
        (
            _plain(run.name),
            _plain(run.recipe or units.MISSING)[:20],
            units.MISSING if run.seed is None else str(run.seed),
            run.state if run.state in ("finished", "damaged") else f"{run.state} {_progress(run)}",
            units.percent(run.error_rate) + ("v" if run.evaluated_on == "validation" and run.epochs_done else ""),
            units.MISSING if run.seconds is None else f"{run.seconds:.{0 if run.seconds >= 10 else 1}f}",
            units.MISSING if run.epoch_seconds is None else f"{run.epoch_seconds:.2f}",
            units.MISSING if run.when is None else _age(run.when, now),
            _plain(run.job[:JOB_DIGITS]),
        )
        for run in listed
    )
    notes = []
    if any(run.state not in ("finished", "damaged") for run in listed):
        notes.append("Beside a state: epochs done of all; the error is then that of the last one.")
    if any(run.evaluated_on == "validation" for run in listed):
        notes.append("v: on held-out training images, not on the test set.")
    notes += _differences(listed)
    notes += [f"{_plain(run.name)} {_plain(run.job[:JOB_DIGITS])}: {_plain(run.error)}" for run in listed if run.error]
    return Sheet("Training runs", columns, rows, "\n".join(notes))


def _differences(listed: Sequence[RunState]) -> list[str]:
    """A line for all runs of one network whose settings differ in the same way from their recipe's."""
    jobs: dict[tuple[str, str], list[str]] = {}
    for run in listed:
        if text := _difference(run):
            jobs.setdefault((_plain(run.name), text), []).append(_plain(run.job[:JOB_DIGITS]))
    return [f"{name} {', '.join(keys)}: {text}" for (name, text), keys in jobs.items()]


def _difference(run: RunState) -> str:
    """In what a run's settings are not its recipe's; empty when they are, or cannot be compared."""
    try:
        network, recipe = catalog.find(run.name), find_recipe(run.recipe or "")
    except MnistbenchError:
        return ""  # a folder of another name, or a recipe of another version
    settings = recipe.settings(network.spec)
    pairs: tuple[tuple[str, float | None, float], ...] = (
        ("epochs", run.epochs, settings.epochs),
        ("learning rate", run.learning_rate, settings.learning_rate),
        ("batch size", run.batch_size, recipe.batch_size),
        ("max shift", run.max_shift, settings.max_shift),
        ("label smoothing", run.label_smoothing, settings.label_smoothing),
        ("dropout", run.dropout, network.spec.dropout),
    )
    return ", ".join(f"{name} {value:.12g}" for name, value, usual in pairs if value is not None and value != usual)


def _progress(run: RunState) -> str:
    return f"{run.epochs_done}/{'?' if run.epochs is None else run.epochs}"


def _age(when: str, now: float) -> str:
    """Time since then in its largest unit: ``5 min``."""
    passed = max(0, int(now - datetime.fromisoformat(when).timestamp()))
    least, unit = next((least, unit) for least, unit in _AGES if passed >= least)
    return f"{passed // max(1, least)} {unit}"


def _plain(text: str) -> str:
    """A folder's name and a damaged file can say anything; a terminal must not obey it."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
