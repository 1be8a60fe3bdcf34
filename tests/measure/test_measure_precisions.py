from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from mnistbench.artifacts import ModelEntry
from mnistbench.measure.precisions import Place, precision_rows
from mnistbench.results import EvaluationResult, LatencyResult, PrecisionResult

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
    assert second.error_difference is None
    both = precision_rows(MODELS, evaluations | {("net@int8", CPU): "no kernel"}, {CPU: timed})
    assert both[1].error == "no kernel"  # once


def test_nothing_gives_nothing() -> None:
    assert precision_rows({}, {}, {}) == precision_rows({}, {}, {CPU: []}) == []


def test_a_time_of_zero_is_not_divided_by() -> None:
    evaluations = {("net", CPU): evaluation(1), ("net@int8", CPU): evaluation(1)}
    rows = precision_rows(MODELS, evaluations, {CPU: [latency("net", 0.0), latency("net@int8", 0.0)]})
    assert [row.speed for row in rows] == [None, None]
    assert dataclasses.replace(rows[0], speed=None) == rows[0]
