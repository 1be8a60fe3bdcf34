"""Records of runs that never ran, for tests of tables, claims and pictures."""

from __future__ import annotations

import random
from collections.abc import Iterable

from mnistbench.catalog import NETWORKS, find
from mnistbench.published import environment_key
from mnistbench.results import Environment, RunRecord

ENVIRONMENT = Environment("3.11.7", "Linux", "CPU", ("avx2",), 2, None, ({"index": 0, "name": "GPU"},), {"torch": "2"})


def record(
    name: str = "16-10", num_errors: int = 400, *, recipe: str = "default", seed: int = 0, **changes
) -> RunRecord:
    paper = recipe == "paper"
    curve = tuple(changes.pop("epoch_errors", (min(num_errors * 3, 10_000), min(num_errors * 2, 10_000), num_errors)))
    values = {
        "name": name,
        "recipe": recipe,
        "seed": seed,
        "epochs": len(curve),
        "batch_size": 128,
        "learning_rate": 0.001,
        "max_shift": 0,
        "dropout": find(name).spec.dropout,
        "selection": "best_on_test" if paper else "last",
        "selected_epoch": len(curve),
        "num_errors": num_errors,
        "num_images": 10_000,
        "epoch_errors": curve,
        "epoch_losses": (0.5,) * len(curve),
        "epoch_seconds": 1.25,
        "device": "cpu",
        "precision": "float32",
        "num_threads": 2,
        "dataset": "mnist",
        "job": f"{recipe}{seed}",
        "weights_sha256": "ab" * 32,
        "environment": environment_key(ENVIRONMENT),
    }
    return RunRecord(**(values | changes))


def seeds(name: str, errors: Iterable[int], recipe: str = "default", **changes) -> list[RunRecord]:
    """One record a seed."""
    return [record(name, count, recipe=recipe, seed=seed, **changes) for seed, count in enumerate(errors)]


def whole_paper(num_seeds: int = 3, *, better: float = 0.9) -> list[RunRecord]:
    """All 29 networks with both recipes: the default a share of the paper's errors, the paper's own around them."""
    noise = random.Random(0)
    runs = []
    for network in NETWORKS:
        published = network.paper.error * 10_000
        for recipe, share, epochs in (("default", better, 20), ("paper", 1.0, 15)):
            for seed in range(num_seeds):
                final = round(published * share * noise.uniform(0.94, 1.06))
                curve = [round(final * (1 + 3 / epoch**1.3) * noise.uniform(0.97, 1.1)) for epoch in range(1, epochs)]
                runs.append(record(network.name, final, recipe=recipe, seed=seed, epoch_errors=[*curve, final]))
    return runs
