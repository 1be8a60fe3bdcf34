"""Which files of a folder are pictures, and opening very many of them on several processors.

Knows no model.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path

from mnistbench.errors import PictureError
from mnistbench.pictures.decode import SUFFIXES
from mnistbench.pictures.prepare import Prepared, prepare

ENDINGS = frozenset(ending for endings in SUFFIXES.values() for ending in endings) | frozenset(
    (".svg", ".heic", ".heif", ".avif", ".ico", ".jp2", ".psd", ".tga")
)
"""Names of pictures, also of kinds that are not read here: each gets its line and is not silently passed over."""

BEGINNINGS = (b"\x89PNG", b"\xff\xd8\xff", b"RIFF", b"BM", b"GIF8", b"II*\x00", b"MM\x00*", b"P2\n", b"P5\n", b"P5 ")
"""How pictures begin, whatever they are called."""

AT_ONCE = 128
"""Pictures that one process opens before it hands over what it found."""

WORTH_PROCESSES = 1000
"""From so many pictures on, starting processes costs less than it saves."""

Outcome = tuple[Path, Prepared | PictureError]


def find_pictures(
    names: Iterable[Path],
    passed_over: Callable[[Path], None] = lambda _: None,
    without: Callable[[Path], None] = lambda _: None,
) -> list[Path]:
    """The files to read: those named as they are, and the pictures in named folders and below, by name.

    Hidden files and folders are left out, links to folders not followed.

    Args:
        names: Files and folders.
        passed_over: Told of each file in a folder that is no picture by name nor by its first bytes.
        without: Told of each named folder that has no picture.
    """
    found: dict[Path, None] = {}
    for name in names:
        is_empty = True
        for path in _below(name) if name.is_dir() else (name,):
            if path == name or _looks_like_picture(path):
                found[path] = None
                is_empty = False
            else:
                passed_over(path)
        if is_empty:
            without(name)
    return list(found)


def prepare_all(paths: Sequence[Path], *, multi: bool = False, processes: int = 1) -> Iterator[list[Outcome]]:
    """Open files and find what may be digits, a list of outcomes at a time, in the order of the files.

    Args:
        paths: Files.
        multi: As for :func:`mnistbench.pictures.prepare.prepare`.
        processes: How many may work beside each other; 1 does all in this one.
    """
    parts = [paths[start : start + AT_ONCE] for start in range(0, len(paths), AT_ONCE)]
    work = partial(_prepare_part, multi=multi)
    if processes < 2 or len(paths) < WORTH_PROCESSES:
        yield from map(work, parts)
        return
    # Not forked: onnxruntime's threads would not survive it.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(processes, len(parts)), context) as pool:
        pending = [pool.submit(work, part) for part in parts]
        try:
            for part, future in zip(parts, pending, strict=True):
                try:
                    yield future.result()
                except BrokenProcessPool:
                    # Whatever ended it (the system's memory, most likely) may not end the rest: here, one by one.
                    yield work(part)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _prepare_part(paths: Iterable[Path], *, multi: bool) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for path in paths:
        try:
            outcomes.append((path, prepare(path, multi=multi)))
        except PictureError as error:
            outcomes.append((path, error))
    return outcomes


def _below(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(parent, name) for name in sorted(files) if not name.startswith("."))


def _looks_like_picture(path: Path) -> bool:
    if path.suffix.lower() in ENDINGS:
        return True
    if not path.is_file():  # a pipe would keep us waiting
        return False
    try:
        with path.open("rb") as stream:
            return stream.read(4).startswith(tuple(beginning[:4] for beginning in BEGINNINGS))
    except OSError:
        return False
