"""The paper's claims beside its tables, each with the figures that decide it and a verdict.

Pure: records in, verdicts out. One rule decides every comparison: the difference of the
mean errors over seeds is clear when its 95% interval leaves out 0, see
:mod:`mnistbench.measure.difference` (Welch 1947).

Source: the paper's text around Tables 1 to 6 and its conclusion.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mnistbench.catalog import NETWORKS
from mnistbench.measure.difference import Comparison, compare, compare_paired
from mnistbench.measure.summary import DEFAULT_RECIPE, PAPER_RECIPE, middle
from mnistbench.results import RunRecord

Verdict = Literal["confirmed", "not confirmed", "undecided (too little data)", "undecided (interval too wide)"]

SMALLEST_CONVOLUTIONAL = "32-P-32-10"
LARGEST_DENSE = "1500-1000-500-10"
OVERFITTING = "1000-500-10"
BEST = "32-32-P-64-64-P-256-128-64-10-dropout"

LARGEST_IS_BEST = "largest-best"

PREVENTING = ("higher", "no clear difference")
"""Outcomes that keep a network from being the best."""

SECOND_CONVOLUTION = tuple((f"32-P-32-P-100-50-10{end}", f"32-P-100-50-10{end}") for end in ("", "-dropout"))
"""Networks that differ in a second convolution only: with it, without it."""

EPOCHS: tuple[int, ...] = (5, 10, 15)
"""Where the overfitting network is looked at; the paper trains five epochs at a time."""

PRACTICAL_GAIN = 0.1
"""Part of the error by which dropout must lower it to be more than 'barely matters'."""

PAPER_AT_EPOCH: Mapping[int, float] = {10: 0.0178, 15: 0.0207}
"""The paper's errors of that network: 98.22% and 97.93% right."""


@dataclass(frozen=True)
class Claim:
    """One claim of the paper, judged with one recipe.

    Attributes:
        key: Stable name, such as ``overfitting``.
        statement: In a sentence.
        recipe: Whose runs decide.
        rule: What makes it confirmed.
        verdict: ``undecided (too little data)`` only where runs are missing that could change it;
            ``undecided (interval too wide)`` where all are there and more seeds could still change it.
        comparisons: The figures that decide it.
        curve: Median error by epoch, where the claim is about one; the paper's beside it.
        caveat: What else differs between the networks compared; ``None`` when nothing is known of.
    """

    key: str
    statement: str
    recipe: str
    rule: str
    verdict: Verdict
    comparisons: tuple[Comparison, ...]
    curve: tuple[dict[str, Any], ...] = ()
    caveat: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """As it stands in the JSON of ``mnistbench results --claims``."""
        return dataclasses.asdict(self)


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
        for recipe, found in by_recipe.items():
            errors = {name: [run.error_rate for run in several] for name, several in found.items()}
            trained = {name: frozenset(map(_training, several)) for name, several in found.items()}
            claims.append(_shortened(_with_caveat(check(recipe, errors), trained)))
    if PAPER_RECIPE in by_recipe:
        claims.append(_overfitting(by_recipe[PAPER_RECIPE].get(OVERFITTING, [])))
    return tuple(claims)


def _training(run: RunRecord) -> str:
    """How a run's training images were changed at random and with which weights it began, in a few words."""
    parts = [f"shift {run.max_shift} px"] * bool(run.max_shift)
    parts += [f"rotation {run.max_rotation:g}°"] * bool(run.max_rotation)
    parts += [f"scaling {run.max_scaling:.3g}"] * bool(run.max_scaling)
    parts = parts or ["no augmentation"]
    return ", ".join(parts + [f"{run.initialization} weights"] * (run.initialization != "torch"))


def _with_caveat(claim: Claim, trained: Mapping[str, frozenset[str]]) -> Claim:
    """The claim, and whether the networks compared were trained differently, which their errors then show too."""
    measured = [pair for pair in claim.comparisons if pair.network in trained and pair.other in trained]
    unlike = [pair for pair in measured if trained[pair.network] != trained[pair.other]]
    if not unlike:
        return claim
    ours, theirs = (
        " or ".join(sorted(frozenset[str]().union(*(trained[name] for name in names))))
        for names in ([pair.network for pair in unlike], [pair.other for pair in unlike])
    )
    count = f" in {len(unlike)} of {len(measured)} comparisons" if len(measured) > 1 else ""
    caveat = f"compares training too{count}: {ours} against {theirs}"
    return dataclasses.replace(claim, caveat=caveat)


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
    # A gain that is clear, but surely below the practical one, is what "barely" means.
    doubtful = {pair.outcome for pair in comparisons if not _rules_out_a_practical_gain(pair)}
    verdict: Verdict = "confirmed"
    if "lower" in doubtful:
        verdict = "not confirmed"
    elif "too little data" in doubtful:
        verdict = "undecided (too little data)"
    elif doubtful:
        verdict = "undecided (interval too wide)"
    statement = "Dropout barely matters, or hurts, in the 2-layer networks"
    rule = (
        f"each pair's interval rules out that dropout lowers the error by {PRACTICAL_GAIN:.0%} of it or more; "
        "not confirmed when dropout clearly lowers one and its interval does not rule that out"
    )
    return Claim("dropout-shallow", statement, recipe, rule, verdict, comparisons)


def _rules_out_a_practical_gain(pair: Comparison) -> bool:
    if pair.difference_low is None or pair.other_error is None:
        return False
    return pair.difference_low > -PRACTICAL_GAIN * pair.other_error or pair.difference_low >= 0


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
    verdict: Verdict = "confirmed"
    if any(pair.outcome in PREVENTING for pair in every):
        verdict = "not confirmed"
    elif any(pair.outcome == "too little data" for pair in every):
        verdict = "undecided (too little data)"
    statement = "The largest network with dropout is the best of all"
    rule = "its error is clearly below that of each of the other 28; those that prevent it are shown, else the nearest"
    return Claim(LARGEST_IS_BEST, statement, recipe, rule, verdict, every)


def _shortened(claim: Claim) -> Claim:
    """The claim on the largest network with those comparisons only that its rule promises to show."""
    if claim.key != LARGEST_IS_BEST:
        return claim
    measured = [pair for pair in claim.comparisons if pair.difference is not None]
    nearest_first = sorted(measured, key=lambda pair: pair.difference or 0.0, reverse=True)
    preventing = tuple(pair for pair in nearest_first if pair.outcome in PREVENTING)
    return dataclasses.replace(claim, comparisons=preventing or tuple(nearest_first[:1]))


def _overfitting(runs: Sequence[RunRecord]) -> Claim:
    at_epoch = {
        epoch: [run.epoch_errors[epoch - 1] / run.num_images for run in runs if len(run.epoch_errors) >= epoch]
        for epoch in EPOCHS
    }
    later, earlier = EPOCHS[-1], EPOCHS[-2]
    both = [run for run in runs if len(run.epoch_errors) >= later]
    before, after = ([run.epoch_errors[epoch - 1] / run.num_images for run in both] for epoch in (earlier, later))
    # The claim says that the error rises, so the earlier epoch must be the lower one.
    comparison = compare_paired(f"{OVERFITTING}, epoch {earlier}", before, f"{OVERFITTING}, epoch {later}", after)
    curve = tuple(
        {"epoch": epoch, "error": middle(errors) if errors else None, "paper_error": PAPER_AT_EPOCH.get(epoch)}
        for epoch, errors in at_epoch.items()
    )
    statement = f"{OVERFITTING} overfits: 98.22% right at 10 epochs, 97.93% at 15"
    rule = f"its error after {earlier} epochs is clearly below that after {later}, in pairs of the same run"
    return Claim("overfitting", statement, PAPER_RECIPE, rule, _most([comparison]), (comparison,), curve)
