"""Models of a page: which results are of one model, its number, and what it is called. Draws nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mnistbench import catalog
from mnistbench.report.html.shapes import Shapes, given_shapes, told_apart
from mnistbench.report.sheets import TABLE_TITLES
from mnistbench.results import LatencyResult

_SHORT_HASH = 8
"""Letters of a file's hash that tell files of one name apart."""

_File = tuple[str, str]
"""Name and hash."""

_Key = tuple[_File, Shapes]
"""What two results must share to be of one model: other shapes are other work."""


@dataclass(frozen=True)
class Model:
    """A model with one number throughout the page.

    Attributes:
        number: From 1, in the paper's order, others after it.
        name: As in the results; with the beginning of the file's hash where several files share the name, and with
            the shapes that it was given where one file was given several.
        table: Of the paper; ``None`` when it is not in the paper.
        architecture: Equal for networks that compute the same at inference, as variants with dropout do.
    """

    number: int
    name: str
    table: int | None
    architecture: str


def find_models(results: Sequence[LatencyResult]) -> list[Model]:
    """The model of each of the results, in their order."""
    keys = _keys(results)
    order = {network.name: position for position, network in enumerate(catalog.NETWORKS)}
    tables = {network.name: network.paper.table for network in catalog.NETWORKS if network.paper is not None}
    found: dict[_Key, LatencyResult] = {}
    for key, result in zip(keys, results, strict=True):
        found.setdefault(key, result)
    shown = _names(list(found))
    # The sort is stable: unknown models stay in the order of the files.
    ordered = sorted(found, key=lambda key: order.get(_network(key[0][0]), len(order)))
    models = {}
    for number, key in enumerate(ordered, start=1):
        (name, sha256), shapes = key
        result = found[key]
        base, precision = _network(name).partition("-dropout")[0], name[len(_network(name)) :]
        computes = f"{result.notation} {base}{precision}" if result.notation else f"{name} {sha256}"
        given = " ".join(shape for _, shape in shapes)
        # A model without our notation is a file from elsewhere, whatever its name is.
        table = tables.get(_network(name)) if result.notation else None
        table = table if table in TABLE_TITLES else None
        models[key] = Model(number, shown[key], table, f"{computes} {given}")
    return [models[key] for key in keys]


def _keys(results: Sequence[LatencyResult]) -> list[_Key]:
    """The key of each result; one that does not say its shapes has those that all others of its file have."""
    known: dict[_File, set[Shapes]] = {}
    keys: list[_Key] = []
    for result in results:
        shapes = given_shapes(result)
        keys.append(((result.name, result.sha256), shapes))
        if shapes:
            known.setdefault((result.name, result.sha256), set()).add(shapes)
    only = {file: next(iter(every)) for file, every in known.items() if len(every) == 1}
    return [(file, shapes or only.get(file, ())) for file, shapes in keys]


def _names(keys: Sequence[_Key]) -> dict[_Key, str]:
    """What each model is called: no longer than it must be, and no two alike."""
    of_file: dict[_File, list[Shapes]] = {}
    for file, shapes in keys:
        of_file.setdefault(file, []).append(shapes)
    hashes: dict[str, int] = {}
    for name, _ in of_file:
        hashes[name] = hashes.get(name, 0) + 1
    shown = {}
    for (name, sha256), every in of_file.items():
        plain = name if hashes[name] == 1 else f"{name} ({sha256[:_SHORT_HASH]})"
        words = told_apart(every) if len(every) > 1 else [""]
        for shapes, told in zip(every, words, strict=True):
            shown[(name, sha256), shapes] = f"{plain} {told}" if told else plain
    return shown


def _network(name: str) -> str:
    """A model's name without the precision that may follow it: ``lenet5`` of ``lenet5@int8``."""
    return name.partition("@")[0]
