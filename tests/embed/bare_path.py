"""A ``PATH`` as a fresh Debian or Ubuntu has it: there is ``python3``, and no ``python``."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path


def bare_path(folder: Path) -> str:
    """This machine's ``PATH`` without ``python`` and without virtual environments.

    Args:
        folder: Empty. Gets ``python3``, the interpreter that this environment was made with, and links in place of
            folders that have a ``python``.
    """
    own = folder / "python3"
    own.mkdir()
    # No link: an environment that is made by one looks for Python's library beside the link.
    program = own / "python3"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(str(Path(sys.executable).resolve()))} "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    path = [own]
    for number, given in enumerate(filter(None, os.environ.get("PATH", os.defpath).split(os.pathsep))):
        place = Path(given)
        if (place.parent / "pyvenv.cfg").exists():
            continue
        path.append(_without_python(place, folder / str(number)) if (place / "python").exists() else place)
    return os.pathsep.join(map(str, path))


def _without_python(place: Path, links: Path) -> Path:
    links.mkdir()
    for program in place.iterdir():
        if program.name != "python":
            (links / program.name).symlink_to(program.absolute())
    return links
