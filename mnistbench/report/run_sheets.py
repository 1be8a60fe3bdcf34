"""Training runs as a sheet: state, error, seconds, age."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from mnistbench.report import units
from mnistbench.report.sheet import Column, Sheet, one_line
from mnistbench.results import RunState

JOB_DIGITS = 8
"""Of the hash in the table: enough to find the folder, which has them all."""

_AGES = ((86_400, "d"), (3_600, "h"), (60, "min"), (0, "s"))


def runs_sheet(
    listed: Sequence[RunState], now: float, changed_settings: Callable[[RunState], Mapping[str, float | str]]
) -> Sheet:
    """The runs as a table, with notes on what is not as usual.

    Args:
        listed: In the order of the rows.
        now: Seconds since 1970.
        changed_settings: What of a run's settings is not its recipe's, by name.
    """
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
            one_line(run.name),
            one_line(run.recipe or units.MISSING)[:20],
            units.MISSING if run.seed is None else str(run.seed),
            run.state if run.state in ("finished", "damaged") else f"{run.state} {_progress(run)}",
            units.percent(run.error_rate) + ("v" if run.evaluated_on == "validation" and run.epochs_done else ""),
            units.MISSING if run.seconds is None else f"{run.seconds:.{0 if run.seconds >= 10 else 1}f}",
            units.MISSING if run.epoch_seconds is None else f"{run.epoch_seconds:.2f}",
            units.MISSING if run.when is None else _age(run.when, now),
            one_line(run.job[:JOB_DIGITS]),
        )
        for run in listed
    )
    notes = []
    if any(run.state not in ("finished", "damaged") for run in listed):
        notes.append("Beside a state: epochs done of all; the error is then that of the last one.")
    if any(run.evaluated_on == "validation" for run in listed):
        notes.append("v: on held-out training images, not on the test set.")
    notes += _changes(listed, changed_settings)
    notes += [
        f"{one_line(run.name)} {one_line(run.job[:JOB_DIGITS])}: {one_line(run.error)}" for run in listed if run.error
    ]
    return Sheet("Training runs", columns, rows, "\n".join(notes))


def _changes(
    listed: Sequence[RunState], changed_settings: Callable[[RunState], Mapping[str, float | str]]
) -> list[str]:
    """A line for all runs of one network whose settings differ in the same way from their recipe's."""
    jobs: dict[tuple[str, str], list[str]] = {}
    for run in listed:
        if changed := changed_settings(run):
            text = ", ".join(
                f"{name} {one_line(value) if isinstance(value, str) else f'{value:.12g}'}"
                for name, value in changed.items()
            )
            jobs.setdefault((one_line(run.name), text), []).append(one_line(run.job[:JOB_DIGITS]))
    return [f"{name} {', '.join(keys)}: {text}" for (name, text), keys in jobs.items()]


def _progress(run: RunState) -> str:
    return f"{run.epochs_done}/{'?' if run.epochs is None else run.epochs}"


def _age(when: str, now: float) -> str:
    """Time since then in its largest unit: ``5 min``."""
    passed = max(0, int(now - datetime.fromisoformat(when).timestamp()))
    least, unit = next((least, unit) for least, unit in _AGES if passed >= least)
    return f"{passed // max(1, least)} {unit}"
