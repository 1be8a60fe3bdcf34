"""``mnistbench train``: networks to weights, one resumable run each."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnistbench import catalog
from mnistbench.cli.executors import everywhere, executor_options, find_store, open_engine, train_sweep
from mnistbench.cli.options import (
    FiniteRange,
    data_dir_option,
    debug_option,
    dropout_option,
    json_option,
    names_argument,
    seed_numbers,
    with_folders,
    work_dir_option,
)
from mnistbench.cli.output import print_json, print_sheets, say, stdout_for_results, this_command
from mnistbench.training.job import MAX_EPOCHS, MAX_ROTATION, MAX_SCALING, MAX_SEED, MAX_SHIFT
from mnistbench.training.recipes import INITIALIZATIONS, RECIPES

if TYPE_CHECKING:
    from mnistbench.cli.progress import JobProgress, TrainingProgress
    from mnistbench.data.dataset import Dataset
    from mnistbench.results import TrainingResult
    from mnistbench.training.job import FinishedRun, Job
    from mnistbench.training.recipes import Initialization
    from mnistbench.training.run import Event


@click.command(
    epilog="Example: mnistbench train lenet5 32-P-32-10 --seeds 0..4", short_help="Train networks, resumably."
)
@names_argument()
@click.option(
    "--epochs", type=click.IntRange(1, MAX_EPOCHS), help="Passes over the training images. Default: the recipe's."
)
@click.option("--batch-size", type=click.IntRange(1, 60_000), help="Images a step. Default: the recipe's.")
@click.option("--learning-rate", type=float, help="Peak or constant rate. Default: the recipe's.")
@click.option(
    "--max-shift",
    type=click.IntRange(0, MAX_SHIFT),
    help="Move each training image at random by up to so many pixels. Default: the recipe's.",
)
@click.option(
    "--max-rotation",
    type=FiniteRange(0, MAX_ROTATION),
    help="Turn each training image at random by up to so many degrees. Default: the recipe's.",
)
@click.option(
    "--max-scaling",
    type=FiniteRange(0, MAX_SCALING),
    help="Change each training image's width and height at random, to 1/(1+s) to 1/(1-s) of them. "
    "Default: the recipe's.",
)
@click.option(
    "--label-smoothing",
    type=FiniteRange(0, 1, max_open=True),
    help="Part of each target spread over all classes. Default: the recipe's.",
)
@click.option(
    "--initialization",
    type=click.Choice(INITIALIZATIONS),
    help="Distribution of the initial weights. Default: the recipe's.",
)
@click.option("--seed", type=click.IntRange(0, MAX_SEED), help="The only seed. Default: 0.")
@click.option("--seeds", metavar="SEEDS", help="Several, each for every network: 0..4, or 0,2,5, or 0..2,7.")
@click.option(
    "--device",
    default="auto",
    show_default=True,
    help="auto, cpu, cuda or cuda:N. For pool, cuda is every GPU; for ray, the kind of device on its machines.",
)
@click.option(
    "--recipe",
    type=click.Choice([recipe.name for recipe in RECIPES]),
    default=RECIPES[0].name,
    show_default=True,
    help=" ".join(f"{recipe.name}: {recipe.summary}." for recipe in RECIPES),
)
@click.option(
    "-j",
    "--parallel",
    type=click.IntRange(1, 1024),
    default=1,
    show_default=True,
    help="Train so many at once: each in a process of its own with its share of the CPU's threads, or on a GPU "
    "in turns. Small networks get done sooner; the seconds an epoch takes are then measured beside other runs. "
    "With several GPUs or machines, so many on each.",
)
@executor_options
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
    max_shift: int | None,
    max_rotation: float | None,
    max_scaling: float | None,
    label_smoothing: float | None,
    initialization: Initialization | None,
    seed: int | None,
    seeds: str | None,
    device: str,
    recipe: str,
    parallel: int,
    executor: str,
    address: str | None,
    results_to: str | None,
    resume: bool,
    validation: bool,
    dropout: float | None,
    data_dir: Path | None,
    work_dir: Path,
    as_json: bool,
) -> int:
    """Train networks; each run keeps its state, result and weights in the work folder.

    A run is named by a hash of its configuration: repeating the command keeps
    what is finished, goes on with what is not, and tries again what failed.
    """
    networks = catalog.resolve(names, dropout=dropout)
    if learning_rate is not None and not 0 < learning_rate < float("inf"):
        raise click.BadParameter(f"{learning_rate} is not a positive number", param_hint="--learning-rate")
    if seed is not None and seeds is not None:
        raise click.UsageError("--seed and --seeds say the same; give one of them")
    chosen_seeds = (seed or 0,) if seeds is None else seed_numbers(seeds)
    with stdout_for_results(as_json):
        from mnistbench.cli.jobs import load_images, make_jobs
        from mnistbench.cli.progress import TrainingProgress
        from mnistbench.cli.sources import open_dataset
        from mnistbench.errors import MnistbenchError
        from mnistbench.training.executor import Sweep
        from mnistbench.training.hardware import keep_freed_memory

        num_jobs = len(networks) * len(chosen_seeds)
        store = find_store(results_to)
        engine = open_engine(executor, device, at_once=parallel, num_jobs=num_jobs, address=address, store=store)
        keep_freed_memory()
        dataset = open_dataset(data_dir)
        if validation:
            from mnistbench.data.split import split_validation

            dataset = split_validation(dataset)
        jobs = make_jobs(
            networks,
            recipe,
            dataset,
            engine.device,
            choose_precisions=engine.choose_precisions,
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            max_shift=max_shift,
            max_rotation=max_rotation,
            max_scaling=max_scaling,
            label_smoothing=label_smoothing,
            initialization=initialization,
            seeds=chosen_seeds,
        )
        with TrainingProgress(len(jobs)) as progress:
            sweep = _Sweep(progress, say_seed=len(chosen_seeds) > 1, keep_causes=len(jobs) == 1)
            try:
                load = partial(load_images, everywhere(data_dir), validation=validation)
                own = partial(_given, dataset)
                whole = Sweep(tuple(jobs), own if engine.in_process else load, work_dir, resume)
                train_sweep(engine, whole, sweep, store)
            except KeyboardInterrupt:
                raise KeyboardInterrupt(progress.interrupted(this_command())) from None
    results = [sweep.results[job.key] for job in jobs if job.key in sweep.results]
    failed = [(job, sweep.reasons[job.key]) for job in jobs if job.key in sweep.reasons]
    if len(jobs) == 1 and failed:
        # The cause is for --debug.
        raise MnistbenchError(failed[0][1]) from sweep.causes[failed[0][0].key]
    if as_json:
        failures = [{"name": job.network.name, "seed": job.seed, "error": reason} for job, reason in failed]
        print_json([*(result.as_dict() for result in results), *failures])
    elif results:
        from mnistbench.report.sheets import training_sheet

        # The paper's errors are on MNIST's test images, and on nothing else.
        comparable = dataset.name == "mnist" and not validation
        paper = {network.name: network.paper.error for network in networks if network.paper and comparable}
        print_sheets([training_sheet(results, [paper.get(result.name) for result in results])])
        say(f"\nRuns are in {work_dir / 'training'}.")
        if not validation:
            trained = tuple(dict.fromkeys(result.name for result in results))
            shown = names if dropout is None and not failed else trained
            say(f"Next: {_export_command(shown, chosen_seeds, work_dir, data_dir)}")
    for job, reason in failed:
        say(f"failed: {sweep.name_of(job)}: {reason}")
    return 0 if not failed else 3 if results else 1


def _export_command(names: tuple[str, ...], seeds: tuple[int, ...], work_dir: Path, data_dir: Path | None) -> str:
    """How to go on. Of several seeds it names the first: without one the newest run counts, which may be any."""
    one = ("--seed", str(seeds[0])) if len(seeds) > 1 else ()
    return with_folders("export", *names, *one, work_dir=work_dir, data_dir=data_dir)


def _given(dataset: Dataset) -> Dataset:
    return dataset


class _Sweep:
    """Shows every run, and keeps what became of it by the job's key."""

    def __init__(self, progress: TrainingProgress, *, say_seed: bool, keep_causes: bool) -> None:
        self.results: dict[str, TrainingResult] = {}
        self.reasons: dict[str, str] = {}
        self.causes: dict[str, BaseException | None] = {}
        self._progress, self._say_seed, self._keep_causes = progress, say_seed, keep_causes
        self._shown: dict[str, JobProgress] = {}

    def name_of(self, job: Job) -> str:
        """The run in messages: its network, and its seed where runs differ in it."""
        return f"{job.network.name} seed {job.seed}" if self._say_seed else job.network.name

    def begin(self, job: Job) -> None:
        self._shown[job.key] = self._progress.add(self.name_of(job), job.epochs)

    def event(self, job: Job, event: Event) -> None:
        self._shown[job.key](event)

    def finish(self, job: Job, run: FinishedRun) -> None:
        self._shown[job.key].end(run.result)
        self.results[job.key] = run.result

    def fail(self, job: Job, reason: str) -> None:
        self._shown[job.key].fail()
        self.reasons[job.key] = reason
        if self._keep_causes:  # with its traceback, and so with all that the run had in memory
            self.causes[job.key] = sys.exception()  # none where another process had it
