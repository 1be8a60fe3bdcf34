from __future__ import annotations

import pytest

from mnistbench.data import locate

TEST_LABELS = "t10k-labels-idx1-ubyte"


def states(location):
    return [file.state for file in location.files]


def test_an_empty_cache(tiny, tmp_path):
    location = locate(cache_dir=tmp_path / "cache", files=tiny.files)
    assert states(location) == ["missing"] * 4
    assert (location.complete, location.verified, location.name, location.sha256) == (False, False, None, None)
    assert location.is_cache
    assert location.files[0].path == tmp_path / "cache" / "train-images-idx3-ubyte"
    assert not (tmp_path / "cache").exists()


def test_an_intact_cache(tiny, tmp_path):
    location = locate(cache_dir=tiny.write(tmp_path / "cache"), files=tiny.files)
    assert states(location) == ["verified"] * 4
    assert (location.complete, location.verified, location.name) == (True, True, "mnist")
    assert location.sha256 == tiny.files.combined_sha256()
    for file, expected in zip(location.files, tiny.files, strict=True):
        assert (file.name, file.size_bytes, file.sha256) == (expected.name, expected.size_bytes, expected.sha256)


def test_in_the_cache_another_dataset_is_damage(tiny, other, tmp_path):
    location = locate(cache_dir=other.write(tmp_path / "cache"), files=tiny.files)
    assert states(location) == ["damaged"] * 4
    assert location.name is None
    assert "has the SHA-256" in location.files[0].problem


def test_in_a_users_folder_it_is_readable(tiny, other, tmp_path):
    folder = other.write(tmp_path / "fashion-mnist", compress=True)
    location = locate(folder, files=tiny.files)
    assert states(location) == ["readable"] * 4
    assert (location.complete, location.verified, location.name) == (True, False, "fashion-mnist")
    assert not location.is_cache
    assert location.files[3].path == folder / f"{TEST_LABELS}.gz"
    assert location.files[3].size_bytes == 28


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"neither", "only 7 bytes"), (b"\x1f\x8bnot gzip", "not valid gzip"), (bytes(400_000), "longer than")],
)
def test_damage_is_named(tiny, tmp_path, content, problem):
    folder = tiny.write(tmp_path / "mine")
    (folder / TEST_LABELS).write_bytes(content)
    location = locate(folder, files=tiny.files)
    assert states(location) == ["verified", "verified", "verified", "damaged"]
    assert problem in location.files[3].problem
    assert str(folder / TEST_LABELS) in location.files[3].problem
    assert not location.complete
    assert location.sha256 is None


def test_the_cache_has_plain_files_only(tiny, tmp_path):
    location = locate(cache_dir=tiny.write(tmp_path / "cache", compress=True), files=tiny.files)
    assert states(location) == ["missing"] * 4
