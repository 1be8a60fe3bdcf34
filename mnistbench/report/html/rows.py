"""Results of one or several runs in the order in which a page shows them. Decides what belongs together; draws nothing.

Files can be edited by hand, and some fields of a result are not checked when it
is read: what stands here is of the right kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mnistbench.report.html.models import Model, find_models
from mnistbench.report.html.setups import Setup, find_setups, setup_key
from mnistbench.report.sheets import TABLE_TITLES
from mnistbench.results import STOPPED, BenchRun, LatencyResult


@dataclass(frozen=True)
class Row:
    """A result with figures."""

    setup: Setup
    model: Model
    result: LatencyResult
    p50_seconds: float


@dataclass(frozen=True)
class Failure:
    """A result without figures."""

    run: int
    result: LatencyResult
    reason: str


@dataclass(frozen=True)
class WithoutMedian:
    """A result of too few calls for a median, which did not fail: it has other figures."""

    run: int
    result: LatencyResult


@dataclass(frozen=True)
class Page:
    """All that a page shows.

    Attributes:
        runs: Name and run of each file.
        models: By number.
        setups: By index.
        rows: By setup, model and batch size.
        failures: In the order of the runs.
        without_median: In the order of the runs.
    """

    runs: tuple[tuple[str, BenchRun], ...]
    models: tuple[Model, ...]
    setups: tuple[Setup, ...]
    rows: tuple[Row, ...]
    failures: tuple[Failure, ...]
    without_median: tuple[WithoutMedian, ...]

    @property
    def modes(self) -> tuple[str, ...]:
        """Modes that have figures."""
        return tuple(dict.fromkeys(setup.mode for setup in self.setups))

    def of_mode(self, mode: str) -> tuple[Row, ...]:
        """Rows of one mode, the only ones that may be compared."""
        return tuple(row for row in self.rows if row.setup.mode == mode)


def gather(runs: Sequence[tuple[str, BenchRun]]) -> Page:
    """Sort the results of several runs into models, setups, failures and what is of too few calls.

    Args:
        runs: The name to show for each run, and the run.
    """
    measured: list[tuple[int, LatencyResult, float]] = []
    failures: list[Failure] = []
    without_median: list[WithoutMedian] = []
    for position, (_, run) in enumerate(runs):
        for result in run.results:
            p50 = result.p50_seconds
            if result.error is not None:
                failures.append(Failure(position, result, result.error))
            elif p50 and result.batch_size > 0:
                measured.append((position, result, p50))
            elif p50 is None and result.batch_size > 0 and _has_other_figures(result):
                without_median.append(WithoutMedian(position, result))
            else:
                failures.append(Failure(position, result, "no figures in the file"))
    models = find_models([result for _, result, _ in measured])
    setups = find_setups([(position, result) for position, result, _ in measured], len(runs))
    rows = [
        Row(setups[setup_key(position, result)], model, result, p50)
        for (position, result, p50), model in zip(measured, models, strict=True)
    ]
    rows.sort(key=lambda row: (row.setup.index, row.model.number, row.result.batch_size))
    numbered = {model.number: model for model in models}
    return Page(
        tuple(runs),
        tuple(numbered[number] for number in sorted(numbered)),
        tuple(sorted(setups.values(), key=lambda setup: setup.index)),
        tuple(rows),
        tuple(failures),
        tuple(without_median),
    )


def batch_sizes(rows: Iterable[Row]) -> list[int]:
    """Those that there are figures for, rising."""
    return sorted({row.result.batch_size for row in rows})


def distinct_setups(rows: Iterable[Row]) -> list[Setup]:
    """The setups of some rows, by index."""
    found = {row.setup.index: row.setup for row in rows}
    return [found[index] for index in sorted(found)]


def one_per_architecture(rows: Iterable[Row]) -> list[Row]:
    """Rows without those of networks that compute the same as one before, in the same setup."""
    first: dict[tuple[int, str], int] = {}
    return [
        row
        for row in rows
        if first.setdefault((row.setup.index, row.model.architecture), row.model.number) == row.model.number
    ]


def by_table(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Rows under the titles of the paper's tables, those without rows left out."""
    found = {title: [row for row in rows if row.model.table == table] for table, title in TABLE_TITLES.items()}
    return {title: chosen for title, chosen in found.items() if chosen}


def stopped_by(result: LatencyResult) -> str:
    """The error after which a result was not measured again; empty where there was none."""
    return str(result.options.get(STOPPED) or "")


def _has_other_figures(result: LatencyResult) -> bool:
    return bool(result.undisturbed_seconds or result.mean_seconds)
