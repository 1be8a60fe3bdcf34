from __future__ import annotations

import json
import math

import pytest

from mnistbench.errors import ArtifactError
from mnistbench.results import Environment, LoadResult, LoadRun, RateStep

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
    gpu_uuid="GPU-1",
    gpu_name="GPU",
)
FAILED = LoadResult("16-10", "16-10.onnx", "", "cuda:0", "offline", error="no CUDA libraries")
DOUBTFUL = LoadResult("16-10", "16-10.onnx", "", "cpu", "paced", gap_seconds=0.1, invalid_reasons=("too few",))
ENVIRONMENT = Environment("3.11.7", "Linux", "CPU", (), 2, None, (), {})
RUN = LoadRun("2026-01-01T00:00:00+00:00", ENVIRONMENT, (SERVER, FAILED, DOUBTFUL), {"seconds": 3.0})


@pytest.mark.parametrize("result", [STEP, SERVER, FAILED, DOUBTFUL, RUN], ids=lambda one: one.kind)
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
        ({"gpu_uuid": 3}, "expected text or nothing"),
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


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"results": 3}, "lacks a field"),
        ({"results": [3]}, "lacks a field"),
        ({"results": [{"name": "16-10"}]}, "lacks a field"),
        ({"results": [SERVER.as_dict() | {"p99_seconds": math.nan}]}, "finite"),
        ({"environment": []}, "lacks a field"),
        ({"kind": "load"}, "not a load_run result"),
        ({"schema_version": 99}, "update mnistbench"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_edited_run_is_a_typed_error(changes, message) -> None:
    with pytest.raises(ArtifactError, match=message):
        LoadRun.from_dict(RUN.as_dict() | changes)


@pytest.mark.parametrize("key", ["started", "environment", "results"])
def test_a_run_that_lacks_a_part_is_a_typed_error(key) -> None:
    document = {name: value for name, value in RUN.as_dict().items() if name != key}
    with pytest.raises(ArtifactError, match="lacks a field"):
        LoadRun.from_dict(document)
