from __future__ import annotations

import json

import pytest
from records import record, seeds, whole_paper

from mnistbench.catalog import NETWORKS
from mnistbench.measure.claims import (
    BEST,
    LARGEST_DENSE,
    SECOND_CONVOLUTION,
    SMALLEST_CONVOLUTIONAL,
    check_claims,
)

PLAIN = ("16-10", "64-10", "128-10")


def claim(runs, key, recipe="default"):
    (found,) = [one for one in check_claims(runs) if (one.key, one.recipe) == (key, recipe)]
    return found


def test_every_claim_has_a_verdict_with_each_recipe_also_without_data():
    nothing, everything = check_claims([]), check_claims(whole_paper())
    assert [(c.key, c.recipe) for c in nothing] == [(c.key, c.recipe) for c in everything]
    assert len({(c.key, c.recipe) for c in nothing}) == len(nothing) == 11
    assert {c.verdict for c in nothing} == {"undecided (too little data)"}
    assert "undecided (too little data)" not in {c.verdict for c in everything}
    assert json.loads(json.dumps([c.as_dict() for c in everything]))[0]["comparisons"][0]["network"] == "32-P-32-10"


@pytest.mark.parametrize(
    ("convolutional", "verdict"),
    [([130] * 3, "confirmed"), ([170] * 3, "not confirmed"), ([190] * 3, "not confirmed"), ([130] * 2, "undecided")],
)
def test_convolutions(convolutional, verdict):
    runs = [*seeds(SMALLEST_CONVOLUTIONAL, convolutional), *seeds(LARGEST_DENSE, [165, 170, 175])]
    assert claim(runs, "convolutions").verdict.startswith(verdict)
    assert claim(runs, "convolutions", "paper").verdict.startswith("undecided")


@pytest.mark.parametrize(
    ("with_dropout", "verdict"),
    [
        ((200, 200, 200), "confirmed"),
        ((250, 200, 205), "confirmed"),
        ((200, 150, 200), "not confirmed"),
        ((200, 190, 200), "undecided (interval too wide)"),
        ((200, 200, None), "undecided (too little data)"),
        ((190, 200, None), "undecided (too little data)"),
        ((150, 200, None), "not confirmed"),
    ],
)
def test_dropout_in_the_two_layer_networks(with_dropout, verdict):
    runs = [run for name in PLAIN for run in seeds(name, [195, 200, 205])]
    for name, errors in zip(PLAIN, with_dropout, strict=True):
        if errors is not None:
            runs += seeds(f"{name}-dropout", [errors] * 3)
    assert claim(runs, "dropout-shallow").verdict.startswith(verdict)


def shallow(without, dropout):
    names = [(name, f"{name}-dropout") for name in PLAIN]
    runs = [run for name, dropped in names for run in (*seeds(name, without), *seeds(dropped, dropout))]
    return claim(runs, "dropout-shallow").verdict


def test_noise_does_not_confirm_that_dropout_barely_matters():
    assert shallow([150, 200, 250], [145, 195, 245]) == "undecided (interval too wide)"


def test_a_gain_that_is_clear_but_surely_small_is_what_barely_means():
    assert shallow([200, 200, 200, 200], [191, 190, 191, 190]) == "confirmed"
    assert shallow([200, 200, 200, 200], [182, 181, 182, 181]) == "confirmed"
    assert shallow([200, 200, 200, 200], [181, 178, 181, 178]) == "not confirmed"


@pytest.mark.parametrize(
    ("helped", "hurt", "verdict"),
    [(6, 5, "confirmed"), (5, 6, "not confirmed"), (6, 0, "confirmed"), (3, 0, "undecided"), (0, 6, "not confirmed")],
)
def test_dropout_in_the_deep_networks(helped, hurt, verdict):
    deep = [n for n in NETWORKS if n.paper.table >= 3]
    variants = [n.name for n in deep if n.spec.dropout]
    assert len(variants) == 11
    runs = [run for n in deep if not n.spec.dropout for run in seeds(n.name, [100, 100, 101])]
    runs += [run for name in variants[:helped] for run in seeds(name, [90] * 3)]
    runs += [run for name in variants[helped : helped + hurt] for run in seeds(name, [110] * 3)]
    assert claim(runs, "dropout-deep").verdict.startswith(verdict)


@pytest.mark.parametrize(("second", "verdict"), [((70, 70), "confirmed"), ((70, 100), "not confirmed")])
def test_the_second_convolution_must_help_both(second, verdict):
    runs = []
    for (deep, shallow), errors in zip(SECOND_CONVOLUTION, second, strict=True):
        runs += [*seeds(deep, [errors] * 3), *seeds(shallow, [99, 100, 101])]
    assert claim(runs, "second-convolution").verdict == verdict


def test_the_largest_is_best_only_when_it_beats_all_others_clearly():
    others = [run for n in NETWORKS if n.name != BEST for run in seeds(n.name, [100, 101, 102])]
    found = claim([*others, *seeds(BEST, [50, 51, 52])], "largest-best")
    assert found.verdict == "confirmed"
    (nearest,) = found.comparisons
    assert (nearest.network, nearest.other_error, nearest.outcome) == (BEST, 0.0101, "lower")
    assert claim([*others, *seeds(BEST, [100, 100, 100])], "largest-best").verdict == "not confirmed"
    assert claim([*others[3:], *seeds(BEST, [50, 51, 52])], "largest-best").verdict.startswith("undecided")
    assert claim([*others[3:], *seeds(BEST, [200] * 3)], "largest-best").verdict == "not confirmed"


def test_what_keeps_the_largest_from_being_best_is_shown_nearest_first():
    spread = {"16-10": [10, 60, 120], "64-10": [40, 41, 42]}
    runs = [run for n in NETWORKS if n.name != BEST for run in seeds(n.name, spread.get(n.name, [100, 101, 102]))]
    found = claim([*runs, *seeds(BEST, [50, 51, 52])], "largest-best")
    shown = [(pair.other, pair.outcome) for pair in found.comparisons]
    assert shown == [("64-10", "higher"), ("16-10", "no clear difference")]


def test_without_runs_of_the_largest_nothing_is_shown():
    assert claim(seeds("16-10", [400] * 3), "largest-best").comparisons == ()
    (only,) = claim([*seeds("16-10", [400] * 3), *seeds(BEST, [50] * 3)], "largest-best").comparisons
    assert only.other == "16-10"


def test_networks_that_were_augmented_differently_are_told():
    dense = seeds(LARGEST_DENSE, [165, 170, 175])
    found = claim([*seeds(SMALLEST_CONVOLUTIONAL, [130] * 3, max_shift=1), *dense], "convolutions")
    assert found.caveat == "compares training too: shift 1 px against no augmentation"
    assert found.as_dict()["caveat"] == found.caveat
    assert claim([*seeds(SMALLEST_CONVOLUTIONAL, [130] * 3), *dense], "convolutions").caveat is None
    found = claim([*seeds(SMALLEST_CONVOLUTIONAL, [130] * 3, max_rotation=10, max_scaling=0.1), *dense], "convolutions")
    assert found.caveat == "compares training too: rotation 10°, scaling 0.1 against no augmentation"
    assert claim([], "convolutions").caveat is None


def test_the_largest_is_compared_with_all_whatever_is_shown():
    shift = {network.name: 1 for network in NETWORKS if "P" in network.name} | {BEST: 2}
    runs = [
        run for n in NETWORKS for run in seeds(n.name, [100] * 3, max_shift=shift.get(n.name, 2 * (n.paper.row > 1)))
    ]
    found = claim(runs, "largest-best")
    others = [runs[3 * i].max_shift for i, n in enumerate(NETWORKS) if n.name != BEST]
    unlike = sum(other != 2 for other in others)
    assert 0 < unlike < 28
    assert found.caveat == (
        f"compares training too in {unlike} of 28 comparisons: shift 2 px against no augmentation or shift 1 px"
    )


def test_a_recipe_named_twice_is_judged_once():
    assert check_claims([], ("paper", "paper")) == check_claims([], ("paper",))


def curve(at_5, at_10, at_15):
    errors = [400] * 15
    errors[4], errors[9], errors[14] = at_5, at_10, at_15
    return errors


@pytest.mark.parametrize(
    ("last", "verdict"),
    [
        ((206, 208, 207), "confirmed"),
        ((170, 172, 171), "not confirmed"),
        ((178, 206, 250), "not confirmed"),
        # Beside the spread of the seeds the rise would not be seen.
        ((180, 181, 182), "confirmed"),
    ],
)
def test_overfitting_is_read_from_the_epochs(last, verdict):
    runs = [
        record("1000-500-10", 170, recipe="paper", seed=seed, epoch_errors=curve(190, 178 + seed, errors))
        for seed, errors in enumerate(last)
    ]
    found = claim(runs, "overfitting", "paper")
    assert found.verdict == verdict
    assert [point["epoch"] for point in found.curve] == [5, 10, 15]
    assert (found.curve[0]["error"], found.curve[1]["error"]) == (0.019, 0.0179)
    assert [point["paper_error"] for point in found.curve] == [None, 0.0178, 0.0207]


def test_overfitting_needs_fifteen_epochs():
    runs = seeds("1000-500-10", [170] * 3, "paper", epoch_errors=[200] * 10)
    found = claim(runs, "overfitting", "paper")
    assert found.verdict.startswith("undecided")
    assert [point["error"] for point in found.curve] == [0.02, 0.02, None]
