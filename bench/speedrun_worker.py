"""A process that trains to 99% and tests, once for each line it reads; each time with the next seed.

Counted as the published script counts: from an untrained network to the test
errors, with the data already in memory.

Usage: python bench/speedrun_worker.py published|ours [--once SEED]
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable
from typing import Any

from worker import serve

from mnistbench.data import load_dataset

TrainAndTest = Callable[[int], int]
"""Takes a seed and returns the errors on the 10,000 test images."""


def published() -> TrainAndTest:
    """The baseline, its data prepared."""
    from speedrun_baseline import PreparedData, train_and_test

    data = PreparedData(load_dataset())
    return lambda seed: train_and_test(data, seed)


def ours() -> TrainAndTest:
    """The recipe ``speedrun`` with the network it is made for."""
    import torch

    from mnistbench import catalog
    from mnistbench.training.hardware import choose_device, choose_num_threads, choose_precision, keep_freed_memory
    from mnistbench.training.job import make_job
    from mnistbench.training.loop import Trainer
    from mnistbench.training.recipes import SPEEDRUN, SPEEDRUN_NETWORK

    keep_freed_memory()
    dataset, network, device = load_dataset(), catalog.find(SPEEDRUN_NETWORK), choose_device("cpu")
    torch.set_num_threads(choose_num_threads(network.spec, torch.get_num_threads()))

    def train_and_test(seed: int) -> int:
        job = make_job(
            network,
            SPEEDRUN,
            dataset=dataset.name,
            dataset_sha256=dataset.sha256,
            device="cpu",
            precision=choose_precision(network.spec, device),
            seed=seed,
        )
        trainer = Trainer(job, dataset, device)
        for epoch in range(1, job.epochs + 1):
            trainer.run_epoch(epoch)
        return trainer.evaluate()

    return train_and_test


def main() -> None:
    """Serve runs until the input ends, or do one for the measurement of a cold process."""
    train_and_test = {"published": published, "ours": ours}[sys.argv[1]]()
    if sys.argv[2:3] == ["--once"]:
        print(train_and_test(int(sys.argv[3])))
        return
    seeds = itertools.count()

    def run() -> dict[str, Any]:
        begin = time.perf_counter()
        errors = train_and_test(next(seeds))
        return {"seconds": time.perf_counter() - begin, "errors": errors}

    serve(run, sys.stdin)


if __name__ == "__main__":
    main()
