"""Profiles one request in this process: a session of its own, warm-up, and a fixed number of runs.

Prints nothing and knows no other processes.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from mnistbench.errors import MnistbenchError
from mnistbench.measure.breakdown.profile import Profile, read_profile
from mnistbench.measure.clock import Clock
from mnistbench.measure.latency.request import Request
from mnistbench.measure.latency.workload import Workload, make_workload
from mnistbench.runtime.devices import resolve_device
from mnistbench.runtime.images import Images
from mnistbench.runtime.placement import node_placement
from mnistbench.runtime.session import create_session, onnxruntime_errors

RUNS = 200
"""That count; fewer where they take too long or have too many nodes."""

FEWEST_RUNS = 5

WARMUP_RUNS = 20

MOST_EVENTS = 40_000
"""Of nodes, in the runs that count: what a profile may have in bytes is several times as much."""

_NANO = 1_000_000_000


def profile_once(request: Request, images: Images | None, clock: Clock) -> Profile:
    """Run a model in the mode ``e2e`` under onnxruntime's profiler.

    Args:
        request: What to run; its plan says how long warm-up and runs may take.
        images: uint8 of shape ``(n, 28, 28)`` or ``(n, 1, 28, 28)`` for a model that reads digits.
        clock: The time source.

    Raises:
        ModelError: When the model fails, or the profile is damaged.
        ProviderError: When the device cannot be used, or has not enough memory.
        InputError: When there is nothing to draw inputs from.
    """
    device = resolve_device(request.device, request.provider)
    try:
        workload = make_workload(request.inputs, request.batch_size, images, request.seed)
        with tempfile.TemporaryDirectory(prefix="mnistbench-") as folder:
            session = create_session(
                request.path,
                device,
                request.settings,
                allow_external_data=request.allow_external_data,
                profile_prefix=Path(folder) / "profile",
            )
            nodes = max(1, sum(node_placement(session).values()))
            runs = max(FEWEST_RUNS, min(RUNS, MOST_EVENTS // nodes))
            _run(session, workload, min(WARMUP_RUNS, runs), request.plan.max_warmup_seconds, clock)
            done = _run(session, workload, runs, request.plan.max_seconds, clock)
            return read_profile(Path(session.end_profiling()), done)
    except MnistbenchError:  # some are ValueErrors too
        raise
    except onnxruntime_errors() as error:
        raise request.failure(error, device) from error


def _run(session: Any, workload: Workload, most: int, seconds: float, clock: Clock) -> int:
    """Run so many times, or until the time is over; how often it was."""
    outputs, feeds = list(workload.outputs), [dict(feed) for feed in workload.feeds]
    start = clock.now_ns()
    done = 0
    while done < most and (done < FEWEST_RUNS or clock.now_ns() - start < seconds * _NANO):
        session.run(outputs, feeds[done % len(feeds)])
        done += 1
    return done
