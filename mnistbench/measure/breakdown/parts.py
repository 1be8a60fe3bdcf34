"""Puts the parts of one call together: rows of latency, the floor's rows and a profile. Pure."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from mnistbench.measure.breakdown.arithmetic import operator_times, seconds_by_op_type
from mnistbench.measure.breakdown.profile import Profile
from mnistbench.results import BreakdownResult, KernelClock, LatencyResult
from mnistbench.spec import NetworkSpec


@dataclass(frozen=True)
class Rows:
    """What was timed for one model at one batch size on one device; ``None`` for what does not apply."""

    e2e: LatencyResult
    bound: LatencyResult | None = None
    floor: LatencyResult | None = None
    """The model that does nothing, at the same batch size."""
    call_floor: LatencyResult | None = None
    """The same at batch 1."""


def combine_parts(rows: Rows, profile: Profile | str, spec: NetworkSpec | None) -> BreakdownResult:
    """The parts of one call, as far as they could be measured.

    Args:
        rows: What was timed.
        profile: Times by node, or why there are none.
        spec: The network, where it is known.
    """
    e2e = rows.e2e
    result = BreakdownResult(
        name=e2e.name,
        file=e2e.file,
        sha256=e2e.sha256,
        device=e2e.device,
        batch_size=e2e.batch_size,
        provider=e2e.provider,
        error=e2e.error,
        options=e2e.options,
        notation=e2e.notation,
        dropout=e2e.dropout,
        gpu_uuid=e2e.gpu_uuid,
        gpu_name=e2e.gpu_name,
    )
    if e2e.error is not None or e2e.p50_seconds is None:
        return dataclasses.replace(result, error=e2e.error or "too few calls for a median")
    named = (("bound", rows.bound), ("floor", rows.floor), ("floor at batch 1", rows.call_floor))
    problems = [f"{what}: {row.error}" for what, row in named if row is not None and row.error is not None]
    bound, floor, call_floor = (row.p50_seconds if row is not None else None for _, row in named)
    result = dataclasses.replace(
        result,
        p50_seconds=e2e.p50_seconds,
        bound_p50_seconds=bound,
        copies_seconds=_less(e2e.p50_seconds, bound),
        # Without the same batch, what a call costs at least is still a floor.
        floor_seconds=call_floor if rows.floor is None else floor,
        call_floor_seconds=call_floor,
        floor_copy_seconds=_less(floor, call_floor),
    )
    if isinstance(profile, str):
        return dataclasses.replace(result, problems=(*problems, f"operators: {profile}"))
    clock = kernel_clock(e2e.device, profile)
    operators = operator_times(profile.nodes, spec, e2e.batch_size, clock)
    total = sum(operator.seconds for operator in operators)
    return dataclasses.replace(
        result,
        problems=tuple(problems),
        operators_seconds=total,
        other_seconds=_less(e2e.p50_seconds, result.floor_seconds, total),
        profiled_seconds=profile.run_seconds,
        kernel_clock=clock,
        num_runs=profile.num_runs,
        operators=operators,
        seconds_by_op_type=seconds_by_op_type(operators),
    )


def kernel_clock(device: str, profile: Profile) -> KernelClock:
    """Whose time a profile shows on a device.

    On ``cuda:N`` a node has ended for the processor as soon as its kernels are launched,
    unless the profile has the GPU's own times.
    """
    if profile.by_gpu:
        return "device"
    return "launch" if device.startswith("cuda") else "host"


def _less(seconds: float | None, *others: float | None) -> float | None:
    """What is left, as measured; ``None`` where anything is missing."""
    known = [other for other in others if other is not None]
    return None if seconds is None or len(known) < len(others) else seconds - sum(known)
