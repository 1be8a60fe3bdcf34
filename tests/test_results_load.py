from __future__ import annotations

import json
import math

import pytest

from mnistbench.errors import ArtifactError
from mnistbench.results import LoadResult, RateStep

STEP = RateStep(100.0, True, 662, 0.004, 0.005)
SERVER = LoadResult(
    "16-10",
    "16-10.onnx",
    "ef" * 32,
    "cpu",
    "server",
    provider="CPUExecutionProvider",
    rate=100.0,
    rate_searched=True,
    achieved_rate=99.0,
    num_queries=3,
    duration_seconds=0.03,
    stop_reason="duration",
    p50_seconds=0.002,
    percentile_bounds={"p50": (0.001, 0.003)},
    latency_bound_seconds=0.01,
    within_bound=True,
    valid=True,
    samples_seconds=(0.001, 0.002, 0.003),
    steps=(STEP, RateStep(200.0, False, overloaded=True)),
    options={"intra_op_num_threads": 1},
)
FAILED = LoadResult("16-10", "16-10.onnx", "", "cuda:0", "offline", error="no CUDA libraries")
DOUBTFUL = LoadResult("16-10", "16-10.onnx", "", "cpu", "paced", gap_seconds=0.1, invalid_reasons=("too few",))


@pytest.mark.parametrize("result", [STEP, SERVER, FAILED, DOUBTFUL], ids=["step", "server", "failed", "doubtful"])
def test_every_result_comes_back_from_json(result) -> None:
    document = json.loads(json.dumps(result.as_dict(), allow_nan=False))
    assert type(result).from_dict(document) == result
    # Keys that are not known here come from a newer version.
    assert type(result).from_dict(document | {"news": 1}) == result


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": None}, "expected text"),
        ({"scenario": 3}, "expected text"),
        ({"workers": 0}, "expected 1 or more"),
        ({"samples_per_query": 1.5}, "whole number"),
        ({"num_queries": -1}, "expected 0 or more"),
        ({"p99_seconds": math.nan}, "finite"),
        ({"p99_seconds": -0.1}, "finite"),
        ({"rate": math.inf}, "finite"),
        ({"rate": "fast"}, "expected a number"),
        ({"rate": 10**400}, "finite"),
        ({"samples_seconds": [1.0, 2.0]}, "2 samples_seconds of 3 queries"),
        ({"samples_seconds": [1.0, math.nan, 1.0]}, "finite"),
        ({"samples_seconds": [1.0, math.inf, 1.0]}, "finite"),
        ({"samples_seconds": [9.0, -1.0, 1.0]}, "finite"),
        ({"samples_seconds": [1.0, "2", 1.0]}, "wrong"),
        ({"samples_seconds": [1, 10**400, 1]}, "finite"),
        ({"samples_seconds": 7}, "wrong"),
        ({"percentile_bounds": {"p50": [0.1]}}, "wrong"),
        ({"percentile_bounds": {"p50": [0.1, math.nan]}}, "finite"),
        ({"steps": [{"rate": 1.0}]}, "within_bound"),
        ({"steps": [{"rate": -1.0, "within_bound": True}]}, "finite"),
        ({"steps": [{"rate": 1.0, "within_bound": True, "p99_seconds": math.nan}]}, "finite"),
        ({"steps": [3]}, "wrong"),
        ({"invalid_reasons": ["too few"]}, "valid, although"),
        ({"error": "no memory"}, "valid, although"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_edited_file_is_a_typed_error(changes, message) -> None:
    with pytest.raises(ArtifactError, match=message):
        LoadResult.from_dict(SERVER.as_dict() | changes)


def test_another_kind_is_refused() -> None:
    with pytest.raises(ArtifactError, match="not a load result"):
        LoadResult.from_dict(STEP.as_dict())
