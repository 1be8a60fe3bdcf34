"""Having npm bring a package's tarball: for places where only package registries can be reached.

The user's own npm set-up decides which registry that is. Nothing is unpacked or installed, and no script of the
package runs. Needs the standard library only, so that building this package can use it.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from mnistbench.errors import PackageError

TIMEOUT_SECONDS = 180.0


def find_npm() -> str:
    """Path of the program.

    Raises:
        PackageError: When there is none.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise PackageError("npm is not on the PATH")
    return npm


def pack(package: str, folder: Path, *, timeout_seconds: float = TIMEOUT_SECONDS) -> Path:
    """Let npm put a package's tarball into a folder.

    Args:
        package: Name and version, as ``npm pack`` takes them.
        folder: Empty; npm's complaints are kept in it too.
        timeout_seconds: When to give up.

    Returns:
        The tarball.

    Raises:
        PackageError: When there is no npm, or it fails, with what it said.
        OSError: When it cannot be started.
    """
    command = [find_npm(), "pack", package, "--ignore-scripts", "--fetch-retries=1", "--fetch-retry-mintimeout=1000"]
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
            raise PackageError(f"npm did not finish within {timeout_seconds:g} seconds") from None
    if done.returncode != 0:
        raise PackageError(f"npm failed with exit status {done.returncode}: {_complaint(log)}")
    tarballs = sorted(folder.glob("*.tgz"))
    if len(tarballs) != 1:
        raise PackageError(f"npm left {len(tarballs)} tarballs; expected one")
    return tarballs[0]


def _complaint(log: Path) -> str:
    """The first lines in which npm says what is wrong, as one short line."""
    with log.open("rb") as stream:
        text = stream.read(64 * 1024).decode(errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip() and "warn" not in line.lower()]
    return " ".join("; ".join(lines[:3]).split())[:300] or "it does not say why"
