"""The training runs that ``train`` and ``reproduce`` stand for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from mnistbench.catalog import Network
from mnistbench.data.dataset import Dataset, load_dataset
from mnistbench.data.split import split_validation
from mnistbench.spec import NetworkSpec
from mnistbench.training.hardware import TorchDevice, choose_precision
from mnistbench.training.job import Job, Precision, make_job
from mnistbench.training.recipes import find_recipe


def make_jobs(
    networks: Iterable[Network],
    recipe: str,
    dataset: Dataset,
    device: TorchDevice,
    *,
    seed: int = 0,
    seeds: Iterable[int] | None = None,
    choose_precisions: Callable[[Sequence[NetworkSpec]], Sequence[Precision]] | None = None,
    **given: Any,
) -> list[Job]:
    """One run for each network and seed: every network with the first seed, then with the next.

    So a sweep that is interrupted has whole seeds.

    Args:
        networks: What to train.
        recipe: Name of the recipe.
        dataset: What to train on; says itself whether test or validation images are held out.
        device: Where to train; decides the precision.
        seed: Of all runs.
        seeds: In place of ``seed``: each gives every network once.
        choose_precisions: The precision for each network, where it is not ``device`` of this machine that decides.
        given: Further options of :func:`mnistbench.training.job.make_job`, such as ``epochs``.

    Raises:
        TrainingError: When an option is out of range.
    """
    networks = tuple(networks)
    specs = [network.spec for network in networks]
    chosen = choose_precisions(specs) if choose_precisions else [choose_precision(spec, device) for spec in specs]
    precisions = list(zip(networks, chosen, strict=True))
    return [
        make_job(
            network,
            find_recipe(recipe),
            dataset=dataset.name,
            dataset_sha256=dataset.sha256,
            device=device.type,
            precision=precision,
            evaluated_on=dataset.evaluated_on,
            seed=one,
            **given,
        )
        for one in ((seed,) if seeds is None else seeds)
        for network, precision in precisions
    ]


def load_images(data_dir: Path | None, *, validation: bool) -> Dataset:
    """The dataset as a process of its own loads it, which this one has already found whole.

    Args:
        data_dir: Folder with the four files, or ``None`` for the user's cache.
        validation: Hold out training images and evaluate on them instead.

    Raises:
        DataError: When it has gone meanwhile.
    """
    dataset = load_dataset(data_dir)
    return split_validation(dataset) if validation else dataset
