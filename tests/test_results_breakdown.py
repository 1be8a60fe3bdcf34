from __future__ import annotations

import dataclasses
import json
import math

import pytest

from mnistbench.errors import ArtifactError
from mnistbench.results import BreakdownResult, BreakdownRun, CrossingResult, Environment, OperatorTime

CONV = OperatorTime("relu1_nchwc", "Conv", "CPUExecutionProvider", 1e-3, 1, "conv1", 117_600, 2.4e8)
ADD = OperatorTime("add", "Add", "", 0.0)
APART = BreakdownResult(
    "16-10",
    "16-10.onnx",
    "ef" * 32,
    "cpu",
    32,
    provider="CPUExecutionProvider",
    problems=("bound: no",),
    p50_seconds=0.002,
    copies_seconds=-0.001,
    other_seconds=-0.5,
    kernel_clock="host",
    num_runs=200,
    operators=(CONV, ADD),
    seconds_by_op_type={"Conv": 1e-3, "Add": 0.0},
    options={"intra_op_num_threads": 1},
    gpu_uuid="GPU-1",
    gpu_name="GPU",
)
FAILED = BreakdownResult("16-10", "16-10.onnx", "", "cuda:0", 0, error="no CUDA libraries")
CROSSING = CrossingResult("16-10", "cpu", "cuda:0", "e2e", (1, 8), (0.5, 2.0), "between", 2.8)
JUDGED = dataclasses.replace(CROSSING, verdicts=("SAME", None))
SILENT = CrossingResult("16-10", "cpu", "cuda:0", "e2e", reason="no CUDA libraries")


ENVIRONMENT = Environment("3.11.7", "Linux", "CPU", (), 2, None, (), {})
RUN = BreakdownRun(ENVIRONMENT, (APART, FAILED), (CROSSING, SILENT))
ALONE = BreakdownRun(ENVIRONMENT, (), (), "no GPU is here")


@pytest.mark.parametrize("result", [CONV, ADD, APART, FAILED, CROSSING, JUDGED, SILENT, RUN, ALONE])
def test_every_result_comes_back_from_json(result) -> None:
    document = json.loads(json.dumps(result.as_dict(), allow_nan=False))
    assert type(result).from_dict(document) == result
    # Keys that are not known here come from a newer version.
    assert type(result).from_dict(document | {"news": 1}) == result


@pytest.mark.parametrize(
    ("result", "changes", "message"),
    [
        (APART, {"name": None}, "expected text"),
        (APART, {"gpu_name": 3}, "expected text or nothing"),
        (APART, {"batch_size": 1.5}, "whole number"),
        (APART, {"num_runs": -1}, "expected 0 or more"),
        (APART, {"p50_seconds": -0.1}, "finite"),
        (APART, {"p50_seconds": "fast"}, "expected a number"),
        (APART, {"other_seconds": math.nan}, "finite"),
        (APART, {"copies_seconds": math.inf}, "finite"),
        (APART, {"copies_seconds": 10**400}, "finite"),
        (APART, {"kernel_clock": "sun"}, "expected host, launch, device"),
        (APART, {"operators": 3}, "lacks a field"),
        (APART, {"operators": [3]}, "lacks a field"),
        (APART, {"operators": [{"name": "a"}]}, "lacks a field"),
        (APART, {"operators": [CONV.as_dict() | {"seconds": math.nan}]}, "finite"),
        (APART, {"seconds_by_op_type": {"Conv": math.nan}}, "finite"),
        (APART, {"seconds_by_op_type": 3}, "lacks a field"),
        (CONV, {"op_type": 3}, "expected text"),
        (CONV, {"macs": -1}, "expected 0 or more"),
        (CONV, {"calls": "one"}, "whole number"),
        (CONV, {"flops_per_second": -1.0}, "finite"),
        (CROSSING, {"overtaking": "soon"}, "expected from the start"),
        (CROSSING, {"mode": 3}, "expected text"),
        (CROSSING, {"speedups": [1.0]}, "1 speedups for 2 batch sizes"),
        (CROSSING, {"batch_sizes": [0, 1]}, "expected 1 or more"),
        (CROSSING, {"speedups": [math.nan, 1.0]}, "finite"),
        (CROSSING, {"batch_size": 0.5}, "from 1"),
        (CROSSING, {"verdicts": ["SAME"]}, "1 verdicts for 2 batch sizes"),
        (CROSSING, {"verdicts": ["SAME", "LUCKY"]}, "'LUCKY'; expected one of FASTER"),
        (CROSSING, {"verdicts": [["SAME"], None]}, "expected one of FASTER"),
        (CROSSING, {"verdicts": 3}, "lacks a field"),
        (RUN, {"breakdowns": 3}, "lacks a field"),
        (RUN, {"breakdowns": [3]}, "lacks a field"),
        (RUN, {"crossings": [{"name": "a"}]}, "lacks a field"),
        (RUN, {"environment": None}, "lacks a field"),
        (RUN, {"kind": "breakdown"}, "not a breakdown_run result"),
        (RUN, {"schema_version": 99}, "update mnistbench"),
    ],
)
def test_a_result_edited_by_hand_is_refused(result, changes, message) -> None:
    with pytest.raises(ArtifactError, match=message):
        type(result).from_dict(result.as_dict() | changes)


@pytest.mark.parametrize("key", ["environment", "breakdowns"])
def test_a_run_that_lacks_a_part_is_refused(key) -> None:
    document = {name: value for name, value in RUN.as_dict().items() if name != key}
    with pytest.raises(ArtifactError, match="lacks a field"):
        BreakdownRun.from_dict(document)


def test_each_part_of_a_run_can_be_read_by_itself() -> None:
    document = RUN.as_dict()
    assert Environment.from_dict(document["environment"]) == ENVIRONMENT
    assert [BreakdownResult.from_dict(one) for one in document["breakdowns"]] == [APART, FAILED]
    assert [CrossingResult.from_dict(one) for one in document["crossings"]] == [CROSSING, SILENT]


def test_batch_sizes_without_a_clear_difference() -> None:
    assert (CROSSING.unclear, JUDGED.unclear, SILENT.unclear) == ((), (1,), ())
    assert dataclasses.replace(CROSSING, verdicts=("UNCLEAR", "FASTER")).unclear == (1,)
