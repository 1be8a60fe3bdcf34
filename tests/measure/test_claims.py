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
    compare,
)

PLAIN = ("16-10", "64-10", "128-10")


def claim(runs, key, recipe="default"):
    (found,) = [one for one in check_claims(runs) if (one.key, one.recipe) == (key, recipe)]
    return found


@pytest.mark.parametrize(
    ("one", "other", "outcome"),
    [
        ([0.010, 0.011, 0.012], [0.014, 0.014, 0.015], "lower"),
        ([0.014, 0.014, 0.015], [0.010, 0.011, 0.012], "higher"),
        ([0.010, 0.011, 0.012], [0.013, 0.013, 0.013], "no clear difference"),
        ([0.010, 0.010, 0.010], [0.010, 0.010, 0.010], "no clear difference"),
        ([0.010, 0.010, 0.010], [0.011, 0.011, 0.011], "lower"),
        ([0.010, 0.010], [0.02, 0.02, 0.02], "too little data"),
        ([], [0.02, 0.02, 0.02], "too little data"),
    ],
)
def test_a_difference_is_clear_when_it_exceeds_the_larger_range(one, other, outcome):
    assert compare("a", one, "b", other).outcome == outcome


def test_how_much_is_said():
    found = compare("a", [0.010, 0.011, 0.013], "b", [0.02, 0.02, 0.021])
    assert (found.error, found.other_error, found.difference, found.spread) == (0.011, 0.02, -0.009, 0.003)


def test_every_claim_has_a_verdict_with_each_recipe_also_without_data():
    nothing, everything = check_claims([]), check_claims(whole_paper())
    assert [(c.key, c.recipe) for c in nothing] == [(c.key, c.recipe) for c in everything]
    assert len({(c.key, c.recipe) for c in nothing}) == len(nothing) == 11
    assert {c.verdict for c in nothing} == {"undecided (too little data)"}
    assert {c.verdict for c in everything} <= {"confirmed", "not confirmed"}
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
        ((200, 200, None), "undecided"),
        ((150, 200, None), "not confirmed"),
    ],
)
def test_dropout_in_the_two_layer_networks(with_dropout, verdict):
    runs = [run for name in PLAIN for run in seeds(name, [195, 200, 205])]
    for name, errors in zip(PLAIN, with_dropout, strict=True):
        if errors is not None:
            runs += seeds(f"{name}-dropout", [errors] * 3)
    assert claim(runs, "dropout-shallow").verdict.startswith(verdict)


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
    assert (found.comparisons[0].network, found.comparisons[0].other_error) == (BEST, 0.0101)
    assert claim([*others, *seeds(BEST, [100, 100, 100])], "largest-best").verdict == "not confirmed"
    assert claim([*others[3:], *seeds(BEST, [50, 51, 52])], "largest-best").verdict.startswith("undecided")
    assert claim([*others[3:], *seeds(BEST, [200] * 3)], "largest-best").verdict == "not confirmed"


def curve(at_5, at_10, at_15):
    errors = [400] * 15
    errors[4], errors[9], errors[14] = at_5, at_10, at_15
    return errors


@pytest.mark.parametrize(
    ("last", "verdict"),
    [((206, 208, 207), "confirmed"), ((170, 172, 171), "not confirmed"), ((178, 206, 250), "not confirmed")],
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
