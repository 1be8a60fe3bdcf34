"""The training runs that ``train`` and ``reproduce`` stand for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mnistbench.catalog import Network
from mnistbench.data.dataset import Dataset
from mnistbench.training.hardware import TorchDevice, choose_precision
from mnistbench.training.job import Job, make_job
from mnistbench.training.recipes import find_recipe


def make_jobs(
    networks: Iterable[Network], recipe: str, dataset: Dataset, device: TorchDevice, **given: Any
) -> list[Job]:
    """One run for each network, in order.

    Args:
        networks: What to train.
        recipe: Name of the recipe.
        dataset: What to train on; says itself whether test or validation images are held out.
        device: Where to train; decides the precision.
        given: Options of :func:`mnistbench.training.job.make_job`, such as ``epochs`` and ``seed``.

    Raises:
        TrainingError: When an option is out of range.
    """
    return [
        make_job(
            network,
            find_recipe(recipe),
            dataset=dataset.name,
            dataset_sha256=dataset.sha256,
            device=device.type,
            precision=choose_precision(network.spec, device),
            evaluated_on=dataset.evaluated_on,
            **given,
        )
        for network in networks
    ]
