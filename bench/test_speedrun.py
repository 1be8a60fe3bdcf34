"""The recipe ``speedrun`` beside the published 99% script, the two taking turns in one run.

Ten seeds each. ``process`` counts a whole cold process: start, imports, reading
the data, training, answer.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import mean, median
from typing import Any

import pytest
from worker import Worker

SEEDS = 10
COLD_PROCESSES = 3
TEST_IMAGES = 10_000


@pytest.fixture
def workers() -> Iterator[tuple[Worker, Worker]]:
    published, ours = (Worker("speedrun_worker.py", each) for each in ("published", "ours"))
    try:
        yield published, ours
    finally:
        published.close()
        ours.close()


def test_training_and_testing(workers: tuple[Worker, Worker], benchmark: Any, ratios: list[dict[str, Any]]) -> None:
    published, ours = workers
    errors: dict[Worker, list[int]] = {published: [], ours: []}

    def turn(worker: Worker) -> None:
        errors[worker].append(worker.work()["errors"])

    benchmark.pedantic(turn, (ours,), setup=lambda: turn(published), rounds=SEEDS, iterations=1)
    row = {
        "name": "99%: train and test",
        "baseline_seconds": median(published.seconds),
        "ours_seconds": median(ours.seconds),
        "ratio": median(published.seconds) / median(ours.seconds),
        "baseline_peak_bytes": published.peak_bytes,
        "ours_peak_bytes": ours.peak_bytes,
        "baseline_rounds_seconds": published.seconds,
        "ours_rounds_seconds": ours.seconds,
        "baseline_accuracy": 1 - mean(errors[published]) / TEST_IMAGES,
        "ours_accuracy": 1 - mean(errors[ours]) / TEST_IMAGES,
        "baseline_errors": errors[published],
        "ours_errors": errors[ours],
    }
    benchmark.extra_info.update(row)
    ratios.append(row)
    assert row["ours_accuracy"] >= 0.99


def test_a_whole_cold_process(benchmark: Any, ratios: list[dict[str, Any]]) -> None:
    seconds: dict[str, list[float]] = {"published": [], "ours": []}
    seeds = iter(range(2 * COLD_PROCESSES))

    def turn(implementation: str) -> None:
        script = str(Path(__file__).with_name("speedrun_worker.py"))
        begin = time.perf_counter()
        subprocess.run(
            [sys.executable, script, implementation, "--once", str(next(seeds))], check=True, stdout=subprocess.PIPE
        )
        seconds[implementation].append(time.perf_counter() - begin)

    benchmark.pedantic(turn, ("ours",), setup=lambda: turn("published"), rounds=COLD_PROCESSES, iterations=1)
    row = {
        "name": "99%: whole process",
        "baseline_seconds": median(seconds["published"]),
        "ours_seconds": median(seconds["ours"]),
        "ratio": median(seconds["published"]) / median(seconds["ours"]),
        "baseline_rounds_seconds": seconds["published"],
        "ours_rounds_seconds": seconds["ours"],
    }
    benchmark.extra_info.update(row)
    ratios.append(row)
