"""Results of one or several runs in the order in which a page shows them. Decides what belongs together; draws nothing.

Files can be edited by hand, and some fields of a result are not checked when it
is read: what stands here is of the right kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mnistbench import catalog
from mnistbench.report.sheets import TABLE_TITLES
from mnistbench.results import BenchRun, LatencyResult

MODES = ("e2e", "bound", "graph")
"""In the order of the page; others follow."""

_DISTINGUISHING = ("intra_op_num_threads", "allow_spinning", "graph_optimization", "provider_options")
"""Options that make two ways of running out of one, where they differ."""

_SHORT_HASH = 8


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
class Setup:
    """One way of running models: a run's machine, device, provider, mode and options.

    Attributes:
        index: From 0; decides colour and marker.
        label: As shown: the provider, and run, device, mode or options where setups differ in them.
        place: Run, device and mode: what is left when the provider may be chosen.
        run: Position of its run among the page's.
        mode: Figures of different modes are never compared.
        device: As asked for.
        provider: That really ran, without its ending ``ExecutionProvider``.
        options: Session options that all of its rows share.
    """

    index: int
    label: str
    place: str
    run: int
    mode: str
    device: str
    provider: str
    options: Mapping[str, Any]


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
    setups = _setups([(position, result) for position, result, _ in measured], len(runs))
    rows = [
        Row(setups[_setup_key(position, result)], models[_model_key(result)], result, p50)
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


def run_letter(run: int) -> str:
    """A, B ... Z, AA: how a run is called where its name would be too long."""
    letters = ""
    run += 1
    while run:
        run, rest = divmod(run - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def short_provider(result: LatencyResult) -> str:
    """``CPU`` for ``CPUExecutionProvider``."""
    return str(result.provider or "unknown").removesuffix("ExecutionProvider")


def as_mapping(value: Any) -> Mapping[str, Any]:
    """The value if it is a mapping, which a file may not have kept to; else an empty one."""
    return {str(key): one for key, one in value.items()} if isinstance(value, Mapping) else {}


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
    keys = sorted(found, key=lambda key: order.get(key[0], len(order)))
    models = {}
    for number, key in enumerate(keys, start=1):
        name, sha256 = key
        result = found[key]
        shown = name if hashes[name] == 1 else f"{name} ({sha256[:_SHORT_HASH]})"
        base = name.partition("-dropout")[0]
        architecture = f"{result.notation} {base}" if result.notation else f"{name} {sha256}"
        # A model without our notation is a file from elsewhere, whatever its name is.
        table = tables.get(name) if result.notation else None
        models[key] = Model(number, shown, table if table in TABLE_TITLES else None, architecture)
    return models


def _options(result: LatencyResult) -> Mapping[str, Any]:
    return as_mapping(result.options)


def _setup_key(run: int, result: LatencyResult) -> tuple[Any, ...]:
    options = _options(result)
    # Compared as text: what a file has there may have no hash.
    told = tuple(repr(options.get(key)) for key in _DISTINGUISHING)
    return run, result.device, result.mode, str(result.provider), told


def _setups(measured: Sequence[tuple[int, LatencyResult]], num_runs: int) -> dict[tuple[Any, ...], Setup]:
    members: dict[tuple[Any, ...], list[LatencyResult]] = {}
    for run, result in measured:
        members.setdefault(_setup_key(run, result), []).append(result)
    order = {mode: position for position, mode in enumerate(MODES)}
    # The sort is stable: setups of a mode stay in the order of the files.
    keys = sorted(members, key=lambda key: (order.get(key[2], len(order)), key[2]))
    several_devices, several_modes = (len({key[position] for key in keys}) > 1 for position in (1, 2))
    setups = {}
    for index, key in enumerate(keys):
        run, device, mode = key[:3]
        provider = short_provider(members[key][0])
        options = _common([_options(result) for result in members[key]])
        # Only what tells it from the others: labels stand in narrow places.
        parts = [device] * several_devices + [provider] + [mode] * several_modes
        alike = [_options(members[other][0]) for other in keys if other[:4] == key[:4]]
        if len(alike) > 1:
            parts += filter(None, [_told(options, alike)])
        letter = f"{run_letter(run)}: " if num_runs > 1 else ""
        place = f"{letter}{device}, mode {mode}"
        setups[key] = Setup(index, letter + " · ".join(parts), place, run, mode, device, provider, options)
    return setups


def _told(options: Mapping[str, Any], alike: Sequence[Mapping[str, Any]]) -> str:
    """The options that make a setup differ from others, itself among them, as short as a label must be."""
    if not any(key in options for key in _DISTINGUISHING):
        return "options not noted"
    parts = []
    for key in _DISTINGUISHING:
        if key not in options or len({repr(other[key]) for other in alike if key in other}) < 2:
            continue
        if key == "intra_op_num_threads":
            parts.append(f"{options[key]} threads")
        elif key == "allow_spinning":
            parts.append("spinning" if options[key] else "not spinning")
        else:
            parts.append(f"{key} {options[key]}")
    return ", ".join(parts)


def _common(every: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    first, *others = every
    return {key: value for key, value in first.items() if all(other.get(key) == value for other in others)}
