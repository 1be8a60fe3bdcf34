from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from mnistbench.artifacts import ModelEntry
from mnistbench.errors import ArtifactError
from mnistbench.measure.precisions import Place, precision_rows
from mnistbench.results import (
    Environment,
    EvaluationResult,
    LatencyResult,
    PrecisionResult,
    PrecisionRun,
    ProcessResult,
)

CPU = Place("cpu", "cpu")
GPU = Place("cuda:0", "cuda")


def entry(precision: str, weights: str | None = "w") -> ModelEntry:
    texts = dict.fromkeys(("name", "file", "sha256", "notation"), "net") | {"precision": precision}
    empty: dict[str, Any] = {"inputs": (), "outputs": (), "labels": (), "metrics": {}, "parity": {}}
    numbers = {"size_bytes": 100, "opset": 18, "ir_version": 8, "dropout": 0, "num_parameters": 9, "macs": 9}
    training = {} if weights is None else {"weights_sha256": weights}
    return ModelEntry(**texts, **empty, **numbers, input_dtype="uint8", table=None, paper_error=None, training=training)


def evaluation(errors: int) -> EvaluationResult:
    texts = dict.fromkeys(("name", "file", "sha256", "dataset", "dataset_sha256", "provider"), "x")
    rates = {"error_rate": errors / 1000, "error_rate_low": 0.0, "error_rate_high": 1.0}
    return EvaluationResult(
        **texts, **rates, size_bytes=1, num_parameters=9, macs=9, num_errors=errors, num_images=1000, input={}
    )


def latency(name: str, seconds: float | None, batch: int = 1, error: str | None = None) -> LatencyResult:
    return LatencyResult(name, f"{name}.onnx", "hash", "cpu", "e2e", batch, p50_seconds=seconds, error=error)


def in_processes(name: str, *shortest: float) -> LatencyResult:
    """With a shortest call of each fresh process; medians are three times as long, by a disturbance."""
    processes = tuple(
        ProcessResult(0.1, 0.01, 10, True, 100, "noise", 3 * seconds, 3 * seconds, seconds) for seconds in shortest
    )
    return dataclasses.replace(latency(name, 3 * shortest[0]), processes=processes)


MODELS = {"net": entry("fp32"), "net@int8": entry("int8")}


def test_each_precision_stands_beside_fp32_on_its_own_device() -> None:
    rows = precision_rows(
        MODELS,
        {("net", CPU): evaluation(10), ("net@int8", CPU): evaluation(13), ("net", GPU): evaluation(11)}
        | {("net@int8", GPU): evaluation(9)},
        {
            CPU: [
                latency("net", 0.002),
                latency("net", 0.02, 8),
                latency("net@int8", 0.001),
                latency("net@int8", 0.04, 8),
            ],
            GPU: [latency("net", 0.003), latency("net@int8", 0.003)],
        },
    )
    told = [(r.device, r.precision, r.batch_size, r.num_errors, r.speed) for r in rows]
    assert told == [
        ("cpu", "fp32", 1, 10, 1.0),
        ("cpu", "fp32", 8, 10, 1.0),
        ("cpu", "int8", 1, 13, 2.0),
        ("cpu", "int8", 8, 13, 0.5),
        ("cuda:0", "fp32", 1, 11, 1.0),
        ("cuda:0", "int8", 1, 9, 1.0),
    ]
    assert [row.error_difference for row in rows] == pytest.approx([0, 0, 0.003, 0.003, 0, -0.002])
    assert {row.error for row in rows} == {None}
    for row in rows:
        assert PrecisionResult.from_dict(json.loads(json.dumps(row.as_dict(), allow_nan=False))) == row


@pytest.mark.parametrize("weights", ["other", None])
def test_other_weights_are_not_compared(weights: str | None) -> None:
    models = {"net": entry("fp32"), "net@int8": entry("int8", weights)}
    evaluations = {("net", CPU): evaluation(10), ("net@int8", CPU): evaluation(13)}
    rows = precision_rows(models, evaluations, {CPU: [latency("net", 0.002), latency("net@int8", 0.001)]})
    assert [(row.speed, row.error_difference) for row in rows] == [(1.0, 0.0), (None, None)]


def test_without_fp32_there_is_nothing_to_compare_with() -> None:
    models = {"net@int8": entry("int8")}
    (row,) = precision_rows(models, {("net@int8", CPU): evaluation(1)}, {CPU: [latency("net@int8", 0.1)]})
    assert (row.num_errors, row.p50_seconds, row.speed, row.error_difference) == (1, 0.1, None, None)


def test_what_failed_says_why_and_keeps_what_there_is() -> None:
    evaluations: dict[tuple[str, Place], EvaluationResult | str] = {
        ("net", CPU): "no memory",
        ("net@int8", CPU): evaluation(3),
    }
    timed = [latency("net", 0.1), latency("net@int8", None, error="no kernel")]
    first, second = precision_rows(MODELS, evaluations, {CPU: timed})
    assert (first.error, first.num_errors, first.error_rate, first.p50_seconds) == ("no memory", None, None, 0.1)
    assert (second.error, second.num_errors, second.p50_seconds, second.speed) == ("no kernel", 3, None, None)
    assert (first.undisturbed_seconds, second.undisturbed_seconds) == (0.1, None)
    assert second.error_difference is None
    both = precision_rows(MODELS, evaluations | {("net@int8", CPU): "no kernel"}, {CPU: timed})
    assert both[1].error == "no kernel"  # once


@pytest.mark.parametrize(
    ("shortest", "speed", "verdict"),
    [
        ([0.001, 0.001, 0.00101, 0.00101, 0.00102], 2.0, "FASTER"),
        ([0.004, 0.004, 0.00401, 0.00402, 0.00403], 0.5, "SLOWER"),
        ([0.002, 0.00202, 0.00203, 0.00203, 0.00203], 0.99, "SAME"),
        ([0.001, 0.0018, 0.003, 0.004, 0.005], 1.11, "UNCLEAR"),
        ([0.001, 0.001], 2.0, "UNCLEAR"),
    ],
)
def test_speed_is_judged_as_compare_does(shortest: list[float], speed: float, verdict: str) -> None:
    evaluations = {("net", CPU): evaluation(1), ("net@int8", CPU): evaluation(1)}
    plain = in_processes("net", 0.002, 0.002, 0.00201, 0.00202, 0.00202)
    first, second = precision_rows(MODELS, evaluations, {CPU: [plain, in_processes("net@int8", *shortest)]})
    assert (first.undisturbed_speed, first.verdict) == (1.0, "SAME")
    assert (second.undisturbed_speed, second.verdict) == (pytest.approx(speed, rel=0.01), verdict)
    if verdict != "UNCLEAR":  # else not all processes are undisturbed, and fewer of fp32 count
        assert second.undisturbed_speed == pytest.approx(first.undisturbed_seconds / second.undisturbed_seconds)
    assert PrecisionResult.from_dict(json.loads(json.dumps(second.as_dict()))) == second


def test_a_run_comes_back_from_json_and_an_edited_one_is_refused() -> None:
    (row,) = precision_rows({"net": MODELS["net"]}, {("net", CPU): evaluation(1)}, {CPU: [latency("net", 0.1)]})
    machine = Environment("3.11.7", "Linux", "CPU", (), 2, None, (), {})
    run = PrecisionRun("2026-01-01T00:00:00+00:00", machine, (row,), {"processes": 5})
    document = json.loads(json.dumps(run.as_dict()))
    assert PrecisionRun.from_dict(document) == run
    for changes in ({"results": [3]}, {"environment": 3}, {"kind": "precision"}):
        with pytest.raises(ArtifactError):
            PrecisionRun.from_dict(document | changes)
    with pytest.raises(ArtifactError, match="FASTER, SLOWER, SAME, UNCLEAR"):
        PrecisionResult.from_dict(row.as_dict() | {"verdict": "LUCKY"})
    with pytest.raises(ArtifactError, match="undisturbed_seconds"):
        PrecisionResult.from_dict(row.as_dict() | {"undisturbed_seconds": -1.0})
    older = {key: value for key, value in row.as_dict().items() if key != "undisturbed_seconds"}
    assert PrecisionResult.from_dict(older) == dataclasses.replace(row, undisturbed_seconds=None)


def test_nothing_gives_nothing() -> None:
    assert precision_rows({}, {}, {}) == precision_rows({}, {}, {CPU: []}) == []


def test_a_time_of_zero_is_not_divided_by() -> None:
    evaluations = {("net", CPU): evaluation(1), ("net@int8", CPU): evaluation(1)}
    rows = precision_rows(MODELS, evaluations, {CPU: [latency("net", 0.0), latency("net@int8", 0.0)]})
    assert [row.speed for row in rows] == [None, None]
    assert dataclasses.replace(rows[0], speed=None) == rows[0]
