"""Accuracy over seeds, the paper's claims and pairs of models as sheets. Decides columns, order and words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mnistbench.measure.claims import Claim, Comparison
from mnistbench.measure.summary import DEFAULT_RECIPE, PAPER_RECIPE, NetworkSummary, RecipeSummary
from mnistbench.report import units
from mnistbench.report.sheet import Column, Sheet
from mnistbench.report.sheets import TABLE_TITLES
from mnistbench.results import ComparisonResult

_NAME = Column("network", right=False, foldable=True)

_SHORT = {"at or below": "yes", "above": "no", "too few seeds": "few"}

_COLUMNS = (
    _NAME,
    Column("dropout"),
    Column("paper %"),
    Column("paper recipe"),
    Column("default recipe"),
    Column("95% interval"),
    Column("≤ paper", right=False),
)


def results_sheets(summaries: Sequence[NetworkSummary]) -> list[Sheet]:
    """The paper's tables with our errors over seeds, one sheet a table; other recipes behind them."""
    sheets = []
    for table, title in TABLE_TITLES.items():
        rows = tuple(_row(summary) for summary in summaries if _table(summary) == table)
        if rows:
            sheets.append(Sheet(title, _COLUMNS, rows))
    return sheets + other_recipes_sheets(summaries)


def results_sheet(summaries: Sequence[NetworkSummary]) -> Sheet:
    """All networks in one table that may be wide: the paper's table in front, seeds and a new seed's range behind."""
    rows = tuple(
        (str(_table(s) or units.MISSING), *_row(s), str(len(s.default.seeds)) if s.default else "0", _new_seed(s))
        for s in summaries
    )
    return Sheet("", (Column("table"), *_COLUMNS, Column("seeds"), Column("a new seed")), rows)


def other_recipes_sheets(summaries: Sequence[NetworkSummary]) -> list[Sheet]:
    """What was measured with recipes other than the two of the tables."""
    columns = (_NAME, Column("seeds"), Column("epochs"), Column("median (range) %"), Column("95% interval"))
    others = sorted({recipe for s in summaries for recipe in s.recipes} - {DEFAULT_RECIPE, PAPER_RECIPE})
    sheets = []
    for recipe in others:
        found = [(summary.network.name, summary.recipes[recipe]) for summary in summaries if recipe in summary.recipes]
        rows = tuple(
            (name, str(len(one.seeds)), str(one.epochs), _median_and_range(one), _interval(one)) for name, one in found
        )
        sheets.append(Sheet(f"Recipe {recipe}", columns, rows))
    return sheets


def results_notes(summaries: Sequence[NetworkSummary]) -> list[str]:
    """What the tables come to, in sentences; everything that is missing is counted."""
    compared = [summary for summary in summaries if summary.network.paper is not None]
    ours = Counter(_verdict(summary.default) for summary in compared)
    theirs = Counter(_verdict(summary.paper) for summary in compared)
    total = len(compared)
    notes = [
        "Errors are medians over seeds, with the range over seeds in brackets; the interval is Wilson's "
        "for the default recipe's pooled errors.",
    ]
    if total:
        notes.append(
            f"Default recipe, last epoch: {ours['at or below']} of {total} at or below the paper's error"
            + _rest(ours, {"above": "above it"})
        )
        notes.append(
            f"Paper recipe, best epoch on the test set: the paper's error lies within our range for "
            f"{theirs['within range']} of {total}"
            + _rest(theirs, {"lower": "with all our seeds below it", "higher": "with all our seeds above it"})
        )
    mixed = [f"{s.network.name} ({recipe})" for s in summaries for recipe, one in s.recipes.items() if one.mixed]
    if mixed:
        notes.append(f"Seeds trained with different settings: {', '.join(mixed)}.")
    return notes


def claims_sheets(claims: Sequence[Claim]) -> list[Sheet]:
    """One sheet a claim, with a row for each recipe."""
    columns = (Column("recipe", right=False), Column("verdict", right=False), Column("test error %", right=False))
    sheets = []
    for statement in dict.fromkeys(claim.statement for claim in claims):
        same = [claim for claim in claims if claim.statement == statement]
        rows = tuple((claim.recipe, claim.verdict, _figures(claim)) for claim in same)
        sheets.append(Sheet(statement, columns, rows, f"Confirmed when {same[0].rule}."))
    return sheets


def claims_sheet(claims: Sequence[Claim]) -> Sheet:
    """All claims in one table."""
    columns = tuple(Column(head, right=False) for head in ("claim", "recipe", "verdict", "test error %"))
    rows = tuple((claim.statement, claim.recipe, claim.verdict, _figures(claim)) for claim in claims)
    return Sheet("", columns, rows, CLAIMS_NOTE)


CLAIMS_NOTE = (
    "Medians over seeds. A difference is clear when it is larger than the spread: the larger of the two ranges "
    "over the seeds. Undecided: fewer than three seeds of a network that matters."
)


def comparison_sheet(result: ComparisonResult) -> Sheet:
    """Who is wrong where, with the verdict of McNemar's test below."""
    columns = (Column("", right=False), Column("B right"), Column("B wrong"))
    rows = (
        ("A right", units.count(result.both_right), units.count(result.only_b_wrong)),
        ("A wrong", units.count(result.only_a_wrong), units.count(result.both_wrong)),
    )
    a, b = result.a.name, result.b.name
    verdict = {None: "no difference shown at 5%", "a": "A is better", "b": "B is better"}[result.better]
    p_value = f"= {result.p_value:.2g}" if result.p_value >= 0.0001 else "< 0.0001"
    note = (
        f"Verdict: {verdict} (McNemar's exact test, p {p_value}).\n"
        f"The answers differ on {units.count(result.answers_differ)} of {units.count(result.a.num_images)} images."
    )
    return Sheet(f"A: {a}, B: {b}", columns, rows, note)


def _table(summary: NetworkSummary) -> int | None:
    return summary.network.paper.table if summary.network.paper else None


def _row(summary: NetworkSummary) -> tuple[str, ...]:
    network, ours = summary.network, summary.default
    verdict = ours.verdict if ours else None
    return (
        network.spec.notation,
        f"{network.spec.dropout:g}" if network.spec.dropout else units.MISSING,
        units.percent(network.paper.error if network.paper else None),
        _median_and_range(summary.paper),
        _median_and_range(ours),
        _interval(ours),
        _SHORT[verdict] if verdict else units.MISSING,
    )


def _median_and_range(summary: RecipeSummary | None) -> str:
    """``1.39 (1.35–1.42)``, or the one error of a single seed."""
    if summary is None:
        return units.MISSING
    middle = units.percent(summary.median_error)
    if len(summary.seeds) == 1:
        return middle
    return f"{middle} ({units.interval(summary.min_error, summary.max_error)})"


def _interval(summary: RecipeSummary | None) -> str:
    return units.interval(summary.error_rate_low, summary.error_rate_high) if summary else units.MISSING


def _new_seed(summary: NetworkSummary) -> str:
    ours = summary.default
    if ours is None or ours.new_seed_low is None or ours.new_seed_high is None:
        return units.MISSING
    return units.interval(ours.new_seed_low, ours.new_seed_high)


def _verdict(summary: RecipeSummary | None) -> str:
    return summary.verdict or "" if summary is not None else "not measured"


def _rest(counts: Counter[str], words: dict[str, str]) -> str:
    """The networks that a sentence has not counted yet."""
    words = words | {"too few seeds": "with too few seeds", "not measured": "not measured yet"}
    parts = [f"{counts[verdict]} {text}" for verdict, text in words.items() if counts[verdict]]
    return "".join(f"; {part}" for part in parts) + "."


def _figures(claim: Claim) -> str:
    """The figures that decide a claim, in percent."""
    if claim.curve:
        # The difference of the one comparison is left out: it is that of the last two figures.
        return "; ".join(
            f"{units.percent(point['error'])} at epoch {point['epoch']}"
            + (f" (paper {units.percent(point['paper_error'])})" if point["paper_error"] is not None else "")
            for point in claim.curve
        )
    if len(claim.comparisons) == 1:
        return _pair(claim.comparisons[0])
    counts = Counter(comparison.outcome for comparison in claim.comparisons)
    counted = ", ".join(f"{outcome} in {number}" for outcome, number in sorted(counts.items()))
    lines = [f"{comparison.network} {_change(comparison)}" for comparison in claim.comparisons]
    return "; ".join([f"of {len(lines)}: {counted}", *lines])


def _pair(comparison: Comparison) -> str:
    """``32-P-32-10 1.39, 1500-1000-500-10 1.71: -0.32 (spread 0.10)``."""
    sides = ((comparison.network, comparison.error), (comparison.other, comparison.other_error))
    return f"{', '.join(f'{name} {units.percent(error)}' for name, error in sides)}: {_change(comparison)}"


def _change(comparison: Comparison) -> str:
    if comparison.difference is None:
        return units.MISSING
    sign = "-" if comparison.difference < 0 else "+"
    return f"{sign}{units.percent(abs(comparison.difference))} (spread {units.percent(comparison.spread)})"
