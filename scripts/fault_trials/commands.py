"""Runs ``mnistbench`` within this process, and says whether it ended as it should."""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from mnistbench.cli import root

CODES = (0, 1, 2, 3, 4)


@dataclass(frozen=True)
class Outcome:
    """Exit code, standard output and standard error of a command."""

    code: int
    out: str
    err: str

    def problems(self, *, is_json: bool = False) -> Iterable[str]:
        """What no command may do, whatever it is given."""
        if self.code not in CODES:
            yield f"exit code {self.code}"
        if "Traceback" in self.err or "internal error" in self.err:
            yield self.err.strip().splitlines()[-1]
        elif self.code == 1 and not self.err.strip():
            yield "it failed without a word"
        if self.code in (1, 2) and self.out and not is_json:
            yield f"it failed and printed {self.out[:80]!r}"
        if is_json and self.out:
            try:
                json.loads(self.out)
            except ValueError:
                yield f"it printed no JSON: {self.out[:80]!r}"


def run_command(*arguments: object) -> Outcome:
    """Run a command; what it prints is kept."""
    out, err = io.StringIO(), io.StringIO()
    code: object = 0
    with (
        mock.patch.dict(os.environ, {"MNISTBENCH_DEBUG": ""}),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            root.main([str(argument) for argument in arguments], prog_name="mnistbench")
        except SystemExit as end:
            code = end.code
    return Outcome(code if isinstance(code, int) else 0, out.getvalue(), err.getvalue())


def visible(folder: Path) -> list[Path]:
    """Files that a reader may look at: hidden ones are half done, or locks."""
    found = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return [path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts)]


def temporaries(folder: Path) -> list[Path]:
    """What a writer left half done, or a lock that nobody took away."""
    return [path for path in sorted(folder.rglob(".*")) if path.name.startswith(".")]
