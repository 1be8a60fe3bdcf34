"""The paper's claims beside its tables, each with the figures that decide it and a verdict.

Pure: records in, verdicts out. One rule decides every comparison, see :class:`Comparison`.

Source: the paper's text around Tables 1 to 6 and its conclusion.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mnistbench.catalog import NETWORKS
from mnistbench.measure.summary import DEFAULT_RECIPE, MIN_SEEDS, PAPER_RECIPE, middle
from mnistbench.results import RunRecord

Outcome = Literal["lower", "higher", "no clear difference", "too little data"]
Verdict = Literal["confirmed", "not confirmed", "undecided (too little data)"]

SMALLEST_CONVOLUTIONAL = "32-P-32-10"
LARGEST_DENSE = "1500-1000-500-10"
OVERFITTING = "1000-500-10"
BEST = "32-32-P-64-64-P-256-128-64-10-dropout"

SECOND_CONVOLUTION = tuple((f"32-P-32-P-100-50-10{end}", f"32-P-100-50-10{end}") for end in ("", "-dropout"))
"""Networks that differ in a second convolution only: with it, without it."""

EPOCHS: tuple[int, ...] = (5, 10, 15)
"""Where the overfitting network is looked at; the paper trains five epochs at a time."""

PAPER_AT_EPOCH: Mapping[int, float] = {10: 0.0178, 15: 0.0207}
"""The paper's errors of that network: 98.22% and 97.93% right."""


@dataclass(frozen=True)
class Comparison:
    """Is the error of one lower than that of the other?

    The difference of the medians over seeds counts as clear when it is larger
    than the spread: the larger one of the two ranges (largest minus smallest
    error over the seeds). With fewer than three seeds on a side nothing is said.
    All are tested on the same images, whose choice this rule does not cover.

    Attributes:
        network: What is looked at: a network's name, with its epoch where that matters.
        other: What it is compared with.
        error: Median error of the first; ``None`` when it was not measured.
        other_error: Likewise of the second.
        difference: ``error - other_error``: negative when the first is better.
        spread: What the difference must exceed.
        outcome: Of the first against the second.
    """

    network: str
    other: str
    error: float | None
    other_error: float | None
    difference: float | None
    spread: float | None
    outcome: Outcome


@dataclass(frozen=True)
class Claim:
    """One claim of the paper, judged with one recipe.

    Attributes:
        key: Stable name, such as ``overfitting``.
        statement: In a sentence.
        recipe: Whose runs decide.
        rule: What makes it confirmed.
        verdict: ``undecided`` only where runs are missing that could change it.
        comparisons: The figures that decide it.
        curve: Median error by epoch, where the claim is about one; the paper's beside it.
    """

    key: str
    statement: str
    recipe: str
    rule: str
    verdict: Verdict
    comparisons: tuple[Comparison, ...]
    curve: tuple[dict[str, Any], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """As it stands in the JSON of ``mnistbench results --claims``."""
        return dataclasses.asdict(self)


def compare(network: str, errors: Sequence[float], other: str, other_errors: Sequence[float]) -> Comparison:
    """Compare two lists of errors over seeds by the rule of :class:`Comparison`."""
    first = middle(errors) if errors else None
    second = middle(other_errors) if other_errors else None
    if first is None or second is None:
        return Comparison(network, other, first, second, None, None, "too little data")
    difference = round(first - second, 9)
    spread = round(max(max(errors) - min(errors), max(other_errors) - min(other_errors)), 9)
    outcome: Outcome = "no clear difference"
    if min(len(errors), len(other_errors)) < MIN_SEEDS:
        outcome = "too little data"
    elif abs(difference) > spread:
        outcome = "lower" if difference < 0 else "higher"
    return Comparison(network, other, first, second, difference, spread, outcome)


def check_claims(
    runs: Iterable[RunRecord], recipes: Sequence[str] = (DEFAULT_RECIPE, PAPER_RECIPE)
) -> tuple[Claim, ...]:
    """Every claim with every recipe; the one on overfitting with the paper's own recipe only.

    Args:
        runs: At most one for each network, recipe and seed.
        recipes: Whose runs to judge by.
    """
    by_recipe: dict[str, dict[str, list[RunRecord]]] = {recipe: {} for recipe in recipes}
    for run in runs:
        if run.recipe in by_recipe:
            by_recipe[run.recipe].setdefault(run.name, []).append(run)
    claims = []
    for check in (_convolutions, _dropout_in_shallow, _dropout_in_deep, _second_convolution, _largest_is_best):
        for recipe in recipes:
            errors = {name: [run.error_rate for run in found] for name, found in by_recipe[recipe].items()}
            claims.append(check(recipe, errors))
    if PAPER_RECIPE in by_recipe:
        claims.append(_overfitting(by_recipe[PAPER_RECIPE].get(OVERFITTING, [])))
    return tuple(claims)


Errors = Mapping[str, Sequence[float]]
"""Errors over seeds by a network's name."""


def _pairs(errors: Errors, pairs: Iterable[tuple[str, str]]) -> tuple[Comparison, ...]:
    return tuple(compare(one, errors.get(one, ()), other, errors.get(other, ())) for one, other in pairs)


def _most(comparisons: Sequence[Comparison], share: float = 0.5) -> Verdict:
    """Whether clearly lower in more than a share of the comparisons, whatever those without data will say."""
    lower = sum(comparison.outcome == "lower" for comparison in comparisons)
    open_ = sum(comparison.outcome == "too little data" for comparison in comparisons)
    if lower > share * len(comparisons):
        return "confirmed"
    return "undecided (too little data)" if lower + open_ > share * len(comparisons) else "not confirmed"


def _convolutions(recipe: str, errors: Errors) -> Claim:
    comparisons = _pairs(errors, [(SMALLEST_CONVOLUTIONAL, LARGEST_DENSE)])
    statement = "Convolutions beat plain networks with far fewer units"
    rule = "the smallest convolutional network's error is clearly below the 3,000-unit network's"
    return Claim("convolutions", statement, recipe, rule, _most(comparisons), comparisons)


def _dropout_pairs(tables: Iterable[int]) -> list[tuple[str, str]]:
    """With and without dropout, in the paper's order."""
    return [
        (network.name, network.spec.notation)
        for network in NETWORKS
        if network.paper is not None and network.paper.table in tables and network.paper.dropout != "-"
    ]


def _dropout_in_shallow(recipe: str, errors: Errors) -> Claim:
    comparisons = _pairs(errors, _dropout_pairs([1]))
    outcomes = {comparison.outcome for comparison in comparisons}
    verdict: Verdict = "confirmed"
    if "lower" in outcomes:
        verdict = "not confirmed"
    elif "too little data" in outcomes:
        verdict = "undecided (too little data)"
    statement = "Dropout barely matters, or hurts, in the 2-layer networks"
    rule = "dropout clearly lowers the error of none"
    return Claim("dropout-shallow", statement, recipe, rule, verdict, comparisons)


def _dropout_in_deep(recipe: str, errors: Errors) -> Claim:
    comparisons = _pairs(errors, _dropout_pairs([3, 4, 5, 6]))
    statement = "Dropout helps the deep networks"
    rule = "dropout clearly lowers the error in more than half of the pairs of Tables 3 to 6"
    return Claim("dropout-deep", statement, recipe, rule, _most(comparisons), comparisons)


def _second_convolution(recipe: str, errors: Errors) -> Claim:
    comparisons = _pairs(errors, SECOND_CONVOLUTION)
    statement = "A second convolution helps"
    rule = "it clearly lowers the error without and with dropout"
    # More than half of two is both.
    return Claim("second-convolution", statement, recipe, rule, _most(comparisons), comparisons)


def _largest_is_best(recipe: str, errors: Errors) -> Claim:
    others = [network.name for network in NETWORKS if network.name != BEST]
    every = _pairs(errors, [(BEST, other) for other in others])
    measured = [comparison for comparison in every if comparison.other_error is not None]
    runner_up = min(measured, key=lambda comparison: comparison.other_error or 0.0, default=every[0])
    outcomes = {comparison.outcome for comparison in every}
    verdict: Verdict = "confirmed"
    if outcomes & {"higher", "no clear difference"}:
        verdict = "not confirmed"
    elif "too little data" in outcomes:
        verdict = "undecided (too little data)"
    statement = "The largest network with dropout is the best of all"
    rule = "its error is clearly below that of each of the other 28; the best of those is shown"
    return Claim("largest-best", statement, recipe, rule, verdict, (runner_up,))


def _overfitting(runs: Sequence[RunRecord]) -> Claim:
    at_epoch = {
        epoch: [run.epoch_errors[epoch - 1] / run.num_images for run in runs if len(run.epoch_errors) >= epoch]
        for epoch in EPOCHS
    }
    later, earlier = EPOCHS[-1], EPOCHS[-2]
    # The claim says that the error rises, so the earlier epoch must be the lower one.
    comparison = compare(
        f"{OVERFITTING}, epoch {earlier}", at_epoch[earlier], f"{OVERFITTING}, epoch {later}", at_epoch[later]
    )
    curve = tuple(
        {"epoch": epoch, "error": middle(errors) if errors else None, "paper_error": PAPER_AT_EPOCH.get(epoch)}
        for epoch, errors in at_epoch.items()
    )
    statement = f"{OVERFITTING} overfits: 98.22% right at 10 epochs, 97.93% at 15"
    rule = f"its error after {earlier} epochs is clearly below that after {later}"
    return Claim("overfitting", statement, PAPER_RECIPE, rule, _most([comparison]), (comparison,), curve)
