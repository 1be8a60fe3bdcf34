"""Results of one or several runs in the order in which a page shows them. Decides what belongs together; draws nothing.

Files can be edited by hand, and some fields of a result are not checked when it
is read: what stands here is of the right kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mnistbench import catalog
from mnistbench.report.html.setups import Setup, find_setups, setup_key
from mnistbench.report.sheets import TABLE_TITLES
from mnistbench.results import BenchRun, LatencyResult

_SHORT_HASH = 8
"""Letters of a file's hash that tell files of one name apart."""


@dataclass(frozen=True)
class Model:
    """A model with one number throughout the page.

    Attributes:
        number: From 1, in the paper's order, others after it.
        name: As in the results; with the beginning of the file's hash where several files share the name.
        table: Of the paper; ``None`` when it is not in the paper.
        architecture: Equal for networks that compute the same at inference, as variants with dropout do.
    """

    number: int
    name: str
    table: int | None
    architecture: str


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
class Page:
    """All that a page shows.

    Attributes:
        runs: Name and run of each file.
        models: By number.
        setups: By index.
        rows: By setup, model and batch size.
        failures: In the order of the runs.
    """

    runs: tuple[tuple[str, BenchRun], ...]
    models: tuple[Model, ...]
    setups: tuple[Setup, ...]
    rows: tuple[Row, ...]
    failures: tuple[Failure, ...]

    @property
    def modes(self) -> tuple[str, ...]:
        """Modes that have figures."""
        return tuple(dict.fromkeys(setup.mode for setup in self.setups))

    def of_mode(self, mode: str) -> tuple[Row, ...]:
        """Rows of one mode, the only ones that may be compared."""
        return tuple(row for row in self.rows if row.setup.mode == mode)


def gather(runs: Sequence[tuple[str, BenchRun]]) -> Page:
    """Sort the results of several runs into models, setups and failures.

    Args:
        runs: The name to show for each run, and the run.
    """
    measured: list[tuple[int, LatencyResult, float]] = []
    failures: list[Failure] = []
    for position, (_, run) in enumerate(runs):
        for result in run.results:
            p50 = result.p50_seconds
            if result.error is None and p50 and result.batch_size > 0:
                measured.append((position, result, p50))
            else:
                reason = "no figures in the file" if result.error is None else str(result.error)
                failures.append(Failure(position, result, reason))
    models = _models([result for _, result, _ in measured])
    setups = find_setups([(position, result) for position, result, _ in measured], len(runs))
    rows = [
        Row(setups[setup_key(position, result)], models[_model_key(result)], result, p50)
        for position, result, p50 in measured
    ]
    rows.sort(key=lambda row: (row.setup.index, row.model.number, row.result.batch_size))
    return Page(
        tuple(runs),
        tuple(sorted(models.values(), key=lambda model: model.number)),
        tuple(sorted(setups.values(), key=lambda setup: setup.index)),
        tuple(rows),
        tuple(failures),
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


def _model_key(result: LatencyResult) -> tuple[str, str]:
    return result.name, result.sha256


def _network(name: str) -> str:
    """A model's name without the precision that may follow it: ``lenet5`` of ``lenet5@int8``."""
    return name.partition("@")[0]


def _models(results: Sequence[LatencyResult]) -> dict[tuple[str, str], Model]:
    order = {network.name: position for position, network in enumerate(catalog.NETWORKS)}
    tables = {network.name: network.paper.table for network in catalog.NETWORKS if network.paper is not None}
    found: dict[tuple[str, str], LatencyResult] = {}
    for result in results:
        found.setdefault(_model_key(result), result)
    hashes: dict[str, int] = {}
    for name, _ in found:
        hashes[name] = hashes.get(name, 0) + 1
    # The sort is stable: unknown models stay in the order of the files.
    keys = sorted(found, key=lambda key: order.get(_network(key[0]), len(order)))
    models = {}
    for number, key in enumerate(keys, start=1):
        name, sha256 = key
        result = found[key]
        shown = name if hashes[name] == 1 else f"{name} ({sha256[:_SHORT_HASH]})"
        base, precision = _network(name).partition("-dropout")[0], name[len(_network(name)) :]
        architecture = f"{result.notation} {base}{precision}" if result.notation else f"{name} {sha256}"
        # A model without our notation is a file from elsewhere, whatever its name is.
        table = tables.get(_network(name)) if result.notation else None
        models[key] = Model(number, shown, table if table in TABLE_TITLES else None, architecture)
    return models
