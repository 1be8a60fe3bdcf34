"""Many files at once: all or none."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from mnistbench.embed import folder as folder_module
from mnistbench.embed.folder import write_folder
from mnistbench.errors import ArtifactError

FILES = {"README.md": b"read", "a/b/deep.bin": b"\x00\xff", "a/c.txt": b"c"}


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_new_folder_has_exactly_the_files(tmp_path):
    write_folder(tmp_path / "new" / "kit", FILES)
    assert tree(tmp_path / "new" / "kit") == FILES
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["kit"]


def test_an_empty_folder_is_filled_also_where_the_user_stands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_folder(Path(), FILES)
    assert tree(tmp_path) == FILES
    assert Path("README.md").read_bytes() == b"read"


def test_a_link_to_a_folder_is_followed(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    write_folder(tmp_path / "link", FILES)
    assert (tmp_path / "link").is_symlink()
    assert tree(tmp_path / "real") == FILES


def test_a_folder_in_use_is_refused_unless_forced_and_what_else_is_there_stays(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "README.md").write_text("old")
    with pytest.raises(ArtifactError, match=r"is not empty; .* --force"):
        write_folder(tmp_path, FILES)
    assert tree(tmp_path) == {"mine.txt": b"mine", "README.md": b"old"}
    write_folder(tmp_path, FILES, force=True)
    assert tree(tmp_path) == {"mine.txt": b"mine", **FILES}


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("x")
    for force in (False, True):
        with pytest.raises(ArtifactError, match="is a file; name a new or empty folder"):
            write_folder(tmp_path / "file", FILES, force=force)


@pytest.mark.parametrize(("name", "is_folder"), [("README.md", True), ("a", False), ("a/b", False)])
def test_what_is_in_the_way_is_found_before_anything_is_written(tmp_path, name, is_folder):
    blocked = tmp_path / name
    blocked.parent.mkdir(exist_ok=True)
    blocked.mkdir() if is_folder else blocked.write_text("x")
    with pytest.raises(ArtifactError, match="is in the way of"):
        write_folder(tmp_path, FILES, force=True)
    assert tree(tmp_path) == ({} if is_folder else {name: b"x"})


@pytest.mark.parametrize("failing", range(len(FILES)))
@pytest.mark.parametrize("exists", [False, True])
def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch, failing, exists):
    written = []

    def write_until_full(path, content):
        if len(written) == failing:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        written.append(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    monkeypatch.setattr(folder_module, "atomic_write", write_until_full)
    target = tmp_path / "kit"
    if exists:
        target.mkdir()
    with pytest.raises(OSError, match="No space left") as caught:
        write_folder(target, FILES)
    assert caught.value.filename == str(target)
    assert list(tmp_path.rglob("*")) == ([target] if exists else [])


@pytest.mark.parametrize("failing", range(len(FILES)))
def test_an_error_while_files_are_moved_takes_them_back(tmp_path, monkeypatch, failing):
    replace, moved = os.replace, []

    def replace_until(source, target):
        # Those within the temporary folder are atomic_write's own.
        if ".tmp" not in str(target):
            if len(moved) == failing:
                raise KeyboardInterrupt
            moved.append(target)
        replace(source, target)

    monkeypatch.setattr(os, "replace", replace_until)
    with pytest.raises(KeyboardInterrupt):
        write_folder(tmp_path, FILES)
    assert list(tmp_path.iterdir()) == []
