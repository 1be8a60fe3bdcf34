from __future__ import annotations

import dataclasses

import pytest
from breakdown_rows import row

from mnistbench.measure.breakdown.parts import Rows, combine_parts
from mnistbench.measure.breakdown.profile import NodeTime, Profile
from mnistbench.results import BreakdownResult

PROFILE = Profile((NodeTime("c", "Conv", "CPU", 4e-3, 1), NodeTime("a", "Add", "CPU", 1e-3, 1)), 8e-3, 200)
ROWS = Rows(row(32, 0.010), bound=row(32, 0.011), floor=row(32, 0.003), call_floor=row(1, 0.001))


def test_the_parts_add_up_to_the_call_and_copies_stand_beside_them():
    found = combine_parts(ROWS, PROFILE, None)
    assert found.p50_seconds == pytest.approx(found.floor_seconds + found.operators_seconds + found.other_seconds)
    assert found.floor_copy_seconds == pytest.approx(0.002)
    assert found.operators_seconds == pytest.approx(0.005)
    assert found.other_seconds == pytest.approx(0.002)
    # On the CPU binding only costs: as measured, not clipped.
    assert found.copies_seconds == pytest.approx(-0.001)
    assert (found.kernel_clock, found.num_runs, found.profiled_seconds) == ("host", 200, 8e-3)
    assert (found.error, found.problems) == (None, ())
    assert BreakdownResult.from_dict(found.as_dict()) == found


def test_slowed_operators_leave_less_than_nothing():
    slow = dataclasses.replace(PROFILE, nodes=(NodeTime("c", "Conv", "CPU", 0.02, 1),))
    assert combine_parts(ROWS, slow, None).other_seconds == pytest.approx(-0.013)


def test_tensors_of_another_shape_have_only_the_floor_of_a_call():
    found = combine_parts(dataclasses.replace(ROWS, floor=None), PROFILE, None)
    assert (found.floor_seconds, found.call_floor_seconds, found.floor_copy_seconds) == (0.001, 0.001, None)
    assert found.other_seconds == pytest.approx(0.004)


@pytest.mark.parametrize(
    ("device", "by_gpu", "clock"),
    [
        ("cpu", False, "host"),
        ("gpu:0", False, "host"),
        ("cuda:0", False, "launch"),
        ("cuda:1", True, "device"),
    ],
)
def test_whose_time_it_is(device, by_gpu, clock):
    rows = dataclasses.replace(ROWS, e2e=row(32, 0.01, device=device))
    found = combine_parts(rows, dataclasses.replace(PROFILE, by_gpu=by_gpu), None)
    assert found.kernel_clock == clock


def test_what_fails_is_missing_and_said():
    failed = {"bound": row(32, None, error="no binding"), "floor": row(32, None, error="no uint8")}
    found = combine_parts(dataclasses.replace(ROWS, **failed), "no profile", None)
    assert found.problems == ("bound: no binding", "floor: no uint8", "operators: no profile")
    assert found.p50_seconds == 0.010
    for key in ("copies_seconds", "floor_seconds", "floor_copy_seconds", "operators_seconds", "other_seconds"):
        assert getattr(found, key) is None
    assert found.operators == ()


def test_a_floor_that_failed_leaves_the_rest_unknown():
    found = combine_parts(dataclasses.replace(ROWS, floor=row(32, None, error="no")), PROFILE, None)
    assert (found.operators_seconds, found.other_seconds) == (pytest.approx(0.005), None)


@pytest.mark.parametrize(
    ("e2e", "error"),
    [(row(32, None, error="no CUDA libraries"), "no CUDA libraries"), (row(32, None), "too few calls for a median")],
)
def test_without_a_latency_there_is_nothing_to_take_apart(e2e, error):
    found = combine_parts(dataclasses.replace(ROWS, e2e=e2e), PROFILE, None)
    assert (found.error, found.p50_seconds, found.operators) == (error, None, ())


def test_the_gpu_is_that_of_the_call():
    found = combine_parts(Rows(row(1, 0.01, device="cuda:0", gpu_uuid="GPU-1", gpu_name="Fast")), PROFILE, None)
    assert (found.gpu_uuid, found.gpu_name) == ("GPU-1", "Fast")
    assert (combine_parts(ROWS, PROFILE, None).gpu_uuid, BreakdownResult.from_dict(found.as_dict())) == (None, found)
