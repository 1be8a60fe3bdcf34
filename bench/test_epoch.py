"""An epoch of ours beside the plain PyTorch loop, alternating in one run.

Two processes take turns, so that whatever else the machine does meets both.
Large networks train on a part of the images; seconds are scaled to 60,000.
``MNISTBENCH_BENCH_IMAGES=60000`` trains on all of them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import pytest

IMAGES_IN_AN_EPOCH = 60_000
ROUNDS = 5

NETWORKS = [("128-10", 60_000), ("32-P-32-P-100-50-10", 128 * 80), ("32-32-P-64-64-P-256-128-64-10", 128 * 30)]
"""Each with the images it trains on: enough steps for a stable figure in a few seconds."""


class Worker:
    """A training process of one implementation; asked for one epoch at a time."""

    def __init__(self, implementation: str, network: str, num_images: int) -> None:
        script = Path(__file__).with_name("epoch_worker.py")
        command = [sys.executable, str(script), implementation, network, str(num_images)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.scale = IMAGES_IN_AN_EPOCH / num_images
        self.seconds: list[float] = []
        self.peak_bytes = 0

    def epoch(self) -> None:
        """Train once and note the time, scaled to a whole epoch."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        self.seconds.append(answer["seconds"] * self.scale)
        self.peak_bytes = answer["peak_bytes"]

    def close(self) -> None:
        """End the process."""
        self.process.communicate(timeout=60)


@pytest.fixture(params=NETWORKS, ids=lambda entry: entry[0])
def workers(request: pytest.FixtureRequest) -> Iterator[tuple[str, Worker, Worker]]:
    name, num_images = request.param
    num_images = int(os.environ.get("MNISTBENCH_BENCH_IMAGES", num_images))
    plain, ours = Worker("plain", name, num_images), Worker("ours", name, num_images)
    try:
        for worker in (plain, ours):  # the first epoch allocates and is not counted
            worker.epoch()
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
    benchmark.pedantic(ours.epoch, setup=plain.epoch, rounds=ROUNDS, iterations=1)
    row = {
        "name": f"epoch of {name}",
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
