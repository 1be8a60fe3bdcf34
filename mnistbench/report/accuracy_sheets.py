"""Accuracy over seeds and the paper's claims as sheets. Decides columns, order and words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from mnistbench.measure.claims import Claim
from mnistbench.measure.difference import Comparison
from mnistbench.measure.summary import DEFAULT_RECIPE, PAPER_RECIPE, NetworkSummary, RecipeSummary
from mnistbench.report import units
from mnistbench.report.sheet import Column, Sheet
from mnistbench.report.sheets import TABLE_TITLES

NOT_MEASURED = "not measured"

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
        rows = tuple(_row(summary) for summary in summaries if _table(summary) == table and _in_tables(summary))
        if rows:
            sheets.append(Sheet(title, _COLUMNS, rows))
    return sheets + other_recipes_sheets(summaries)


def results_sheet(summaries: Sequence[NetworkSummary]) -> Sheet:
    """All networks in one table that may be wide: the paper's table in front, seeds and a new seed's range behind."""
    rows = tuple(
        (str(_table(s) or units.MISSING), *_row(s), str(len(s.default.seeds)) if s.default else "0", _new_seed(s))
        for s in summaries
        if _in_tables(s)
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


def results_notes(summaries: Sequence[NetworkSummary], recipes: Sequence[str] = ()) -> list[str]:
    """What the tables come to, in sentences; everything that is missing is counted.

    Args:
        summaries: One for each network.
        recipes: Those that were asked for; nothing is said of others. All when empty.
    """
    compared = [summary for summary in summaries if summary.network.paper is not None]
    ours = Counter(_verdict(summary.default) for summary in compared)
    theirs = Counter(_verdict(summary.paper) for summary in compared)
    total = len(compared)
    notes = [
        "Errors are medians over seeds, with the range over seeds in brackets; the interval is Wilson's "
        "for the default recipe's pooled errors.",
    ]
    if total and (not recipes or DEFAULT_RECIPE in recipes):
        notes.append(
            f"Default recipe, last epoch: {ours['at or below']} of {total} at or below the paper's error"
            + _rest(ours, {"above": "above it"})
        )
    if total and (not recipes or PAPER_RECIPE in recipes):
        notes.append(
            f"Paper recipe, best epoch on the test set: the paper's error lies where one more seed would be expected "
            f"(95%) for {theirs['within range']} of {total}"
            + _rest(theirs, {"lower": "where ours is lower", "higher": "where ours is higher"})
        )
    mixed = [f"{s.network.name} ({recipe})" for s in summaries for recipe, one in s.recipes.items() if one.mixed]
    if mixed:
        notes.append(f"Seeds trained with different settings: {', '.join(mixed)}.")
    return notes


def claims_sheets(claims: Sequence[Claim]) -> list[Sheet]:
    """One sheet a claim, with a row for each recipe and every figure that decides."""
    columns = (Column("recipe", right=False), Column("verdict", right=False), Column("test error %", right=False))
    sheets = []
    for statement in dict.fromkeys(claim.statement for claim in claims):
        same = [claim for claim in claims if claim.statement == statement]
        rows = tuple((claim.recipe, claim.verdict, _figures(claim)) for claim in same)
        notes = [f"Confirmed when {same[0].rule}."]
        notes += [f"Recipe {claim.recipe} {claim.caveat}." for claim in same if claim.caveat]
        sheets.append(Sheet(statement, columns, rows, "\n".join(notes)))
    return sheets


def claims_sheet(claims: Sequence[Claim]) -> Sheet:
    """All claims in one table; of many comparisons the two extremes stand for the rest."""
    columns = tuple(Column(head, right=False) for head in ("claim", "recipe", "verdict", "test error %"))
    rows = tuple(
        (
            claim.statement,
            claim.recipe,
            claim.verdict,
            _figures(claim, short=True) + (f"; {claim.caveat}" if claim.caveat else ""),
        )
        for claim in claims
    )
    return Sheet("", columns, rows, CLAIMS_NOTE)


CLAIMS_NOTE = (
    "Errors are medians over seeds; a difference is that of the means, with its 95% interval (Welch 1947; between "
    "epochs of the same runs, Student's of the pairs), and is clear when the interval leaves out 0. Nothing is "
    "corrected for the number of comparisons. Undecided: fewer than three seeds of a network that matters, or an "
    "interval too wide to tell."
)


def _table(summary: NetworkSummary) -> int | None:
    return summary.network.paper.table if summary.network.paper else None


def _in_tables(summary: NetworkSummary) -> bool:
    """Whether the two recipes of the tables have anything to say of it; a row of the paper always stands."""
    return summary.network.paper is not None or summary.default is not None or summary.paper is not None


def _row(summary: NetworkSummary) -> tuple[str, ...]:
    network, ours = summary.network, summary.default
    verdict = ours.verdict if ours else None
    return (
        # Only a name says the kernels, which are the usual ones in the paper's tables.
        network.spec.notation if network.paper else network.name,
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
    return summary.verdict or "" if summary is not None else NOT_MEASURED


def _rest(counts: Counter[str], words: dict[str, str]) -> str:
    """The networks that a sentence has not counted yet."""
    words = words | {"too few seeds": "with too few seeds", NOT_MEASURED: "not measured yet"}
    parts = [f"{counts[verdict]} {text}" for verdict, text in words.items() if counts[verdict]]
    return "".join(f"; {part}" for part in parts) + "."


def _figures(claim: Claim, *, short: bool = False) -> str:
    """The figures that decide a claim, in percent."""
    if any(point["error"] is not None for point in claim.curve):
        points = [_at_epoch(point) for point in claim.curve]
        changes = [f"difference {_change(pair)}" for pair in claim.comparisons if pair.difference is not None]
        return "; ".join([*points, *changes])
    if all(pair.error is None and pair.other_error is None for pair in claim.comparisons):
        return NOT_MEASURED
    if len(claim.comparisons) == 1:
        return _pair(claim.comparisons[0])
    counts = Counter(pair.outcome for pair in claim.comparisons)
    counted = ", ".join(f"{outcome} in {number}" for outcome, number in sorted(counts.items()))
    one_against_many = len({pair.network for pair in claim.comparisons}) == 1
    head = f"{claim.comparisons[0].network} against {len(claim.comparisons)}" if one_against_many else ""
    head = f"{head or f'of {len(claim.comparisons)}'}: {counted}"
    shown = _extremes(claim.comparisons) if short else claim.comparisons
    names = [pair.other if one_against_many else pair.network for pair in shown]
    return "; ".join([head, *(f"{name} {_change(pair)}" for name, pair in zip(names, shown, strict=True))])


def _extremes(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The lowest and the highest difference; nothing where nothing was measured."""
    measured = sorted((pair for pair in comparisons if pair.difference is not None), key=lambda p: p.difference or 0.0)
    return [measured[0], measured[-1]] if len(measured) > 1 else measured


def _at_epoch(point: dict[str, Any]) -> str:
    """``1.79 at epoch 10 (paper 1.78)``."""
    text = f"{_error(point['error'])} at epoch {point['epoch']}"
    return text + (f" (paper {units.percent(point['paper_error'])})" if point["paper_error"] is not None else "")


def _error(error: float | None) -> str:
    return NOT_MEASURED if error is None else units.percent(error)


def _pair(pair: Comparison) -> str:
    """``32-P-32-10 1.39, 1500-1000-500-10 1.71: -0.32 (-0.41 to -0.23)``."""
    sides = ((pair.network, pair.error), (pair.other, pair.other_error))
    text = ", ".join(f"{name} {_error(error)}" for name, error in sides)
    return text if pair.difference is None else f"{text}: {_change(pair)}"


def _change(pair: Comparison) -> str:
    if pair.difference is None:
        return NOT_MEASURED
    if pair.difference_low is None or pair.difference_high is None:
        return f"{_signed(pair.difference)} (too few seeds)"
    return f"{_signed(pair.difference)} ({_signed(pair.difference_low)} to {_signed(pair.difference_high)})"


def _signed(difference: float) -> str:
    return f"{'-' if difference < 0 else '+'}{units.percent(abs(difference))}"
