"""How a module of this package is started as a program of its own, from any folder."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from mnistbench.runtime.parent import PARENT

PACKAGE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Program:
    """What a process is started with."""

    arguments: list[str]
    environment: dict[str, str]


def our_program(module: str, *arguments: object) -> Program:
    """``python -m module arguments`` with the environment of this process, in which the same package is found."""
    # An empty entry would be the folder that the process stands in, whatever lies there.
    known = [str(PACKAGE.parent), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    command = [sys.executable, "-P", "-m", module, *map(str, arguments)]
    return Program(command, {**os.environ, "PYTHONPATH": os.pathsep.join(known), PARENT: str(os.getpid())})
