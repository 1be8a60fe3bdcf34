"""What ``predict --explain`` writes: a picture of each answer; one that cannot be written costs a line, no answer."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnistbench.cli.output import say

if TYPE_CHECKING:
    from mnistbench.pictures.read import Answer

MOST_BYTES = 200
"""Of a picture's name that its explanation bears; a file's name has at most 255 with number and ending."""


class Explanations:
    """Writes explanations and counts those that could not be.

    Args:
        target: A folder, or a file whose name ends in ``.png`` for one picture; nothing is written when ``None``.
        num_pictures: How many pictures are read.

    Attributes:
        num_failed: Explanations that could not be drawn or written.

    Raises:
        click.BadParameter: When one file is named for several pictures.
    """

    def __init__(self, target: Path | None, num_pictures: int) -> None:
        self.num_failed = 0
        self._target = target
        self._num_pictures = num_pictures
        if target is not None and _is_file(target) and num_pictures > 1:
            raise click.BadParameter(
                f"{target} is one file for {num_pictures:,} pictures; name a folder", param_hint="--explain"
            )

    def write(self, path: Path, answer: Answer, number: int) -> None:
        """Draw what was read; never an error, since answers to many pictures may wait to be kept.

        Args:
            path: The picture.
            answer: What was read on it.
            number: Of the picture, from 1.
        """
        if self._target is None:
            return
        from mnistbench.errors import PictureError
        from mnistbench.pictures.decode import open_picture
        from mnistbench.pictures.explain import draw_explanation, write_explanation

        file = self._file(self._target, path, number)
        try:
            # Opened again: colours of all pictures would not fit into memory.
            write_explanation(draw_explanation(open_picture(path, colours=True), answer, str(path)), file)
        except PictureError as error:
            self._fail(path, str(error))
        except OSError as error:
            self._fail(path, f"{file} cannot be written: {error.strerror or error}; name another place with --explain")
        except MemoryError:
            self._fail(path, "it does not fit into memory; make the picture smaller first")

    def _file(self, target: Path, path: Path, number: int) -> Path:
        if _is_file(target):
            return target
        stem = shortened(path.stem, MOST_BYTES)
        # Numbered, since folders may hold files of the same name.
        several = self._num_pictures > 1
        return target / (f"{number:0{len(str(self._num_pictures))}}-{stem}.png" if several else f"{stem}.png")

    def _fail(self, path: Path, reason: str) -> None:
        self.num_failed += 1
        say(f"note: {path} is not explained: {reason}")


def shortened(name: str, most: int) -> str:
    """The longest beginning of a file's name that has at most so many bytes, in whole characters."""
    while len(os.fsencode(name)) > most:
        name = name[:-1]
    return name


def _is_file(target: Path) -> bool:
    return target.suffix.lower() == ".png" and not target.is_dir()
