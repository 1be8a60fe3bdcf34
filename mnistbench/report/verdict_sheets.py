"""Latencies of two runs beside each other as sheets. Decides columns, order and words, compares nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from mnistbench.report import units
from mnistbench.report.sheet import Column, Sheet, one_line
from mnistbench.results import LatencyComparison

_JUDGED = {
    "undisturbed": "A, B: a call that nothing disturbed, the shortest that a second process confirms; where one has "
    "more undisturbed processes, as if it had as few as the other.",
    "p50": "A, B: median of the processes' medians.",
}

_NAMED = 3
"""Rows that a note names; of more it says how many."""


def verdict_sheets(found: Sequence[LatencyComparison]) -> list[Sheet]:
    """One sheet for each run that was compared with the baseline; the models of one run share a sheet."""
    groups: defaultdict[tuple[str, str], list[LatencyComparison]] = defaultdict(list)
    for one in found:
        groups[one.baseline, one.other].append(one)
    return [_sheet(group) for group in groups.values()]


def _sheet(found: Sequence[LatencyComparison]) -> Sheet:
    by = found[0].judged_by
    shows_p50 = by != "p50"
    columns = (
        Column("network", right=False, foldable=True),
        Column("device", right=False),
        Column("mode", right=False),
        Column("batch"),
        Column("A"),
        Column("B"),
        Column("%"),
        Column("floor"),
        *([Column("p50 %")] if shows_p50 else []),
        Column("verdict", right=False),
    )
    providers = len({one.provider for one in found if one.provider}) > 1
    rows = tuple(
        (
            one.other_name,
            device_text(one) if providers else one.device,
            one.mode,
            units.batch_size(one.batch_size),
            units.seconds(one.baseline_seconds),
            units.seconds(one.other_seconds),
            units.signed_percent(one.change),
            units.signed_percent(one.floor).replace("+", "±"),
            *([units.signed_percent(one.p50_change)] if shows_p50 else []),
            one.verdict or units.MISSING,
        )
        for one in found
    )
    return Sheet(_title(found), columns, rows, "\n".join(map(one_line, _notes(found))))


def device_text(one: LatencyComparison) -> str:
    """The device, and the provider in short where it says more: ``cpu openvino``."""
    provider = (one.provider or "").removesuffix("ExecutionProvider").lower()
    return one.device if provider in ("", one.device.partition(":")[0]) else f"{one.device} {provider}"


def _title(found: Sequence[LatencyComparison]) -> str:
    first = found[0]
    if _is_of_models(found):
        return f"A: {first.baseline_name}, B: each network of {first.other}"
    return f"A: {first.baseline}, B: {first.other}"


def _is_of_models(found: Sequence[LatencyComparison]) -> bool:
    return any(one.baseline_name != one.other_name for one in found)


def _notes(found: Sequence[LatencyComparison]) -> list[str]:
    """What the verdicts mean, and what stood in their way: a line a reason, however many rows it is true of."""
    threshold = units.percent(found[0].threshold, 1).removesuffix(".0")
    lines = []
    if any(one.floor is not None for one in found):
        lines.append(
            f"{_JUDGED[found[0].judged_by]} FASTER, SLOWER: B changed by more than {threshold}% and more than the "
            "floor, which noise alone stays below 19 times of 20. SAME: neither is more. UNCLEAR: the noise hides it."
        )
    reasons: defaultdict[str, list[str]] = defaultdict(list)
    for one in found:
        if one.reason is not None:
            reasons[f"{one.verdict or 'Not compared'}, {one.reason}"].append(_row_text(one))
    notes: defaultdict[str, list[str]] = defaultdict(list)
    for one in found:
        for note in one.notes:
            notes[f"Note, {note}"].append(_row_text(one))
    lines += [f"{reason}: {_some(rows)}." for reason, rows in reasons.items()]
    compared = sum(one.verdict is not None for one in found)
    lines += [f"{note}." if len(rows) == compared > 1 else f"{note}: {_some(rows)}." for note, rows in notes.items()]
    return lines


def _row_text(one: LatencyComparison) -> str:
    return f"{one.other_name} {device_text(one)} {one.mode} {units.batch(one.batch_size)}"


def _some(rows: Iterable[str]) -> str:
    named = list(rows)
    more = len(named) - _NAMED
    return "; ".join(named[:_NAMED]) + (f" and {more} more" if more > 0 else "")
