"""``mnistbench bench --executor``: one GPU of each kind, of this machine or of a cluster."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from mnistbench.cli.evaluate import with_paper
from mnistbench.cli.options import combined
from mnistbench.cli.output import print_json, print_sheets, say
from mnistbench.report.sheet import one_line

if TYPE_CHECKING:
    from mnistbench.artifacts import ModelFile
    from mnistbench.cli.kept import KeptFile
    from mnistbench.measure.latency.bench import Bench
    from mnistbench.results import GpuRun, GpusRun

every_gpu_options = combined(
    click.option(
        "--executor",
        type=click.Choice(("local", "pool", "ray")),
        default="local",
        show_default=True,
        help="local: the devices named here. pool: one GPU of each kind that this machine has, one after another. ray: "
        "one of each kind that a Ray cluster has, each alone on its machine.",
    ),
    click.option("--address", metavar="ADDRESS", help="Of the Ray cluster, as in 'mnistbench train'."),
    click.option(
        "--allow-busy", is_flag=True, help="With pool and ray: also measure where every GPU of a kind is in use."
    ),
)


def check_every_gpu(executor: str, address: str | None, *, allow_busy: bool, **others: object) -> None:
    """Refuse options that make no sense together.

    Args:
        executor: As ``--executor`` has it.
        address: As ``--address`` has it.
        allow_busy: As ``--allow-busy`` has it.
        others: Options that name this machine's own devices and files; set when they are true.

    Raises:
        click.BadParameter: When they do not fit.
    """
    if address is not None and executor != "ray":
        raise click.BadParameter(f"{address!r} is the address of a cluster; add --executor ray", param_hint="--address")
    if executor == "local":
        if allow_busy:
            raise click.BadParameter("it is for --executor pool and ray", param_hint="--allow-busy")
        return
    for option, given in others.items():
        if given:
            name = f"--{option.replace('_', '-')}"
            raise click.BadParameter(
                f"it does not go with --executor {executor}, which measures every GPU", param_hint=name
            )


def bench_gpus(
    wanted: Bench,
    providers: Sequence[str],
    files: Mapping[str, ModelFile],
    kept: KeptFile,
    *,
    executor: str,
    address: str | None,
    allow_busy: bool,
) -> GpusRun:
    """Measure models, by name, on one GPU of each kind, and keep the runs in a file meanwhile.

    The file is to be finished when they are printed.
    """
    from mnistbench.bench_files import MOST_SAMPLES, write_gpus_run
    from mnistbench.files import path_in_results
    from mnistbench.measure.latency.every_gpu import bench_every_gpu, gpus_of_cluster, measure_here
    from mnistbench.measure.latency.exclusive import GpuTask, SentModel
    from mnistbench.measure.lent_gpus import lent_gpus, look_at_gpus
    from mnistbench.results import GpuFacts

    models = tuple(SentModel(file.name, path_in_results(file.path), file.path.read_bytes()) for file in files.values())

    def make_task(gpu: GpuFacts) -> GpuTask:
        return GpuTask(wanted, tuple(providers) or ("cuda",), models, gpu, allow_busy)

    def keep(run: GpusRun) -> None:
        kept.write(lambda path: write_gpus_run(path, _with_papers(run, files)))

    kept.check()
    with contextlib.ExitStack() as stack:
        if executor == "ray":
            from mnistbench.cluster import connected

            found, measure = gpus_of_cluster(stack.enter_context(connected(address)), say)
        else:
            found, others = lent_gpus(look_at_gpus())
            if others is not None:
                say(f"left out: {others}")
            measure = measure_here
        try:
            run = bench_every_gpu(found, make_task, measure, allow_busy=allow_busy, keep=keep, on_note=say)
        except KeyboardInterrupt:
            raise kept.interrupted() from None
    kept.written()
    measured = [row for kind in run.kinds if kind.run is not None for row in kind.run.results]
    if sum(len(row.samples_seconds) for row in measured) > MOST_SAMPLES:
        say(
            f"a file has at most {MOST_SAMPLES:,} samples, which the GPUs share: the last rows of one or more are "
            "without theirs; measure fewer rows at once"
        )
    return _with_papers(run, files)


def show_gpus(run: GpusRun, *, as_json: bool) -> int:
    """Print what was measured of each kind; the exit code."""
    from mnistbench.errors import MnistbenchError
    from mnistbench.measure.latency.every_gpu import has_figures

    failed = [kind for kind in run.kinds if kind.error is not None]
    measured = [kind for kind in run.kinds if kind.run is not None and has_figures(kind.run)]
    if as_json:
        print_json(_printed(run))
    else:
        from mnistbench.measure.gpus import label_of, runs_of
        from mnistbench.report.latency_sheets import latency_sheets

        for label, one in runs_of(measured):
            click.echo(f"\n{one_line(label)}")
            print_sheets(latency_sheets(one.results))
        for kind in failed:
            say(f"failed: {label_of(kind.gpus[0])}: {kind.error}")
    if not measured and not as_json:
        raise MnistbenchError("; ".join(dict.fromkeys(kind.error or "" for kind in failed)))
    return 0 if not failed else 3 if measured else 1


def _with_papers(run: GpusRun, files: Mapping[str, ModelFile]) -> GpusRun:
    def complete(kind: GpuRun) -> GpuRun:
        if kind.run is None:
            return kind
        rows = tuple(with_paper(row, files[row.name]) if row.name in files else row for row in kind.run.results)
        return dataclasses.replace(kind, run=dataclasses.replace(kind.run, results=rows))

    return dataclasses.replace(run, kinds=tuple(map(complete, run.kinds)))


def _printed(run: GpusRun) -> dict[str, Any]:
    """The result without the samples."""

    def short(kind: GpuRun) -> GpuRun:
        if kind.run is None:
            return kind
        rows = tuple(dataclasses.replace(row, samples_seconds=(), processes=()) for row in kind.run.results)
        return dataclasses.replace(kind, run=dataclasses.replace(kind.run, results=rows))

    return dataclasses.replace(run, kinds=tuple(map(short, run.kinds))).as_dict()
