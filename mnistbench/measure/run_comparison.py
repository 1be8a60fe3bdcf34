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
from mnistbench.measure.judging import change, fewest_processes, judge, row_time
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
    other_gpu,
    pair_rows,
    plan_notes,
)
from mnistbench.results import STOPPED, BenchRun, Judged, LatencyComparison, LatencyResult

DEFAULT_THRESHOLD = 0.05
"""Change that matters in practice."""

_FORCE = "compare all the same with --force"
_TYPICAL = "its median changed by more than the spread of the processes explains: a busier machine, or a real change"
_BY_MEDIAN = "measure it again, or compare medians with --by p50"


@dataclass(frozen=True)
class NamedRun:
    """A run with what it is called, such as its file."""

    label: str
    run: BenchRun
    caution: str | None = None
    """What makes its figures doubtful."""


@dataclass(frozen=True)
class Rules:
    """How rows are compared."""

    threshold: float = DEFAULT_THRESHOLD
    """Change that matters in practice, as a fraction above 0."""
    force: bool = False
    """Whether rows of different modes or options are compared too."""
    by: Judged = "undisturbed"
    """Which time of a row decides."""

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
    notes = (
        *environment_notes(baseline.run.environment, other.run.environment),
        *plan_notes(baseline.run.settings, other.run.settings),
        *(f"{side} was {one.caution}" for side, one in (("A", baseline), ("B", other)) if one.caution is not None),
    )
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
        runs_floor, lacking = _between_repeats(row, partner, baseline, repeats, rules)
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
            runs_floor, lacking = _between_repeats(first, row, named, repeats, rules)
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
    missing = _missing(row, other, rules)
    if missing is not None:
        return dataclasses.replace(blank, reason=missing)
    different = conflicts(row, other, passed_over)
    if different and not rules.force:
        return dataclasses.replace(blank, reason=f"measured differently: {'; '.join(different)}; {_FORCE}")
    differently = (f"measured differently: {one}" for one in different)
    notes = [*notes, *other_gpu(row, other), *differently, *_cut_short(row, other)]
    if row.name == other.name and row.sha256 != other.sha256:
        notes.append("the two runs had different files of that name")
    blank = dataclasses.replace(blank, notes=tuple(notes), p50_change=change(row, other, "p50"))
    difference = change(row, other, rules.by)
    if difference is None:
        return dataclasses.replace(blank, verdict="UNCLEAR", reason="a time of 0 s cannot be compared")
    outcome, floor, reason = judge(row, other, rules.by, rules.threshold, runs_floor)
    typical = judge(row, other, "p50", rules.threshold, runs_floor)[0] if blank.p50_change is not None else outcome
    if typical not in (outcome, "SAME", "UNCLEAR"):
        notes.append(_TYPICAL)
    return dataclasses.replace(
        blank,
        change=difference,
        floor=None if floor is None else verdict.as_change(floor),
        verdict=outcome,
        reason=reason,
        notes=tuple(notes),
    )


def _missing(row: LatencyResult, other: LatencyResult, rules: Rules) -> str | None:
    """Why two rows that belong together cannot be compared."""
    for side, one in (("A", row), ("B", other)):
        if one.error is not None:
            return f"failed in {side}: {one.error}"
        if row_time(one, rules.by) is None:
            if row_time(one, "p50") is None:
                return f"failed in {side}: it has no median"
            return f"{side} is of a version that kept no shortest calls; {_BY_MEDIAN}"
    return None


def _cut_short(row: LatencyResult, other: LatencyResult) -> list[str]:
    """What is to be known of rows whose measurement an error ended."""
    return [
        f"{side} was cut short, and has the figures of the processes before: {one.options[STOPPED]}"
        for side, one in (("A", row), ("B", other))
        if STOPPED in one.options
    ]


def _between_repeats(
    row: LatencyResult, other: LatencyResult, baseline: NamedRun, repeats: Sequence[NamedRun], rules: Rules
) -> tuple[float, tuple[str, ...]]:
    """Floor by further runs of one row of the baseline, 0 without any; and which of them cannot say anything of it.

    All are taken as if they had as few calm processes as the fewest of them and the row that it is compared with.

    Raises:
        InputError: When a repeat measured another file, or in another way.
    """
    same, lacking = [row], []
    for repeat in repeats:
        (partner,), _ = pair_rows([row], repeat.run.results, (by_name_and_place,))
        if partner is None or not row_time(partner, rules.by):
            lacking.append(f"{repeat.label} says nothing of the noise: no row of it, or none with a time")
            continue
        different = conflicts(row, partner)
        if partner.sha256 != row.sha256:
            different.append("another file of that name")
        if different and not rules.force:
            raise InputError(
                f"{repeat.label} is not a further run of {baseline.label}: {row.name}, batch {row.batch_size}: "
                f"{'; '.join(different)}; leave it out, or take it all the same with --force"
            )
        same.append(partner)
    fewest = fewest_processes(rules.by, other, *same)
    usable = [value for one in same if (value := row_time(one, rules.by, fewest))]
    return verdict.between_runs(usable) if len(usable) > 1 else 0.0, tuple(lacking)


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
    fewest = fewest_processes(rules.by, *(one for one in (row, partner) if one is not None))
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
        judged_by=rules.by,
        baseline_seconds=None if row is None else row_time(row, rules.by, fewest),
        other_seconds=None if partner is None else row_time(partner, rules.by, fewest),
        reason=reason,
    )
