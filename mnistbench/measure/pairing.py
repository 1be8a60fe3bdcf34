"""Which rows of two runs belong together, and what keeps two rows from being compared. Pure; compares no times."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from mnistbench.results import STOPPED, Environment, LatencyResult

Paired = TypeVar("Paired")

DIFFERS_ANYWAY = frozenset({"seed", "distinct_inputs", "device_id", "how_found", "name", "output", STOPPED})
"""Options that do not change what is measured, such as an input's name, or say again what the device says."""

OF_THE_MODEL = frozenset({"input", "shape", "inputs"})
"""Options that are facts of a model, and so differ between models."""

_OTHER_PLANS = "taken with different plans: the shortest call of fewer calls is longer"


def pair_rows(
    rows: Sequence[Paired], others: Sequence[Paired], keys: Sequence[Callable[[Paired], Hashable]]
) -> tuple[list[Paired | None], list[Paired]]:
    """Find the partner of each row, or of whatever else two runs have of each other.

    Two rows are partners by the first of the keys that they share with nobody else who is still without one.

    Returns:
        For each of ``rows`` its partner or ``None``, and those of ``others`` that are nobody's.
    """
    partners: list[Paired | None] = [None] * len(rows)
    left = dict(enumerate(others))
    for key in keys:
        groups: defaultdict[Hashable, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
        for position, row in enumerate(rows):
            if partners[position] is None:
                groups[key(row)][0].append(position)
        for position, row in left.items():
            groups[key(row)][1].append(position)
        for mine, theirs in groups.values():
            if len(mine) == len(theirs) == 1:
                partners[mine[0]] = left.pop(theirs[0])
    return partners, list(left.values())


def by_place(row: LatencyResult) -> tuple[Hashable, ...]:
    """Where and how a row was measured."""
    return row.device, row.provider, row.mode, row.batch_size


def by_name_and_place(row: LatencyResult) -> tuple[Hashable, ...]:
    """Which model, where and how."""
    return row.name, *by_place(row)


def by_file_and_place(row: LatencyResult) -> Hashable:
    """As :func:`by_name_and_place`, with the file's hash: tells models of one name apart."""
    return row.sha256, by_name_and_place(row)


def by_name_and_mode(row: LatencyResult) -> Hashable:
    """Which model on which device in which mode, whatever provider: a row that failed has none."""
    return row.name, row.device, row.mode, row.batch_size


def by_name_and_device(row: LatencyResult) -> Hashable:
    """Which model on which device, whatever provider and mode."""
    return row.name, row.device, row.batch_size


def by_name_and_batch(row: LatencyResult) -> Hashable:
    """Which model, wherever and however it was measured."""
    return row.name, row.batch_size


def conflicts(row: LatencyResult, other: LatencyResult, passed_over: frozenset[str] = DIFFERS_ANYWAY) -> list[str]:
    """What was measured differently, so that the rows must not be compared: ``["mode e2e and bound"]``.

    Options that only one of both rows states say nothing.
    """
    found = []
    for key in ("device", "provider", "mode"):
        one, another = getattr(row, key), getattr(other, key)
        if None not in (one, another) and one != another:
            found.append(f"{key} {one} and {another}")
    return found + different_options(row, other, passed_over)


def different_options(
    row: LatencyResult, other: LatencyResult, passed_over: frozenset[str] = DIFFERS_ANYWAY
) -> list[str]:
    """Options that both rows state, and not alike: ``["allow_spinning True and False"]``."""
    different = _different(row.options, other.options, passed_over)
    return [f"{key} {one!r:.40} and {two!r:.40}" for key, one, two in different]


def other_gpu(row: LatencyResult, other: LatencyResult) -> list[str]:
    """A note where two rows are known to be of different GPUs, which the number of a device does not tell."""
    if None in (row.gpu_uuid, other.gpu_uuid) or row.gpu_uuid == other.gpu_uuid:
        return []
    names = (f"{one.gpu_name or 'a GPU without a name'} ({one.gpu_uuid})" for one in (row, other))
    return [f"measured on different GPUs: {' and '.join(names)}"]


def environment_notes(environment: Environment, other: Environment) -> tuple[str, ...]:
    """What differs between two machines, in words; a comparison across machines is allowed, and said."""
    notes = []
    gpus, other_gpus = ([str(gpu.get("name")) for gpu in one.gpus] for one in (environment, other))
    facts = (
        ("processor", environment.cpu, other.cpu),
        ("processors used", environment.cpus_usable, other.cpus_usable),
        ("GPUs", ", ".join(gpus) or "none", ", ".join(other_gpus) or "none"),
    )
    different = [f"{what} {one} and {another}" for what, one, another in facts if one != another]
    if different:
        notes.append(f"measured on different machines: {'; '.join(different)}")
    packages = sorted(name for name in {*environment.packages, *other.packages} if name.startswith("onnxruntime"))
    versions = [(name, environment.packages.get(name), other.packages.get(name)) for name in packages]
    notes += [f"{name} {one or 'absent'} and {two or 'absent'}" for name, one, two in versions if one != two]
    return tuple(notes)


def plan_notes(settings: Mapping[str, Any], others: Mapping[str, Any]) -> tuple[str, ...]:
    """Whether two runs were asked for other lengths of warm-up or measurement, in words, as far as both say it."""
    plans = [one.get("plan") if isinstance(one, Mapping) else None for one in (settings, others)]
    plan, other = (one if isinstance(one, Mapping) else {} for one in plans)
    return (_OTHER_PLANS,) if any(plan[key] != other[key] for key in plan.keys() & other.keys()) else ()


def _different(
    options: Mapping[str, Any], others: Mapping[str, Any], passed_over: frozenset[str], prefix: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    """Name and both values of each option that both state, and not alike."""
    for key, value in options.items():
        if key in passed_over or key not in others or value == others[key]:
            continue
        name, other = f"{prefix}{key}", others[key]
        if isinstance(value, Mapping) and isinstance(other, Mapping):
            yield from _different(value, other, passed_over, f"{name}.")
        else:
            yield name, value, other
