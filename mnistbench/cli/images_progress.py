"""Progress over images on standard error: a bar in a terminal, a few lines elsewhere."""

from __future__ import annotations

from mnistbench.cli.bar import Bar
from mnistbench.cli.output import say

LINES = 4
"""Told of a pass over the images without a terminal, at most."""


class ImagesProgress(Bar):
    """Shows how many images of a pass are done.

    Args:
        what: What is done with them, such as ``evaluating lenet5``.
    """

    def __init__(self, what: str) -> None:
        super().__init__()
        self._what = what
        self._told = 0

    def __call__(self, done: int, total: int) -> None:
        """So many of all images are done."""
        self.update(self._what, done, total)
        part = LINES * done // max(1, total)
        if not self.terminal and part > self._told:
            self._told = part
            say(f"{self._what}: {done:,} of {total:,} images")
