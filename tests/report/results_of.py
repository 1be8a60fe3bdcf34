"""Results with the largest figures that are realistic, so that tables are tested at their widest."""

from __future__ import annotations

from mnistbench.artifacts import ModelEntry
from mnistbench.catalog import Network
from mnistbench.results import Environment, EvaluationResult, LatencyResult, TrainingResult

ENVIRONMENT = Environment("3.11.7", "Linux", "CPU", (), 2, None, (), {})


def training(network: Network, **changes: object) -> TrainingResult:
    values = {
        "name": network.name,
        "notation": network.spec.notation,
        "dropout": network.spec.dropout,
        "recipe": "default",
        "seed": 1234,
        "epochs": 100,
        "batch_size": 128,
        "device": "cuda:0",
        "precision": "bfloat16",
        "num_threads": 64,
        "dataset": "mnist",
        "dataset_sha256": "ab" * 32,
        "evaluated_on": "test",
        "selection": "last",
        "selected_epoch": 100,
        "num_errors": 8865,
        "num_images": 10_000,
        "error_rate": 0.8865,
        "error_rate_low": 0.8801,
        "error_rate_high": 0.8926,
        "epoch_seconds": 123.456,
        "first_epoch_seconds": 234.5,
        "history": (),
        "weights_sha256": "cd" * 32,
        "job": "0123456789ab",
        "environment": ENVIRONMENT,
    }
    return TrainingResult(**(values | changes))


def evaluation(network: Network, **changes: object) -> EvaluationResult:
    values = {
        "name": network.name,
        "file": f"{network.name}.onnx",
        "sha256": "ef" * 32,
        "size_bytes": 12_740_000,
        "num_parameters": network.spec.num_parameters,
        "macs": network.spec.macs,
        "dataset": "mnist",
        "dataset_sha256": "ab" * 32,
        "num_errors": 8865,
        "num_images": 10_000,
        "error_rate": 0.8865,
        "error_rate_low": 0.8801,
        "error_rate_high": 0.8926,
        "provider": "CUDAExecutionProvider",
        "input": {
            "name": "input_3",
            "layout": "N1HW",
            "dtype": "float32",
            "value_range": "standardised",
            "batch_size": None,
        },
        "paper_error": network.paper.error if network.paper else None,
        "confusion": tuple(tuple(888 for _ in range(10)) for _ in range(10)),
    }
    return EvaluationResult(**(values | changes))


def latency(network: Network, **changes: object) -> LatencyResult:
    values = {
        "name": network.name,
        "file": f"{network.name}.onnx",
        "sha256": "ef" * 32,
        "device": "cuda:0",
        "mode": "e2e",
        "batch_size": 10_000,
        "provider": "CUDAExecutionProvider",
        "session_seconds": 0.888,
        "first_call_seconds": 0.888,
        "warmup_settled": True,
        "num_samples": 1000,
        "p50_seconds": 0.000888,
        "p90_seconds": 0.888,
        "p99_seconds": 0.888,
        "throughput": 88.8e6,
    }
    return LatencyResult(**(values | changes))


def model(network: Network, **changes: object) -> ModelEntry:
    values = {
        "name": network.name,
        "file": f"{network.name}.onnx",
        "sha256": "ef" * 32,
        "size_bytes": 12_740_000,
        "precision": "fp32",
        "input_dtype": "uint8",
        "opset": 18,
        "ir_version": 8,
        "inputs": (),
        "outputs": (),
        "notation": network.spec.notation,
        "dropout": network.spec.dropout,
        "num_parameters": network.spec.num_parameters,
        "macs": network.spec.macs,
        "table": None,
        "paper_error": None,
        "labels": (),
        "training": {},
        "metrics": {"num_errors": 8865, "num_images": 10_000},
        "parity": {"max_logit_difference": 1.2e-05},
    }
    return ModelEntry(**(values | changes))
