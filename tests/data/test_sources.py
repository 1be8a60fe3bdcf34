from __future__ import annotations

import hashlib

import pytest

from mnistbench.data.sources import MIRRORS, MNIST
from mnistbench.errors import DataError


def test_sizes_are_what_60000_and_10000_images_take():
    assert [file.size_bytes for file in MNIST] == [16 + 60_000 * 784, 8 + 60_000, 16 + 10_000 * 784, 8 + 10_000]


def test_hashes_are_sha256():
    assert all(len(bytes.fromhex(file.sha256)) == 32 for file in MNIST)


def test_mirrors_are_https():
    assert all(mirror.startswith("https://") and mirror.endswith("/") for mirror in MIRRORS)


def test_the_combined_hash_is_what_sha256sum_gives():
    # sha256sum train-images-… train-labels-… t10k-images-… t10k-labels-… | sha256sum, with the full names
    assert MNIST.combined_sha256() == "d0a3eec1f5a454401d758fdbf15b9b0163a7034963586d671960c180b97e2c1a"


def test_the_combined_hash_depends_on_every_file():
    hashes = {file.name: file.sha256 for file in MNIST}
    assert MNIST.combined_sha256(hashes) == MNIST.combined_sha256()
    for name in hashes:
        assert MNIST.combined_sha256(hashes | {name: "0" * 64}) != MNIST.combined_sha256()


def test_verify_accepts_only_the_file_itself(tiny):
    content = tiny.contents["t10k-labels-idx1-ubyte"]
    tiny.files.test_labels.verify(content)
    with pytest.raises(DataError, match="bytes long decompressed; expected 28"):
        tiny.files.test_labels.verify(content[:-1])
    changed = content[:-1] + bytes([content[-1] ^ 1])
    with pytest.raises(DataError, match=hashlib.sha256(changed).hexdigest()):
        tiny.files.test_labels.verify(changed)
