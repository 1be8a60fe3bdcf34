"""Ways of running models and what they are called: as short as it can be without two being called the same.

Files can be edited by hand, and some fields of a result are not checked when it
is read: what stands here is of the right kind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mnistbench.results import LatencyResult

MODES = ("e2e", "bound", "graph")
"""In the order of the page; others follow."""

DISTINGUISHING = ("intra_op_num_threads", "allow_spinning", "graph_optimization", "provider_options")
"""Options that make two ways of running out of one, where they differ. What a model was given is not among them: other
shapes make another model (:mod:`mnistbench.report.html.models`)."""


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


def for_people(value: Any) -> str:
    """A value of a file as it reads: ``layout N1HW, dtype uint8`` for an object, without what it leaves open."""
    if isinstance(value, Mapping):
        named = [(str(key).replace("_", " "), one) for key, one in value.items() if one is not None and one != {}]
        parts = [
            f"{key} ({for_people(one)})" if isinstance(one, Mapping) else f"{key} {for_people(one)}"
            for key, one in named
        ]
        return ", ".join(parts) or "none"
    if isinstance(value, (list, tuple)):
        return " × ".join("any" if one is None else for_people(one) for one in value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def setup_key(run: int, result: LatencyResult) -> tuple[Any, ...]:
    """What two results must share to be of one setup."""
    options = _options(result)
    # Compared as text: what a file has there may have no hash.
    told = tuple(repr(options.get(key)) for key in DISTINGUISHING)
    return run, result.device, result.mode, str(result.provider), told


def find_setups(measured: Sequence[tuple[int, LatencyResult]], num_runs: int) -> dict[tuple[Any, ...], Setup]:
    """The setups of some results by :func:`setup_key`.

    Args:
        measured: Position of the run, and result.
        num_runs: With several, labels begin with the run's letter.
    """
    members: dict[tuple[Any, ...], list[LatencyResult]] = {}
    for run, result in measured:
        members.setdefault(setup_key(run, result), []).append(result)
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
        alike = [other for other in keys if other[1:4] == key[1:4]]
        own = [_options(members[other][0]) for other in alike if other[0] == run]
        parts += filter(None, [_told(options, own, [_options(members[other][0]) for other in alike])])
        letter = f"{run_letter(run)}: " if num_runs > 1 else ""
        place = f"{letter}{device}, mode {mode}"
        setups[key] = Setup(index, letter + " · ".join(parts), place, run, mode, device, provider, options)
    return setups


def _options(result: LatencyResult) -> Mapping[str, Any]:
    return as_mapping(result.options)


def _told(options: Mapping[str, Any], own: Sequence[Mapping[str, Any]], every: Sequence[Mapping[str, Any]]) -> str:
    """The options that make a setup differ from others, itself among them, as short as a label must be.

    Args:
        options: Of the setup.
        own: Of the setups of its run that differ from it in options alone.
        every: Of those of other runs, too.
    """
    if len(own) > 1 and not any(key in options for key in DISTINGUISHING):
        return "options not noted"
    parts = []
    for key in DISTINGUISHING:
        # The options of a provider are many, and another machine has others.
        others = own if key == "provider_options" else every
        if key not in options or len({repr(other[key]) for other in others if key in other}) < 2:
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
