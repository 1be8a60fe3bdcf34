"""What the committed records show is what the documents promise."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

RESULTS = Path(__file__).parents[2] / "bench" / "results"
AGREES = 0.05
"""A median of ours may differ by so much from that of another harness."""


def record(name: str):
    return json.loads((RESULTS / name).read_text(encoding="utf-8"))


def test_our_medians_agree_with_those_of_other_harnesses():
    found = record("agreement.json")
    assert {(row["harness"], row["provider"]) for row in found["rows"]} == {
        ("torch.utils.benchmark", "cpu"),
        ("torch.utils.benchmark", "openvino"),
        ("benchmark_app", "openvino"),
    }
    # None was left out: four networks at three batch sizes in each.
    assert (len(found["rows"]), found["left_out"]) == (36, [])
    apart = {
        (row["harness"], row["provider"], row["name"], row["batch_size"]): row["median"]["ratio"]
        for row in found["rows"]
        if abs(row["median"]["ratio"] - 1) > AGREES
    }
    assert apart == {}


def test_an_engine_costs_a_job_less_than_promised():
    found = record("scale.json")["overheads"]
    assert {row["engine"]: row["target_seconds_a_job"] for row in found} == {"local": 0.05, "pool": 0.05, "ray": 0.25}
    assert all(row["seconds_a_job"] <= row["target_seconds_a_job"] for row in found)


def test_more_slots_make_a_sweep_as_much_faster():
    totals = record("scale.json")["totals"]
    assert {(row["engine"], row["slots"]) for row in totals} >= {
        (engine, slots) for engine in ("pool", "ray") for slots in (1, 2, 4, 8)
    }
    for row in totals:
        assert row["total_seconds"] == pytest.approx(row["ideal_seconds"], rel=0.25)


def test_predict_reads_ten_thousand_pictures_as_well_as_promised():
    found = record("many-pictures.json")
    assert found["num_images"] == 10000
    assert found["right"] / found["num_images"] >= 0.985


def test_wrapping_costs_no_more_than_promised():
    rows = record("overhead.json")["rows"]
    predicted = [row for row in rows if row["name"].startswith("predict ")]
    evaluated = [row for row in rows if row["name"].startswith("evaluate ")]
    assert len(predicted) == len(evaluated) == 3
    assert all(row["ours_extra_seconds"] <= 5e-6 for row in predicted)
    assert all(row["ours_seconds"] <= 1.05 * row["baseline_seconds"] for row in evaluated)
