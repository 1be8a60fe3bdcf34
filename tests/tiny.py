"""A dataset and jobs so small that a whole training takes milliseconds; needs neither torch nor onnx."""

from __future__ import annotations

from typing import Any

import numpy as np

from mnistbench.catalog import find
from mnistbench.data.dataset import Dataset
from mnistbench.training.job import Job, make_job
from mnistbench.training.recipes import find_recipe

DENSE = "8-10-dropout0.5"
CONVOLUTIONAL = "2-P-4-P-8-10-dropout0.25"


def make_dataset(num_train: int = 300, num_test: int = 100, *, noise: float = 90.0) -> Dataset:
    """Ten blurred patterns under noise: learnable in a few epochs, but not without errors."""
    generator = np.random.default_rng(5)
    patterns = generator.uniform(0, 255, (10, 7, 7)).repeat(4, axis=1).repeat(4, axis=2)

    def part(count: int) -> tuple[np.ndarray, np.ndarray]:
        labels = np.arange(count, dtype=np.int64) % 10
        images = patterns[labels] + generator.normal(0, noise, (count, 28, 28))
        return images.clip(0, 255).astype(np.uint8), labels

    return Dataset("tiny", "7" * 64, "drawn", *part(num_train), *part(num_test))


def tiny_job(text: str = DENSE, recipe: str = "default", **changes: Any) -> Job:
    """A job of three epochs on the CPU in float32, for the dataset above."""
    settings = {"epochs": 3, "batch_size": 100, "device": "cpu", "precision": "float32", "learning_rate": 0.01}
    return make_job(find(text), find_recipe(recipe), dataset="tiny", dataset_sha256="7" * 64, **(settings | changes))
