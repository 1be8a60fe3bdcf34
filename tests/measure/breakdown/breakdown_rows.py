"""Profiles and rows of latency made by hand, for tests of what takes calls apart."""

from __future__ import annotations

from typing import Any

from mnistbench.results import LatencyResult


def run_event(start: float, duration: float, **changes: object) -> dict[str, Any]:
    return {"cat": "Session", "name": "model_run", "ts": start, "dur": duration, "args": {}} | changes


def node_event(name: str, op: str, start: float, duration: float, index: int = 0, **changes: object) -> dict[str, Any]:
    """As onnxruntime 1.31 writes it, less what is not read."""
    args = {"op_name": op, "provider": "CPUExecutionProvider", "node_index": str(index), "thread_scheduling_stats": ""}
    whole = {"cat": "Node", "ph": "X", "name": f"{name}_kernel_time", "ts": start, "dur": duration, "args": args}
    return whole | changes


def kernel_event(name: str, start: float, duration: float, **args: str) -> dict[str, Any]:
    """As an onnxruntime that was built with CUPTI writes it."""
    return {"cat": "Kernel", "name": name, "ts": start, "dur": duration, "args": {"stream": "7", **args}}


def trace(*fc1: float, gap: float = 1000) -> list[dict[str, Any]]:
    """A run for each time of ``fc1``, which follows a cast of 2 microseconds."""
    events: list[dict[str, Any]] = [
        {"cat": "Session", "name": "session_initialization", "ts": 0, "dur": 50, "args": {}},
    ]
    for number, duration in enumerate(fc1):
        start = 100 + number * gap
        events += [
            node_event("cast", "Cast", start + 1, 2),
            node_event("fused fc1", "FusedGemm", start + 5, duration, 1),
            {"cat": "Session", "name": "SequentialExecutor::Execute", "ts": start, "dur": duration + 10, "args": {}},
            run_event(start, duration + 20),
        ]
    return events


def row(batch_size: int = 1, seconds: float | None = 1e-3, **changes: object) -> LatencyResult:
    values = {
        "name": "net",
        "file": "net.onnx",
        "sha256": "ab" * 32,
        "device": "cpu",
        "mode": "e2e",
        "batch_size": batch_size,
        "provider": "CPUExecutionProvider",
        "p50_seconds": seconds,
        "options": {"provider": "cpu"},
    }
    return LatencyResult(**(values | changes))
