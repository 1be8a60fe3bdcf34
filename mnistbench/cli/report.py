"""``mnistbench report``: results of the benchmark as one HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnistbench.cli.options import PathType, debug_option
from mnistbench.cli.output import say

if TYPE_CHECKING:
    from mnistbench.results import BenchRun


@click.command(epilog="Example: mnistbench report laptop.json server.json --output report.html")
@click.argument("files", metavar="RESULTS...", nargs=-1, required=True, type=PathType())
@click.option(
    "--output",
    type=PathType(dir_okay=False),
    default=Path("report.html"),
    show_default=True,
    help="The page; a file of that name is replaced.",
)
@debug_option
def report(files: tuple[Path, ...], output: Path) -> None:
    """Show results of 'mnistbench bench' on one HTML page.

    RESULTS are files that 'mnistbench bench --output' wrote, from one machine or
    several. The page has tables, accuracy against latency, latency against batch
    size, percentiles and the machines; it needs no network and no other file.
    """
    from mnistbench.files import atomic_write
    from mnistbench.report.html.page import report_page
    from mnistbench.report.units import size

    if any(output.resolve() == file.resolve() for file in files):
        raise click.UsageError(f"--output {output} is one of the RESULTS; name another file for the page")
    files = tuple(dict.fromkeys(files))
    runs = [run for name, file in zip(_names(files), files, strict=True) for run in _read(name, file)]
    page = report_page(runs).encode()
    atomic_write(output, page)
    say(f"wrote {output} ({size(len(page))})")


def _read(name: str, file: Path) -> list[tuple[str, BenchRun]]:
    """The runs in a file: one, or one for each GPU that it is about."""
    from mnistbench.bench_files import read_bench_run, read_gpus_run
    from mnistbench.errors import ArtifactError
    from mnistbench.measure.gpus import runs_of

    several = read_gpus_run(file)
    if several is None:
        return [(name, read_bench_run(file))]
    runs = [(f"{name}: {gpu}", run) for gpu, run in runs_of(several.kinds)]
    if not runs:
        raise ArtifactError(f"{file} has no figures: {'; '.join(kind.error or '' for kind in several.kinds)}")
    return runs


def _names(files: tuple[Path, ...]) -> list[str]:
    """Each file by its name, or by its path where another has the same name."""
    names = [file.name for file in files]
    return [str(file) if names.count(file.name) > 1 else file.name for file in files]
