from __future__ import annotations

import pytest

from mnistbench.measure.load.verdict import rate_verdict
from mnistbench.results import LoadResult


def row(**changes: object) -> LoadResult:
    asked = {"rate": 100.0, "latency_bound_seconds": 0.01, "within_bound": True, "valid": True}
    return LoadResult("net", "net.onnx", "", "cpu", "server", **(asked | changes))


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "within"),
        ({"rate_searched": True}, "highest"),
        ({"within_bound": False}, "too slow"),
        ({"within_bound": None, "valid": False}, "too few queries"),
        ({"valid": False}, "invalid"),
        ({"valid": False, "within_bound": False}, "invalid"),
        ({"valid": False, "rate_searched": True}, "invalid"),
        ({"within_bound": False, "valid": False, "stop_reason": "overload"}, "overloaded"),
        ({"within_bound": False, "valid": False, "rate": None, "rate_searched": True}, "none within"),
        ({"within_bound": None, "valid": False, "rate": None, "rate_searched": True}, "undecided"),
    ],
    ids=str,
)
def test_the_verdict_on_a_rate(changes, verdict) -> None:
    assert rate_verdict(row(**changes)) == verdict
