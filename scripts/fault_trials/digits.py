"""A folder of digits described as a published dataset is, by sizes and hashes."""

from __future__ import annotations

import hashlib
from pathlib import Path

from mnistbench.data import DataFile, DatasetFiles

NAMES = tuple(f"{part}-{what}-ubyte" for part in ("train", "t10k") for what in ("images-idx3", "labels-idx1"))


def described(folder: Path) -> DatasetFiles:
    """What the four files in a folder must be."""
    contents = {name: (folder / name).read_bytes() for name in NAMES}
    return DatasetFiles(
        "mnist",
        *(
            DataFile(
                name,
                "images" if "images" in name else "labels",
                len(content),
                hashlib.sha256(content).hexdigest(),
            )
            for name, content in contents.items()
        ),
    )
