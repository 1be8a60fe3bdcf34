"""MNIST and datasets in its format: found, verified, decoded, split; numpy only.

Knows nothing of networks, of training or of how anything is shown.
"""

from __future__ import annotations

from mnistbench.data.dataset import Dataset, default_cache_dir, load_dataset
from mnistbench.data.locate import DataLocation, FileState, locate
from mnistbench.data.sources import MIRRORS, MNIST, DataFile, DatasetFiles
from mnistbench.data.split import split_validation

__all__ = [
    "MIRRORS",
    "MNIST",
    "DataFile",
    "DataLocation",
    "Dataset",
    "DatasetFiles",
    "FileState",
    "default_cache_dir",
    "load_dataset",
    "locate",
    "split_validation",
]
