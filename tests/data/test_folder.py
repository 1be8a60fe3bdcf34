from __future__ import annotations

import gzip
import os
import sys

import pytest

from mnistbench.data.folder import GZIP_SLACK_BYTES, find_file, read_file, unpack
from mnistbench.errors import DataError


@pytest.mark.parametrize(
    "spelling",
    [
        "t10k-labels-idx1-ubyte",
        "t10k-labels.idx1-ubyte",
        "t10k-labels-idx1-ubyte.gz",
        "t10k-labels.idx1-ubyte.gz",
    ],
)
def test_usual_spellings_are_found(tmp_path, spelling):
    (tmp_path / spelling).write_bytes(b"x")
    assert find_file(tmp_path, "t10k-labels-idx1-ubyte") == tmp_path / spelling


def test_the_plain_file_comes_first(tmp_path):
    for suffix in ("", ".gz"):
        (tmp_path / f"t10k-labels-idx1-ubyte{suffix}").write_bytes(b"x")
    assert find_file(tmp_path, "t10k-labels-idx1-ubyte") == tmp_path / "t10k-labels-idx1-ubyte"


def test_folders_and_absent_files_are_not_found(tmp_path):
    (tmp_path / "t10k-labels-idx1-ubyte").mkdir()
    assert find_file(tmp_path, "t10k-labels-idx1-ubyte") is None
    assert find_file(tmp_path / "absent", "t10k-labels-idx1-ubyte") is None


@pytest.mark.skipif(sys.platform == "win32", reason="no named pipes in the file system")
def test_a_pipe_is_not_found_and_so_never_waited_for(tmp_path):
    os.mkfifo(tmp_path / "t10k-labels-idx1-ubyte")
    assert find_file(tmp_path, "t10k-labels-idx1-ubyte") is None


@pytest.mark.parametrize("name", ["plain", "packed.gz", "packed"])
def test_content_decides_what_is_decompressed(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(gzip.compress(b"content") if "packed" in name else b"content")
    assert read_file(path, max_bytes=7) == b"content"


def test_a_file_that_is_too_long_is_refused(tmp_path):
    path = tmp_path / "long"
    path.write_bytes(bytes(3 * GZIP_SLACK_BYTES))
    with pytest.raises(DataError, match=r"long is longer than the 100 bytes"):
        read_file(path, max_bytes=100)


def test_an_unreadable_file_is_a_data_error(tmp_path):
    with pytest.raises(DataError, match="absent cannot be read: No such file"):
        read_file(tmp_path / "absent", max_bytes=100)


def test_incompressible_content_at_the_limit_fits_its_slack():
    content = os.urandom(200_000)
    packed = gzip.compress(content, 0)
    assert len(packed) <= len(content) + GZIP_SLACK_BYTES
    assert unpack(packed, max_bytes=len(content)) == content
