"""An epoch of ours beside the plain PyTorch loop, alternating in one run.

Two processes take turns, so that whatever else the machine does meets both.
Large networks train on a part of the images; seconds are scaled to 60,000.
``MNISTBENCH_BENCH_IMAGES=60000`` trains on all of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from statistics import median
from typing import Any

import pytest
from worker import Worker

ROUNDS = 5

NETWORKS = [
    ("128-10", 60_000),
    ("32-P-32-P-100-50-10", 128 * 80),
    ("32-32-P-64-64-P-256-128-64-10", 128 * 30),
    ("all", 128 * 10),
]
"""Each network or group with the images it trains on: enough steps for a stable figure in a few seconds."""


@pytest.fixture(params=NETWORKS, ids=lambda entry: entry[0])
def workers(request: pytest.FixtureRequest) -> Iterator[tuple[str, Worker, Worker]]:
    name, num_images = request.param
    num_images = int(os.environ.get("MNISTBENCH_BENCH_IMAGES", num_images))
    device = request.config.getoption("--device")
    plain, ours = (Worker("epoch_worker.py", each, name, str(num_images), device) for each in ("plain", "ours"))
    try:
        for worker in (plain, ours):  # the first epoch allocates and is not counted
            worker.work()
            worker.seconds.clear()
        yield name, plain, ours
    finally:
        plain.close()
        ours.close()


def test_epoch_against_the_plain_loop(
    workers: tuple[str, Worker, Worker], benchmark: Any, ratios: list[dict[str, Any]]
) -> None:
    name, plain, ours = workers
    # The set-up of each round is the baseline's turn, which pytest-benchmark does not time.
    benchmark.pedantic(ours.turn, setup=plain.turn, rounds=ROUNDS, iterations=1)
    row = {
        "name": "epoch of each of the 29 networks" if name == "all" else f"epoch of {name}",
        "baseline_seconds": median(plain.seconds),
        "ours_seconds": median(ours.seconds),
        "ratio": median(plain.seconds) / median(ours.seconds),
        "baseline_peak_bytes": plain.peak_bytes,
        "ours_peak_bytes": ours.peak_bytes,
        "baseline_rounds_seconds": plain.seconds,
        "ours_rounds_seconds": ours.seconds,
    }
    benchmark.extra_info.update(row)
    ratios.append(row)
