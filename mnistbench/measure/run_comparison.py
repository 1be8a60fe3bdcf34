"""Two runs of the benchmark row by row, and the verdict on each.

:mod:`mnistbench.measure.pairing` knows which rows belong together,
:mod:`mnistbench.measure.verdict` has the statistics. Reads no files.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

from mnistbench.errors import InputError
from mnistbench.measure import verdict
from mnistbench.measure.pairing import (
    DIFFERS_ANYWAY,
    OF_THE_MODEL,
    by_file_and_place,
    by_name_and_batch,
    by_name_and_device,
    by_name_and_mode,
    by_name_and_place,
    by_place,
    conflicts,
    environment_notes,
    pair_rows,
)
from mnistbench.measure.stats import median
from mnistbench.results import BenchRun, LatencyComparison, LatencyResult

DEFAULT_THRESHOLD = 0.05
"""Change that matters in practice."""

_FORCE = "compare all the same with --force"


@dataclass(frozen=True)
class NamedRun:
    """A run with what it is called, such as its file."""

    label: str
    run: BenchRun


@dataclass(frozen=True)
class Rules:
    """How rows are compared."""

    threshold: float = DEFAULT_THRESHOLD
    """Change that matters in practice, as a fraction above 0."""
    force: bool = False
    """Whether rows of different modes or options are compared too."""

    def __post_init__(self) -> None:
        if not 0 < self.threshold < math.inf:
            raise InputError(f"threshold {self.threshold}; expected a fraction above 0, such as 0.05 for 5%")


def compare_runs(
    baseline: NamedRun, other: NamedRun, rules: Rules, repeats: Sequence[NamedRun] = ()
) -> list[LatencyComparison]:
    """Compare each row of a run with the same one of the baseline.

    Rows belong together by model, device, provider, mode and batch size. Where a
    row has no such partner, one that only differs in provider, mode or device is
    taken, which ``rules.force`` must allow before it is compared.

    Args:
        baseline: The run that is compared with, A.
        other: The run that the verdicts are about, B.
        rules: Threshold and force.
        repeats: Further runs of the same as the baseline; how far they lie apart is a floor too.

    Returns:
        One comparison for each row of the baseline, in its order, then one for each row that only ``other`` has.

    Raises:
        InputError: When a repeat has a row that is not the same as the baseline's.
    """
    keys = (by_file_and_place, by_name_and_place, by_name_and_mode, by_name_and_device, by_name_and_batch)
    notes = environment_notes(baseline.run.environment, other.run.environment)
    partners, extra = pair_rows(baseline.run.results, other.run.results, keys)
    found = []
    unclear = {by_name_and_batch(row) for row in extra}
    for row, partner in zip(baseline.run.results, partners, strict=True):
        if partner is None:
            several = by_name_and_batch(row) in unclear
            why = f"{other.label} has {'several rows, and it is not clear which is' if several else 'no row of'} it"
            found.append(_blank(baseline, other, row, None, rules, why))
            continue
        blank = _blank(baseline, other, row, partner, rules)
        runs_floor, lacking = _between_repeats(row, baseline, repeats, rules)
        found.append(_compare(blank, row, partner, rules, runs_floor, (*notes, *lacking), DIFFERS_ANYWAY))
    for row in extra:
        why = f"{baseline.label} has no row of it"
        found.append(dataclasses.replace(_blank(baseline, other, None, row, rules, why), extra=True))
    return found


def compare_models(named: NamedRun, rules: Rules, repeats: Sequence[NamedRun] = ()) -> list[LatencyComparison]:
    """Compare the models of one run with its first one, on the same device, provider, mode and batch size.

    Args:
        named: The run.
        rules: Threshold and force.
        repeats: As in :func:`compare_runs`, for the rows of the first model.

    Returns:
        One comparison for each row of each other model.

    Raises:
        InputError: When there are not two models, or a repeat does not fit.
    """
    names = list(dict.fromkeys(row.name for row in named.run.results))
    if len(names) < 2:
        raise InputError(
            f"{named.label} has rows of {', '.join(names) or 'no model'} only; "
            "name a second run, or a run of several models"
        )
    firsts, found = [row for row in named.run.results if row.name == names[0]], []
    for name in names[1:]:
        rows = [row for row in named.run.results if row.name == name]
        partners, _ = pair_rows(rows, firsts, (by_place,))
        for row, first in zip(rows, partners, strict=True):
            if first is None:
                why = f"{names[0]} has no row, or several, on this device with this provider, mode and batch size"
                if row.error is not None:
                    why = f"failed in B: {row.error}"
                blank = dataclasses.replace(_blank(named, named, None, row, rules, why), baseline_name=names[0])
                found.append(blank)
                continue
            runs_floor, lacking = _between_repeats(first, named, repeats, rules)
            blank = _blank(named, named, first, row, rules)
            found.append(_compare(blank, first, row, rules, runs_floor, lacking, DIFFERS_ANYWAY | OF_THE_MODEL))
    return found


def _compare(
    blank: LatencyComparison,
    row: LatencyResult,
    other: LatencyResult,
    rules: Rules,
    runs_floor: float,
    notes: Sequence[str],
    passed_over: frozenset[str],
) -> LatencyComparison:
    """The comparison of two rows that belong together."""
    for side, one in (("A", row), ("B", other)):
        if one.error is not None or _seconds(one) is None:
            return dataclasses.replace(blank, reason=f"failed in {side}: {one.error or 'it has no median'}")
    different = conflicts(row, other, passed_over)
    if different and not rules.force:
        return dataclasses.replace(blank, reason=f"measured differently: {'; '.join(different)}; {_FORCE}")
    notes = [*notes, *(f"measured differently: {one}" for one in different)]
    if row.name == other.name and row.sha256 != other.sha256:
        notes.append("the two runs had different files of that name")
    blank = dataclasses.replace(blank, notes=tuple(notes))
    seconds, other_seconds = _seconds(row), _seconds(other)
    if not seconds or not other_seconds:
        return dataclasses.replace(blank, verdict="UNCLEAR", reason="a median of 0 s cannot be compared")
    difference = verdict.log_ratio(seconds, other_seconds)
    blank = dataclasses.replace(blank, change=verdict.as_change(difference))
    counts = [len(one.processes) for one in (row, other)]
    if min(counts) < verdict.MIN_PROCESSES:
        why = (
            f"{counts[0]} and {counts[1]} fresh processes; "
            f"the noise between them needs {verdict.MIN_PROCESSES} or more on each side"
        )
        return dataclasses.replace(blank, verdict="UNCLEAR", reason=why)
    if any(not process.p50_seconds for one in (row, other) for process in one.processes):
        return dataclasses.replace(blank, verdict="UNCLEAR", reason="a process has a median of 0 s")
    floors = [verdict.row_floor([process.p50_seconds for process in one.processes]) for one in (row, other)]
    floor = max(verdict.pair_floor(*floors), runs_floor)
    outcome = verdict.decide(difference, floor, math.log1p(rules.threshold))
    return dataclasses.replace(
        blank,
        floor=verdict.as_change(floor),
        verdict=outcome,
        reason="the noise is too great: measure again on a quieter machine, or with more processes"
        if outcome == "UNCLEAR"
        else None,
    )


def _between_repeats(
    row: LatencyResult, baseline: NamedRun, repeats: Sequence[NamedRun], rules: Rules
) -> tuple[float, tuple[str, ...]]:
    """Floor by further runs of one row of the baseline, 0 without any; and which of them cannot say anything of it.

    Raises:
        InputError: When a repeat measured another file, or in another way.
    """
    seconds, lacking = [_seconds(row)], []
    for repeat in repeats:
        (partner,), _ = pair_rows([row], repeat.run.results, (by_name_and_place,))
        if partner is None or not _seconds(partner):
            lacking.append(f"{repeat.label} says nothing of the noise: no row of it, or none with a median")
            continue
        different = conflicts(row, partner)
        if partner.sha256 != row.sha256:
            different.append("another file of that name")
        if different and not rules.force:
            raise InputError(
                f"{repeat.label} is not a further run of {baseline.label}: {row.name}, batch {row.batch_size}: "
                f"{'; '.join(different)}; leave it out, or take it all the same with --force"
            )
        seconds.append(_seconds(partner))
    usable = [value for value in seconds if value]
    return verdict.between_runs(usable) if len(usable) > 1 else 0.0, tuple(lacking)


def _seconds(row: LatencyResult) -> float | None:
    """What a row is compared by: the median of its processes' medians; ``None`` when it failed."""
    if row.error is not None:
        return None
    return median([process.p50_seconds for process in row.processes]) if row.processes else row.p50_seconds


def _blank(
    baseline: NamedRun,
    other: NamedRun,
    row: LatencyResult | None,
    partner: LatencyResult | None,
    rules: Rules,
    reason: str | None = None,
) -> LatencyComparison:
    """A comparison without a verdict; one of both rows may be missing."""
    shown = row or partner
    assert shown is not None
    return LatencyComparison(
        baseline=baseline.label,
        other=other.label,
        baseline_name=shown.name,
        other_name=(partner or shown).name,
        device=shown.device,
        mode=shown.mode,
        batch_size=shown.batch_size,
        provider=shown.provider or (partner or shown).provider,
        threshold=rules.threshold,
        baseline_seconds=None if row is None else _seconds(row),
        other_seconds=None if partner is None else _seconds(partner),
        reason=reason,
    )
