from __future__ import annotations

import dataclasses
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from records import record, seeds, whole_paper

from mnistbench.catalog import NETWORKS, find
from mnistbench.measure.stats import wilson_interval
from mnistbench.measure.summary import manifest_results, summarize

PAPER_ERRORS = 501
"""Of 10,000 images: the paper's figure for 16-10."""


def one(runs, name="16-10", recipe="default"):
    (summary,) = summarize(runs, [find(name)])
    return summary.recipes[recipe]


def test_figures_over_seeds():
    found = one([record("16-10", errors, seed=seed) for seed, errors in ((2, 480), (0, 500), (1, 430))])
    assert (found.seeds, found.errors) == ((0, 1, 2), (0.05, 0.043, 0.048))
    assert (found.median_error, found.min_error, found.max_error) == (0.048, 0.043, 0.05)
    assert (found.num_errors, found.num_images) == (1410, 30_000)
    assert (found.error_rate_low, found.error_rate_high) == wilson_interval(1410, 30_000)
    assert (found.epochs, found.mixed) == (3, False)


@pytest.mark.parametrize(
    ("errors", "verdict"),
    [
        ([501, 501, 501], "at or below"),
        ([1, 501, 9000], "at or below"),
        ([400, 502, 502], "above"),
        ([500, 500, 502, 502], "at or below"),
        ([500, 501, 502, 503], "above"),
        ([400, 400], "too few seeds"),
    ],
)
def test_the_last_epoch_is_judged_by_its_median(errors, verdict):
    assert one(seeds("16-10", errors)).verdict == verdict


@pytest.mark.parametrize(
    ("errors", "verdict"),
    [
        ([490, 491, 492], "lower"),
        ([490, 495, 500], "within range"),
        ([501, 501, 501], "within range"),
        ([500, 500, 500], "lower"),
        ([502, 502, 502], "higher"),
        ([502, 510, 520], "within range"),
        ([519, 520, 521], "higher"),
        ([490, 500], "too few seeds"),
    ],
)
def test_the_best_epoch_is_judged_by_where_one_more_seed_is_expected(errors, verdict):
    found = one(seeds("16-10", errors, "paper"), recipe="paper")
    assert found.verdict == verdict
    if verdict == "lower":
        assert found.new_seed_high < PAPER_ERRORS / 10_000
    elif verdict == "higher":
        assert found.new_seed_low > PAPER_ERRORS / 10_000


def test_a_perfect_replication_is_within_range_95_times_in_100():
    generator = random.Random(0)
    published = PAPER_ERRORS / 10_000
    verdicts = []
    for _ in range(400):
        # The paper's error is one more seed: everything is as far from it as it is from the truth.
        truth = PAPER_ERRORS - generator.gauss(0, 40)
        errors = [round(generator.gauss(truth, 40)) for _ in range(3)]
        verdicts.append(one(seeds("16-10", errors, "paper"), recipe="paper").verdict)
    assert published == find("16-10").paper.error
    assert 0.92 <= verdicts.count("within range") / 400 <= 0.98


@given(st.lists(st.integers(0, 10_000), min_size=3, max_size=9))
def test_whole_counts_decide_and_no_rounding(errors):
    counts = sorted(errors)
    twice = counts[(len(counts) - 1) // 2] + counts[len(counts) // 2]
    found = one(seeds("16-10", errors))
    assert (found.verdict == "at or below") == (twice <= 2 * PAPER_ERRORS)
    assert found.min_error <= found.median_error + 1e-12
    assert found.median_error <= found.max_error + 1e-12


def test_runs_with_other_settings_are_marked():
    runs = [*seeds("16-10", [400, 410]), record("16-10", 420, seed=2, learning_rate=0.5)]
    assert one(runs).mixed
    assert one([*seeds("16-10", [400, 410]), record("16-10", 420, seed=2, label_smoothing=0.1)]).mixed
    assert not one(seeds("16-10", [400, 410], label_smoothing=0.1)).mixed
    for change in ({"initialization": "he"}, {"max_rotation": 5.0}, {"max_scaling": 0.1}):
        assert one([*seeds("16-10", [400, 410]), record("16-10", 420, seed=2, **change)]).mixed


def test_all_29_stand_in_the_papers_order_measured_or_not_and_own_networks_behind():
    runs = [*seeds("24-P-48-P-96-10", [100]), *seeds("128-10", [190]), dataclasses.replace(record(), name="not a name")]
    found = summarize(runs)
    assert [summary.network.name for summary in found] == [*(n.name for n in NETWORKS), "24-P-48-P-96-10"]
    assert [summary.network.name for summary in found if summary.recipes] == ["128-10", "24-P-48-P-96-10"]
    assert found[-1].recipes["default"].verdict is None


def test_json_of_a_measured_and_of_an_unmeasured_network():
    runs = [
        *seeds("16-10", [400, 410, 420]),
        *seeds("16-10", [490, 500, 510], "paper"),
        *seeds("16-10", [600], "other"),
    ]
    measured, unmeasured = (s.as_dict() for s in summarize(runs, [find("16-10"), find("64-10-dropout")]))
    assert json.loads(json.dumps(measured)) == measured
    assert measured["errors"] == {"default": [0.04, 0.041, 0.042], "other": [0.06], "paper": [0.049, 0.05, 0.051]}
    assert (measured["median_error"], measured["seeds"], measured["epochs"]) == (0.041, [0, 1, 2], 3)
    assert (measured["paper_error"], measured["table"], measured["row"]) == (0.0501, 1, 1)
    assert (measured["range"], measured["verdict"]) == ([0.04, 0.042], "at or below")
    assert measured["recipes"]["paper"]["verdict"] == "within range"
    assert set(measured) == set(unmeasured)
    assert (unmeasured["name"], unmeasured["errors"], unmeasured["seeds"]) == ("64-10-dropout", {}, [])
    assert [unmeasured[key] for key in ("median_error", "epochs", "range", "interval", "verdict")] == [None] * 5


def test_the_manifest_gets_the_default_recipes_figures():
    entries = manifest_results(summarize(whole_paper()))
    assert [entry["name"] for entry in entries] == [network.name for network in NETWORKS]
    assert set(entries[0]) == {"name", "recipe", "seeds", "epochs", "errors", "median_error", "paper_error"}
    assert {entry["recipe"] for entry in entries} == {"default"}
    assert manifest_results(summarize([])) == []
