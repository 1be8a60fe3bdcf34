"""Where the data is and in what state, found out without fetching anything.

Knows nothing of how the answer is shown.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mnistbench.data.dataset import default_cache_dir, name_of_folder
from mnistbench.data.folder import find_file, read_file
from mnistbench.data.idx import decode_images, decode_labels
from mnistbench.data.sources import MNIST, DataFile, DatasetFiles
from mnistbench.errors import DataError

State = Literal["verified", "readable", "damaged", "missing"]


@dataclass(frozen=True)
class FileState:
    """One of the four files as it lies on disk.

    Attributes:
        name: File name without ``.gz``.
        path: Where it is; for a missing one, where it was looked for.
        state: ``verified`` has the published hash; ``readable`` is another
            dataset's file in the right format; ``damaged`` and ``missing`` cannot be used.
        size_bytes: Decompressed; ``None`` when it cannot be read.
        sha256: Of the decompressed bytes; ``None`` when it cannot be read.
        problem: What is wrong with a damaged file, else ``None``.
    """

    name: str
    path: Path
    state: State
    size_bytes: int | None = None
    sha256: str | None = None
    problem: str | None = None


@dataclass(frozen=True)
class DataLocation:
    """A folder that data is taken from.

    Attributes:
        folder: The user's folder, or the cache.
        is_cache: Whether it is the cache, whose missing or damaged files are fetched when data is loaded.
        files: The four, in the order of :class:`mnistbench.data.sources.DatasetFiles`.
        name: Of the dataset; ``None`` unless all four can be used.
        sha256: One hash for the four; ``None`` unless all can be used.
    """

    folder: Path
    is_cache: bool
    files: tuple[FileState, ...]
    name: str | None
    sha256: str | None

    @property
    def complete(self) -> bool:
        """Whether data can be loaded from here as it is."""
        return all(file.state in ("verified", "readable") for file in self.files)

    @property
    def verified(self) -> bool:
        """Whether every file has the published hash."""
        return all(file.state == "verified" for file in self.files)


def locate(data_dir: Path | None = None, *, cache_dir: Path | None = None, files: DatasetFiles = MNIST) -> DataLocation:
    """Look at the files that :func:`mnistbench.data.dataset.load_dataset` would read first.

    Args:
        data_dir: The user's folder; ``None`` looks into the cache.
        cache_dir: The cache; ``None`` takes :func:`default_cache_dir`.
        files: The published dataset to compare with.

    Raises:
        DataError: When the system does not say where the cache is.
    """
    is_cache = data_dir is None
    folder = Path(data_dir) if data_dir is not None else Path(cache_dir or default_cache_dir())
    states = tuple(_inspect(folder, file, must_match=is_cache) for file in files)
    hashes = {state.name: state.sha256 for state in states if state.sha256 is not None and state.problem is None}
    complete = len(hashes) == len(states)
    return DataLocation(
        folder=folder,
        is_cache=is_cache,
        files=states,
        name=name_of_folder(folder, files, hashes) if complete else None,
        sha256=files.combined_sha256(hashes) if complete else None,
    )


def _inspect(folder: Path, file: DataFile, *, must_match: bool) -> FileState:
    # The cache holds plain files under their own names; a user's folder may spell and compress them.
    plain = folder / file.name
    path = find_file(folder, file.name)
    if path is None or (must_match and path != plain):
        return FileState(file.name, plain, "missing")
    try:
        content = read_file(path, max_bytes=file.max_bytes)
    except DataError as error:
        return FileState(file.name, path, "damaged", problem=str(error))
    state: State = "verified"
    problem = None
    digest = hashlib.sha256(content).hexdigest()
    if digest != file.sha256:
        try:
            if must_match:
                file.verify(content)
            decode_images(content) if file.holds == "images" else decode_labels(content)
            state = "readable"
        except DataError as error:
            state, problem = "damaged", f"{path} {error}"
    return FileState(file.name, path, state, len(content), digest, problem)
