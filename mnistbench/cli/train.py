"""``mnistbench train``: networks to weights, one resumable run each."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from mnistbench import catalog
from mnistbench.cli.options import (
    data_dir_option,
    debug_option,
    dropout_option,
    json_option,
    names_argument,
    work_dir_option,
)
from mnistbench.cli.output import print_json, print_sheets, say, stdout_for_results, this_command
from mnistbench.training.recipes import RECIPES


@click.command(epilog="Example: mnistbench train lenet5 32-P-32-10 --seed 1")
@names_argument()
@click.option(
    "--epochs", type=click.IntRange(1, 10_000), help="Passes over the training images. Default: the recipe's."
)
@click.option("--batch-size", type=click.IntRange(1, 60_000), help="Images a step. Default: the recipe's.")
@click.option("--learning-rate", type=float, help="Peak or constant rate. Default: the recipe's.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option(
    "--recipe",
    type=click.Choice([recipe.name for recipe in RECIPES]),
    default=RECIPES[0].name,
    show_default=True,
    help=" ".join(f"{recipe.name}: {recipe.summary}." for recipe in RECIPES),
)
@click.option(
    "--resume/--no-resume",
    default=True,
    show_default=True,
    help="Go on from the last checkpoint and keep finished runs, or start over.",
)
@click.option("--validation", is_flag=True, help="Hold out 10,000 training images and evaluate on them instead.")
@dropout_option
@data_dir_option
@work_dir_option
@json_option
@debug_option
def train(
    names: tuple[str, ...],
    epochs: int | None,
    batch_size: int | None,
    learning_rate: float | None,
    seed: int,
    device: str,
    recipe: str,
    resume: bool,
    validation: bool,
    dropout: float | None,
    data_dir: Path | None,
    work_dir: Path,
    as_json: bool,
) -> int:
    """Train networks; each run keeps its state, result and weights in the work folder.

    A run is named by a hash of its configuration: repeating the command keeps
    what is finished and goes on with what is not.
    """
    networks = catalog.resolve(names, dropout=dropout)
    if learning_rate is not None and not 0 < learning_rate < float("inf"):
        raise click.BadParameter(f"{learning_rate} is not a positive number", param_hint="--learning-rate")
    with stdout_for_results(as_json):
        from mnistbench.cli.jobs import make_jobs
        from mnistbench.cli.progress import TrainingProgress
        from mnistbench.cli.sources import open_dataset
        from mnistbench.errors import MnistbenchError, TrainingError
        from mnistbench.results import TrainingResult
        from mnistbench.training.hardware import choose_device, keep_freed_memory
        from mnistbench.training.run import run_job

        chosen = choose_device(device)
        keep_freed_memory()
        dataset = open_dataset(data_dir)
        if validation:
            from mnistbench.data.split import split_validation

            dataset = split_validation(dataset)
        jobs = make_jobs(
            networks,
            recipe,
            dataset,
            chosen,
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            seed=seed,
        )
        results: list[TrainingResult] = []
        failed: list[dict[str, str]] = []
        with TrainingProgress(len(networks)) as progress:
            for job in jobs:
                network = job.network
                progress.begin(network.name, job.epochs)
                try:
                    run = run_job(job, dataset, chosen, work_dir, resume=resume, on_event=progress)
                except KeyboardInterrupt:
                    raise KeyboardInterrupt(progress.interrupted(this_command())) from None
                except TrainingError as error:
                    failed.append({"name": network.name, "error": str(error)})
                    if len(networks) > 1:
                        progress.fail(str(error))  # alone, it is the error of the command
                    continue
                progress.end(run.result)
                results.append(run.result)
    if as_json:
        print_json([result.as_dict() for result in results] + failed)
    elif results:
        from mnistbench.report.sheets import training_sheet

        # The paper's errors are on MNIST's test images, and on nothing else.
        comparable = dataset.name == "mnist" and not validation
        paper = {network.name: network.paper.error for network in networks if network.paper and comparable}
        print_sheets([training_sheet(results, [paper.get(result.name) for result in results])])
        say(f"\nRuns are in {work_dir / 'training'}.")
        if not validation:
            shown = names if dropout is None and not failed else tuple(result.name for result in results)
            say(f"Next: {_export_command(shown, work_dir, data_dir)}")
    if len(networks) == 1 and failed:
        raise MnistbenchError(failed[0]["error"])
    return 0 if not failed else 3 if results else 1


def _export_command(names: tuple[str, ...], work_dir: Path, data_dir: Path | None) -> str:
    """The command that goes on from here, with the same folders."""
    command = ["mnistbench", "export", *names]
    if work_dir != Path("runs"):
        command += ["--work-dir", str(work_dir)]
    if data_dir is not None:
        command += ["--data-dir", str(data_dir)]
    return shlex.join(command)
