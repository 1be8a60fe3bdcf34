"""The command line: parse, call one function of the library, print.

Module tops here import click and plain data only, so that ``--help`` starts at
once; whatever needs numpy, onnxruntime, rich or torch is imported in a command.
"""

from __future__ import annotations

from mnistbench.cli.root import root

__all__ = ["main", "root"]


def main() -> None:
    """Entry point of the ``mnistbench`` program."""
    root(prog_name="mnistbench")
