"""What times and what profiles requests, each in a fresh process of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from mnistbench.measure.breakdown.profile import Profile
from mnistbench.measure.latency.processes import fresh_processes
from mnistbench.measure.latency.request import Request
from mnistbench.measure.latency.sweep import Runner
from mnistbench.runtime.images import Images

Profiler = Callable[[Request], Profile]
"""Profiles one request, in this process or in another; raises :class:`mnistbench.errors.MnistbenchError`."""


@contextlib.contextmanager
def fresh_runners(images: Images | None) -> Iterator[tuple[Runner, Profiler]]:
    """A pair that times and profiles, and a temporary folder for it.

    Args:
        images: uint8 of shape ``(n, 28, 28)``, which the processes draw inputs from.
    """
    with fresh_processes(images) as processes:

        def profile(request: Request) -> Profile:
            return processes.ask("mnistbench.measure.breakdown.child", request, Profile.from_dict)

        yield processes, profile
