"""Holding out training images, so that the test images need not choose anything.

Knows nothing of what the held-out images are used for.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from mnistbench.data.dataset import Dataset
from mnistbench.errors import DataError


def split_validation(dataset: Dataset, num_images: int = 10_000, *, seed: int = 0) -> Dataset:
    """Make a dataset whose test part is training images that it no longer trains on.

    Hyper-parameters chosen on it leave the real test images untouched.

    Args:
        dataset: What to split; its own test part is left out of the result.
        num_images: How many to hold out; a random choice, not a stratified one.
        seed: Of that choice: the same seed holds out the same images.

    Returns:
        A dataset with the same name and hash (the files are the same) whose
        ``evaluated_on`` says ``validation``. Images keep their order.

    Raises:
        DataError: When ``num_images`` leaves nothing on either side.
    """
    total = len(dataset.train_images)
    if not 1 <= num_images < total:
        raise DataError(f"cannot hold out {num_images} of {total} training images; choose from 1 to {total - 1}")
    order = np.random.default_rng(seed).permutation(total)
    held_out, kept = np.sort(order[:num_images]), np.sort(order[num_images:])
    return dataclasses.replace(
        dataset,
        source=f"{dataset.source}; {num_images} training images held out with seed {seed}",
        train_images=dataset.train_images[kept],
        train_labels=dataset.train_labels[kept],
        test_images=dataset.train_images[held_out],
        test_labels=dataset.train_labels[held_out],
        evaluated_on="validation",
    )
