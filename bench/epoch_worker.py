"""A process that trains one epoch for each line it reads, with one implementation.

A group of networks gives the sum over its networks. Seconds are scaled to
60,000 images when it trains on fewer.

Usage: python bench/epoch_worker.py plain|ours NETWORK|GROUP NUM_IMAGES DEVICE
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable

from worker import serve

from mnistbench import catalog
from mnistbench.catalog import Network
from mnistbench.data import Dataset, load_dataset

IMAGES_IN_AN_EPOCH = 60_000


def make_epoch(implementation: str, network: Network, dataset: Dataset, on: str) -> Callable[[], float]:
    """A function that trains one epoch and returns its seconds."""
    if implementation == "plain":
        from plain_loop import PlainTrainer

        return PlainTrainer(network.spec, dataset.train_images, dataset.train_labels, on).run_epoch

    import torch

    from mnistbench.training.hardware import (
        choose_device,
        choose_num_threads,
        choose_precision,
        keep_freed_memory,
        use_threads,
    )
    from mnistbench.training.job import make_job
    from mnistbench.training.loop import Trainer
    from mnistbench.training.recipes import DEFAULT

    keep_freed_memory()
    device = choose_device(on)
    threads = choose_num_threads(network.spec, torch.get_num_threads())
    job = make_job(
        network,
        DEFAULT,
        dataset=dataset.name,
        dataset_sha256=dataset.sha256,
        device=device.type,
        precision=choose_precision(network.spec, device),
        epochs=1000,
    )
    trainer = Trainer(job, dataset, device)
    epochs = iter(range(1, 1000))

    def run_epoch() -> float:
        with use_threads(threads):
            return trainer.run_epoch(next(epochs), lambda *_: None)[1]

    return run_epoch


def main() -> None:
    """Serve epochs until the input ends."""
    implementation, name, num_images, on = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    dataset = load_dataset()
    dataset = dataclasses.replace(
        dataset, train_images=dataset.train_images[:num_images], train_labels=dataset.train_labels[:num_images]
    )
    epochs = [make_epoch(implementation, network, dataset, on) for network in catalog.resolve([name])]
    scale = IMAGES_IN_AN_EPOCH / num_images
    serve(lambda: {"seconds": sum(run_epoch() for run_epoch in epochs) * scale}, sys.stdin)


if __name__ == "__main__":
    main()
