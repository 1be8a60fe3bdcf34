"""A file that results are kept in while they come: a full disk costs the file, not what was measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from mnistbench.cli.output import say


class KeptFile:
    """A file that is written again with every result, and may fail to be until the next one.

    Measuring goes on meanwhile, since an hour of it is worth more than the file: what cannot be written is
    still printed, after which :meth:`finish` says what was wrong. Without a path nothing is written.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._error: OSError | None = None
        self._interrupt: KeyboardInterrupt | None = None
        self._is_empty = True

    def check(self, sources: Iterable[Path | None] = ()) -> None:
        """Make sure, before an hour is measured and not after it, that the file can be written.

        Args:
            sources: What the command reads, which results are never written over.

        Raises:
            click.UsageError: When it is one of ``sources``.
            OSError: When its folder cannot be written.
        """
        from mnistbench.cli.sources import spare_sources
        from mnistbench.files import check_writable

        spare_sources(self.path, sources)
        if self.path is not None:
            check_writable(self.path.parent)

    def write(self, write: Callable[[Path], None]) -> None:
        """Have the file written; that it cannot be is told once, and kept for :meth:`finish`."""
        self._is_empty = False
        if self.path is None:
            return
        try:
            write(self.path)
        except OSError as error:
            if self._error is None:
                say(f"cannot write {self.path}: {error.strerror or error}; measuring goes on, results are printed")
            self._error = error
        else:
            self._error = None

    @property
    def is_written(self) -> bool:
        """Whether the file has all that was to be written."""
        return self.path is not None and self._error is None and not self._is_empty

    def written(self) -> None:
        """Say where the results are, if they are."""
        if self.is_written:
            say(f"written to {self.path}")

    def interrupted(self) -> KeyboardInterrupt:
        """What to raise for an interrupt: it says what was kept."""
        if self._is_empty:
            return KeyboardInterrupt("interrupted")
        if self.path is None:
            return KeyboardInterrupt("interrupted: some rows are missing")
        if self._error is not None:
            return KeyboardInterrupt(f"interrupted: {self.path} could not be written: {self._error.strerror}")
        return KeyboardInterrupt(f"interrupted: what was measured is kept in {self.path}")

    def put_off_interrupt(self) -> None:
        """Have :meth:`finish` raise :meth:`interrupted`, so that what was measured is printed first."""
        self._interrupt = self.interrupted()

    def finish(self) -> None:
        """Fail if the file is not what was measured, or not all was; to be called when that has been printed.

        Raises:
            OSError: What the last attempt to write it failed with.
            KeyboardInterrupt: The one that was put off.
        """
        if self._interrupt is not None:
            raise self._interrupt
        if self._error is not None:
            raise self._error
