from __future__ import annotations

import gzip
import hashlib
import io
import os
import sys
import tarfile

import pytest

from mnistbench.demo import vendored
from mnistbench.demo.vendored import FILES, PACKAGE, VendoredFile, fetch_from_npm, vendored_files
from mnistbench.embed.pins import NPM_ONNXRUNTIME
from mnistbench.errors import PackageError

SCRIPT, BINARY = b"export const it = 1;\n", b"\0asm" * 50


def described(name, content):
    return VendoredFile(name, len(content), hashlib.sha256(content).hexdigest())


TWO = (described("a.mjs", SCRIPT), described("b.wasm", BINARY))
STORED = {"a.mjs": SCRIPT, "b.wasm.gz": gzip.compress(BINARY)}


def write(folder, contents):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return folder


def refuse(files):
    raise PackageError(f"asked for {[file.name for file in files]}")


@pytest.fixture
def npm(tmp_path, monkeypatch):
    """Put an ``npm`` with the given shell line in front of the PATH."""
    if sys.platform == "win32":
        pytest.skip("the stand-in for npm is a shell script")

    def install(line):
        program = write(tmp_path / "bin", {"npm": f"#!/bin/sh\n{line}\n".encode()}) / "npm"
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")

    return install


def tarball(path, contents):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def integrity(path):
    import base64

    return f"sha512-{base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()}"


def test_the_pin_is_that_of_the_kits():
    assert f"onnxruntime-web@{NPM_ONNXRUNTIME}" == PACKAGE
    assert [file.stored.endswith(".gz") for file in FILES] == [file.name.endswith(".wasm") for file in FILES]


def test_what_the_package_carries_comes_first(tmp_path):
    carried = write(tmp_path / "carried", STORED)
    found = vendored_files(TWO, carried=carried, cache_dir=tmp_path / "none", fetch=refuse)
    assert found == STORED
    assert not (tmp_path / "none").exists()


def test_the_cache_completes_and_replaces_what_is_damaged(tmp_path):
    carried = write(tmp_path / "carried", {"a.mjs": SCRIPT + b"//", "b.wasm.gz": STORED["b.wasm.gz"]})
    cache = write(tmp_path / "cache", {"a.mjs": SCRIPT})
    assert vendored_files(TWO, carried=carried, cache_dir=cache, fetch=refuse) == STORED


@pytest.mark.parametrize(
    "content",
    [b"", b"no gzip", gzip.compress(BINARY)[:-30], gzip.compress(b"x" * 50_000_000), gzip.compress(BINARY[:-1] + b"?")],
    ids=["empty", "other", "cut", "bomb", "changed"],
)
def test_a_damaged_file_is_fetched_anew_and_kept(tmp_path, npm, content):
    npm("exit 0")
    cache = write(tmp_path / "cache", {"a.mjs": SCRIPT, "b.wasm.gz": content})
    said = []
    found = vendored_files(
        TWO,
        carried=tmp_path / "none",
        cache_dir=cache,
        fetch=lambda files: {file.stored: STORED[file.stored] for file in files},
        on_progress=said.append,
    )
    assert found == STORED
    assert (cache / "b.wasm.gz").read_bytes() == STORED["b.wasm.gz"]
    assert PACKAGE in said[0]


def test_without_npm_the_next_step_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        PackageError, match=r"npm is not on the PATH; install npm .* or install mnistbench from a wheel"
    ):
        vendored_files(TWO, carried=tmp_path / "none", cache_dir=tmp_path / "cache")


def test_files_come_out_of_npms_tarball(tmp_path, npm, monkeypatch):
    source = tarball(tmp_path / "source.tgz", {"package/dist/a.mjs": SCRIPT, "package/dist/b.wasm": BINARY})
    monkeypatch.setattr(vendored, "INTEGRITY", integrity(source))
    npm(f"cp {source} it.tgz")
    found = fetch_from_npm(TWO)
    assert found["a.mjs"] == SCRIPT
    assert gzip.decompress(found["b.wasm.gz"]) == BINARY


@pytest.mark.parametrize(
    "contents",
    [{"package/dist/a.mjs": SCRIPT}, {"package/dist/a.mjs": SCRIPT, "package/dist/b.wasm": BINARY[:-1] + b"?"}],
    ids=["missing", "changed"],
)
def test_other_files_in_the_tarball_are_refused(tmp_path, npm, monkeypatch, contents):
    source = tarball(tmp_path / "source.tgz", contents)
    monkeypatch.setattr(vendored, "INTEGRITY", integrity(source))
    npm(f"cp {source} it.tgz")
    with pytest.raises(PackageError, match=r"has no package/dist/b\.wasm, or another one"):
        fetch_from_npm(TWO)


def test_another_tarball_is_not_opened(tmp_path, npm):
    source = tarball(tmp_path / "source.tgz", {"package/dist/a.mjs": SCRIPT, "package/dist/b.wasm": BINARY})
    npm(f"cp {source} it.tgz")
    with pytest.raises(PackageError, match="brought another"):
        fetch_from_npm(TWO)


def test_an_npm_that_fails_is_quoted(tmp_path, npm):
    npm("echo 'npm error code E404' >&2; exit 1")
    with pytest.raises(PackageError, match=r"E404; install npm"):
        vendored_files(TWO, carried=tmp_path / "none", cache_dir=tmp_path / "cache")


def test_a_cache_that_cannot_be_written_is_no_reason_to_fail(tmp_path, npm):
    npm("exit 0")
    (tmp_path / "cache").write_text("a file")
    fetch = lambda files: dict(STORED)  # noqa: E731
    assert vendored_files(TWO, carried=tmp_path / "none", cache_dir=tmp_path / "cache", fetch=fetch) == STORED


def test_a_user_without_a_cache_keeps_nothing(homeless, tmp_path, npm, monkeypatch):
    monkeypatch.chdir(tmp_path)
    npm("exit 0")
    carried = write(tmp_path / "carried", STORED)
    assert vendored_files(TWO, carried=carried, fetch=refuse) == STORED
    fetched = vendored_files(TWO, carried=tmp_path / "none", fetch=lambda files: dict(STORED))
    assert fetched == STORED
    assert {path.name for path in tmp_path.iterdir()} == {"bin", "carried"}
    with pytest.raises(PackageError, match=r"nor in a cache, which this user has none of: asked for .*; install npm"):
        vendored_files(TWO, carried=tmp_path / "none", fetch=refuse)
