"""``mnistbench results``: errors over seeds beside the paper's, from committed or one's own runs."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnistbench import catalog
from mnistbench.cli.options import PathType, debug_option, json_option, names_argument
from mnistbench.cli.output import print_json, print_sheets, say
from mnistbench.errors import ArtifactError
from mnistbench.training.recipes import RECIPES

if TYPE_CHECKING:
    from mnistbench.measure.summary import NetworkSummary
    from mnistbench.published import Published
    from mnistbench.results import RunRecord

_FILE = PathType(dir_okay=False)


@click.command(
    epilog="Example: mnistbench results table5 --work-dir runs",
    short_help="Show test errors over seeds beside the paper's.",
)
@names_argument("[NAMES]...", required=False)
@click.option(
    "--work-dir",
    type=PathType(file_okay=False),
    help="Show the finished runs in this folder.  [default: the results that come with the package]",
)
@click.option(
    "--recipe",
    "recipes",
    type=click.Choice([recipe.name for recipe in RECIPES]),
    multiple=True,
    help="Only this recipe; may be repeated.",
)
@click.option("--claims", is_flag=True, help="Judge the paper's claims instead of showing the tables.")
@click.option("--plot-accuracy", type=_FILE, help="Also draw error against parameters into this PNG file.")
@click.option("--plot-curves", type=_FILE, help="Also draw the learning curves into this PNG file.")
@click.option(
    "--save",
    type=_FILE,
    help="Also merge the runs into this results file, and into the manifest.json beside it if there is one.",
)
@json_option
@debug_option
def results(
    names: tuple[str, ...],
    work_dir: Path | None,
    recipes: tuple[str, ...],
    claims: bool,
    plot_accuracy: Path | None,
    plot_curves: Path | None,
    save: Path | None,
    as_json: bool,
) -> int:
    """Show test errors over seeds beside the paper's, with verdicts.

    Without NAMES, all networks. The default recipe counts the last epoch; the
    paper's own set-up counts the best epoch on the test set, as the paper does.
    """
    from mnistbench.measure.claims import check_claims
    from mnistbench.measure.summary import summarize

    if claims and names:
        raise click.UsageError("--claims judges the whole paper; leave out NAMES")
    wanted = {"--save": save, "--plot-accuracy": plot_accuracy, "--plot-curves": plot_curves}
    unwritten = [option for option, file in wanted.items() if file is not None]
    if plot_accuracy or plot_curves:
        importlib.import_module("matplotlib")  # missing, it must be missed before anything is written
    networks = catalog.resolve(names) if names else None
    found = _find(work_dir, None if networks is None else [network.name for network in networks], recipes)
    summaries = summarize(found.runs, networks)
    if not found.runs:
        say(_nothing(work_dir))
        if unwritten:
            say(f"nothing to write for {', '.join(unwritten)}")
    if save is not None and found.runs:
        _save(save, found)
    if found.runs:
        _draw(plot_accuracy, plot_curves, summaries, found.runs)
    if claims:
        verdicts = check_claims(found.runs, *([recipes] if recipes else []))
        if as_json:
            print_json({"claims": [claim.as_dict() for claim in verdicts]})
        elif found.runs:
            from mnistbench.report.accuracy_sheets import CLAIMS_NOTE, claims_sheets

            print_sheets(claims_sheets(verdicts))
            click.echo(f"\n{click.wrap_text(CLAIMS_NOTE, width=80)}")
    elif as_json:
        print_json([summary.as_dict() for summary in summaries])
    elif found.runs:
        from mnistbench.report.accuracy_sheets import results_notes, results_sheets

        print_sheets(results_sheets(summaries))
        for note in results_notes(summaries, recipes):
            click.echo(f"\n{click.wrap_text(note, width=80)}")
    return 1 if unwritten and not found.runs else 0


def _find(work_dir: Path | None, names: Sequence[str] | None, recipes: Sequence[str]) -> Published:
    """The runs that were asked for.

    Raises:
        ArtifactError: When the folder is missing or the committed file damaged.
    """
    from mnistbench.published import Published, collect_runs, merge, read_published
    from mnistbench.training.faithful import follows_recipe

    if work_dir is None:
        committed = read_published()
        chosen = tuple(
            run
            for run in committed.runs
            if (names is None or run.name in names) and (not recipes or run.recipe in recipes)
        )
        return merge(Published(), Published(chosen, committed.environments))
    if not work_dir.is_dir():
        raise ArtifactError(f"no such folder: {work_dir}; name the --work-dir that 'mnistbench train' wrote to")
    other: list[str] = []

    def accept(run: RunRecord) -> bool:
        if not follows_recipe(run):
            other.append(run.name)
            return False
        return True

    found = collect_runs(
        work_dir, names, recipes or None, accept=accept, on_damaged=lambda text: say(f"passed over: {text}")
    )
    if other:
        say(
            f"passed over, for other settings than their recipe's: {len(other)} of the runs ('mnistbench runs' has all)"
        )
    return found


def _save(file: Path, found: Published) -> None:
    """Write the runs, and what a manifest beside them says of accuracy."""
    from mnistbench.artifacts import MANIFEST, put_results
    from mnistbench.measure.summary import manifest_results, summarize
    from mnistbench.published import read_published, save_published

    merged = save_published(file, found)
    say(f"saved: {file} has {len(merged.runs)} runs now")
    if (file.parent / MANIFEST).is_file():
        put_results(file.parent, lambda: manifest_results(summarize(read_published(file).runs)))
        say(f"saved: {file.parent / MANIFEST}")


def _draw(
    accuracy: Path | None, curves: Path | None, summaries: Sequence[NetworkSummary], runs: Sequence[RunRecord]
) -> None:
    """Write the pictures that were asked for."""
    from mnistbench.files import atomic_write
    from mnistbench.report import plots

    if accuracy is not None:
        atomic_write(accuracy, plots.accuracy_against_parameters(summaries))
    if curves is not None:
        atomic_write(curves, plots.learning_curves(runs))


def _nothing(work_dir: Path | None) -> str:
    if work_dir is None:
        return (
            "no results come with this package yet, or none of these; show your own: mnistbench results --work-dir runs"
        )
    return f"no finished runs of these on MNIST's test images in {work_dir}; run: mnistbench train all"
