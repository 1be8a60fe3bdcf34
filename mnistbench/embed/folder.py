"""Writes many files into a folder, all of them or none.

Knows nothing of what is in them.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from mnistbench.errors import ArtifactError
from mnistbench.files import atomic_write, sweep_once, temporary_name


def write_folder(folder: Path, files: Mapping[str, bytes], *, force: bool = False) -> None:
    """Write files into a folder that is new or empty.

    They are written beside their place first, and moved there when all are complete. A new folder appears at once;
    in one that exists each file does.

    Args:
        folder: Made when it is not there.
        files: Content by path in the folder, with ``/`` between its parts.
        force: Whether the folder may have other files, which stay, or older ones of the same names, which are
            replaced.

    Raises:
        ArtifactError: When the folder is a file, or is not empty and ``force`` is not set, or has a folder where a
            file belongs.
        OSError: When it cannot be written. Nothing is left then, but files that ``force`` had replaced already.
    """
    folder = Path(os.path.realpath(folder))
    exists = _check(folder, files, force=force)
    # Beside a new folder, but within one that exists: that may be a file system of its own, or where the user stands.
    staging = (folder if exists else folder.parent) / temporary_name(folder.name)
    try:
        for path, content in files.items():
            atomic_write(staging / path, content)
        if exists:
            _move_into(staging, folder, files)
        else:
            os.rename(staging, folder)
        sweep_once(staging.parent)
    except OSError as error:
        # No one asked for the temporary folder.
        error.filename, error.filename2 = str(folder), None
        raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _check(folder: Path, files: Iterable[str], *, force: bool) -> bool:
    """Whether the folder exists, after all that would stop the writing half-way has been looked for."""
    if not os.path.lexists(folder):
        return False
    if not folder.is_dir():
        raise ArtifactError(f"{folder} is a file; name a new or empty folder")
    if any(folder.iterdir()) and not force:
        raise ArtifactError(
            f"{folder} is not empty; name a new or empty folder, or give --force, which replaces files of the same "
            "names and leaves others"
        )
    for path in files:
        target = folder / path
        in_the_way = [part for part in target.parents if folder in part.parents and part.exists() and not part.is_dir()]
        if target.is_dir():
            in_the_way.append(target)
        if in_the_way:
            raise ArtifactError(f"{in_the_way[0]} is in the way of {target}; move it, or name another folder")
    return True


def _move_into(staging: Path, folder: Path, files: Iterable[str]) -> None:
    """Move each file to its place; on an error take back those that were not there before."""
    added: list[Path] = []
    try:
        for path in files:
            target = folder / path
            added += [part for part in reversed(target.parents) if folder in part.parents and not part.exists()]
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                added.append(target)
            os.replace(staging / path, target)
    except BaseException:
        for part in reversed(added):
            with contextlib.suppress(OSError):
                part.rmdir() if part.is_dir() else part.unlink()
        raise
