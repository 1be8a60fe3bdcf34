"""One setup beside another, as ``mnistbench compare`` would judge them: no ratio where noise explains it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mnistbench.measure.judging import change, judge
from mnistbench.measure.pairing import DIFFERS_ANYWAY, different_options
from mnistbench.measure.run_comparison import DEFAULT_THRESHOLD
from mnistbench.measure.stats import median
from mnistbench.report.html.rows import Row
from mnistbench.report.html.setups import DISTINGUISHING, Setup
from mnistbench.results import Judged, Verdict

_TOLD_BY_LABELS = DIFFERS_ANYWAY | {*DISTINGUISHING, "provider"}
"""Options that may differ: setups are there to be compared in them, and are called by them."""


@dataclass(frozen=True)
class Beside:
    """One result beside another.

    Attributes:
        verdict: On its time, by the noise floor of both.
        ratio: How many times as fast.
    """

    verdict: Verdict
    ratio: float

    @property
    def is_clear(self) -> bool:
        """Whether there is a difference that noise does not explain and that matters."""
        return self.verdict in ("FASTER", "SLOWER")


def beside(base: Row, row: Row, by: Judged) -> Beside | None:
    """The second result beside the first.

    Args:
        base: What it is compared with.
        row: What is judged.
        by: By which of their times.

    Returns:
        ``None`` where they are not of the same work, and where the spread between processes is not known: fewer
        than three, or no such time of each.
    """
    if not is_same_work(base, row):
        return None
    difference = change(base.result, row.result, by)
    if difference is None:
        return None
    outcome, floor, _ = judge(base.result, row.result, by, DEFAULT_THRESHOLD)
    return None if floor is None else Beside(outcome, 1 / (1 + difference))


def is_same_work(one: Row, other: Row) -> bool:
    """Whether two results of a model may be compared: what is not said in their labels is no different in them.

    Labels tell options of a provider only from others of the same run.
    """
    differs = _TOLD_BY_LABELS
    if one.setup.run != other.setup.run and one.setup.provider == other.setup.provider:
        differs -= {"provider_options"}
    return not different_options(one.result, other.result, differs)


def each_beside(rows: Sequence[Row], setup: Setup, base: Setup, batch: int) -> list[Beside]:
    """By undisturbed calls, each model that both setups measured at a batch size, where it can be judged."""
    found: dict[tuple[int, int], Row] = {}
    for row in rows:
        if row.result.batch_size == batch:
            found.setdefault((row.setup.index, row.model.number), row)
    pairs = [
        (found[base.index, number], row)
        for (index, number), row in found.items()
        if index == setup.index and (base.index, number) in found
    ]
    judged = (beside(one, other, "undisturbed") for one, other in pairs)
    return [one for one in judged if one is not None]


def in_words(found: Sequence[Beside]) -> str:
    """What most models show: a ratio only where most are faster, or most slower; at least one."""
    faster, slower, same = (sum(one.verdict == verdict for one in found) for verdict in ("FASTER", "SLOWER", "SAME"))
    half = len(found) / 2
    if max(faster, slower) > half:
        words = ratio_text(median([one.ratio for one in found]))
    else:
        words = "the same" if same > half else "no clear difference"
    counts = [f"{count} {what}" for count, what in ((faster, "faster"), (slower, "slower")) if count]
    return words if len(found) == 1 else f"{words} ({', '.join(counts) or 'none differs'} of {len(found)})"


def ratio_text(ratio: float) -> str:
    """``1.84×``."""
    return f"{ratio:.2f}×" if ratio < 100 else f"{ratio:.3g}×"
