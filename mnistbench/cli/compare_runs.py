"""``mnistbench compare``: is a run of the benchmark slower than another, or is it noise?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnistbench.cli.options import FiniteRange, PathType, debug_option, json_option
from mnistbench.cli.output import print_json, print_sheets
from mnistbench.report.sheet import one_line

if TYPE_CHECKING:
    from mnistbench.measure.run_files import RunFile
    from mnistbench.results import Judged, LatencyComparison

SLOWER = 4
"""Exit code when something got slower."""

_SOME_NOT_COMPARED = 3


@click.command(
    "compare",
    epilog="Example: mnistbench compare before.json after.json --threshold 3",
    short_help="Tell what got slower from one run to another.",
)
@click.argument("files", nargs=-1, required=True, metavar="A [B]...", type=PathType())
@click.option(
    "--threshold",
    type=FiniteRange(0, 1000, min_open=True),
    default=5.0,
    show_default=True,
    help="Change in percent that matters.",
)
@click.option(
    "--aa",
    "repeats",
    multiple=True,
    metavar="FILE",
    type=PathType(),
    help="A further run of the same as A; how far they lie apart is noise too. Can be repeated.",
)
@click.option(
    "--by",
    type=click.Choice(["undisturbed", "p50"]),
    default="undisturbed",
    show_default=True,
    help="Judge by the call that nothing disturbed, or by the median.",
)
@click.option("--model", "models", multiple=True, metavar="NAME", help="Only this network. Can be repeated.")
@click.option("--force", is_flag=True, help="Compare rows of different devices, modes or options too.")
@click.option(
    "--fail-on",
    type=click.Choice(["slower", "unclear"]),
    default="slower",
    show_default=True,
    help="Exit with 4 when something is SLOWER, or when something is SLOWER or UNCLEAR.",
)
@json_option
@debug_option
def compare(
    files: tuple[Path, ...],
    threshold: float,
    repeats: tuple[Path, ...],
    by: Judged,
    models: tuple[str, ...],
    force: bool,
    fail_on: str,
    as_json: bool,
) -> int:
    """Compare runs of the benchmark with the first one, A.

    The files are what 'mnistbench bench --output FILE' writes; with runs on several
    kinds of GPU, each is compared with the one on the same kind. Each row gets a
    verdict: B is FASTER or SLOWER when it changed by more than the threshold and
    by more than the noise between fresh processes explains, SAME when neither is
    more than the threshold, else UNCLEAR. Compared is the call that nothing
    disturbed, the shortest that a second process confirms: whatever else a machine
    does makes calls longer. With one file, its networks are compared with the
    first of them, or with the first --model.

    Exit codes: 0 nothing is slower, 4 something is SLOWER, 3 else, when a row of
    A could not be compared: missing, failed, or measured in another way.
    """
    from mnistbench.errors import ArtifactError, InputError
    from mnistbench.measure.run_comparison import Rules, compare_models, compare_runs
    from mnistbench.measure.run_files import pair_files, runs_of_file

    rules = Rules(threshold / 100, force, by)
    baseline, *others = [_only(_read(path), models) for path in files]
    again = [_read(path) for path in repeats]
    found: list[LatencyComparison] = []
    try:
        if not others:
            for named, same in runs_of_file(baseline, again):
                found += compare_models(named, rules, same)
        for other in others:
            for pair in pair_files(baseline, other, again):
                found += compare_runs(pair.baseline, pair.other, rules, pair.repeats)
    except InputError as error:
        raise click.UsageError(one_line(str(error))) from None
    if not found:
        raise ArtifactError(f"{files[0]} and {files[-1]} have no rows; make some with 'mnistbench bench'")
    if as_json:
        print_json([one.as_dict() for one in found])
    else:
        from mnistbench.report.verdict_sheets import verdict_sheets

        print_sheets(verdict_sheets(found))
    return exit_code(found, fail_on)


def exit_code(found: Sequence[LatencyComparison], fail_on: str) -> int:
    """What a comparison ends with; rows that only B has are news, and no failure."""
    bad = ("SLOWER", "UNCLEAR") if fail_on == "unclear" else ("SLOWER",)
    if any(one.verdict in bad for one in found):
        return SLOWER
    return _SOME_NOT_COMPARED if any(one.verdict is None and not one.extra for one in found) else 0


def _read(path: Path) -> RunFile:
    """A file of any kind that ``bench`` writes.

    Raises:
        ArtifactError: When it is none, or has no figures.
    """
    from mnistbench.bench_files import read_bench_run, read_gpus_run
    from mnistbench.measure.run_files import file_of_gpus, file_of_one

    several = read_gpus_run(path)
    return file_of_one(str(path), read_bench_run(path)) if several is None else file_of_gpus(str(path), several)


def _only(file: RunFile, models: Sequence[str]) -> RunFile:
    """The file with the rows of some models only, in the order in which they are named.

    Raises:
        click.BadParameter: When one of its runs has no rows of one of them.
    """
    if not models:
        return file
    import dataclasses

    kinds = []
    for kind in file.kinds:
        run = kind.run
        if run is not None:
            known = list(dict.fromkeys(row.name for row in run.results))
            chosen = dict.fromkeys(_name(model, known, file.name(kind)) for model in models)
            rows = tuple(row for name in chosen for row in run.results if row.name == name)
            run = dataclasses.replace(run, results=rows)
        kinds.append(dataclasses.replace(kind, run=run))
    return dataclasses.replace(file, kinds=tuple(kinds))


def _name(model: str, known: Sequence[str], label: str) -> str:
    """The name of a row that a text means: itself, or an alias of the catalogue's."""
    from mnistbench import catalog
    from mnistbench.errors import MnistbenchError

    if model in known:
        return model
    try:
        name = catalog.find(model).name
    except MnistbenchError:
        name = model
    if name not in known:
        # A name in a file can hold escape codes, and click prints them as they are.
        message = one_line(f"{label} has no rows of {model}; it has {', '.join(known[:8]) or 'none at all'}")
        raise click.BadParameter(message, param_hint="--model")
    return name
