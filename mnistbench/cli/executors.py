"""Where ``train`` trains: the options that say it, and the engine that they mean."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnistbench.cli.options import NO_PATH, combined
from mnistbench.cli.output import say

if TYPE_CHECKING:
    from mnistbench.spec import NetworkSpec
    from mnistbench.training.executor import Executor, Sweep
    from mnistbench.training.hardware import TorchDevice
    from mnistbench.training.job import Precision
    from mnistbench.training.stores import Store
    from mnistbench.training.sweep import Observer

EXECUTORS = ("auto", "local", "pool", "ray")

executor_options = combined(
    click.option(
        "--executor",
        type=click.Choice(EXECUTORS),
        default="auto",
        show_default=True,
        help="Which engine trains. local: this process. pool: processes of this machine, one on each of its GPUs or as "
        "many as --parallel on the CPU. ray: every machine of a Ray cluster. auto: pool for several runs on the CPU, "
        "else local.",
    ),
    click.option(
        "--address",
        metavar="ADDRESS",
        help="Of the Ray cluster: HOST:PORT of its head, or auto for the one that this machine belongs to. Default: "
        "one on this machine alone, for this command.",
    ),
    click.option(
        "--results-to",
        metavar="URL",
        help="Also keep finished runs there, and take those that are there as done: a folder or an object store, such "
        "as s3://BUCKET/FOLDER. The machines of a cluster then need no common work folder.",
    ),
)


@dataclass(frozen=True)
class Engine:
    """Somewhere to train, and what it does to the jobs.

    Attributes:
        executor: Trains them.
        device: Its kind is part of every job.
        choose_precisions: The precision for each network.
        in_process: Whether it takes the dataset that this process has.
    """

    executor: Executor
    device: TorchDevice
    choose_precisions: Callable[[Sequence[NetworkSpec]], Sequence[Precision]]
    in_process: bool = False


def open_engine(
    name: str, device: str, *, at_once: int, num_jobs: int, address: str | None, store: Store | None = None
) -> Engine:
    """The engine that the options mean; it is not started.

    Args:
        name: One of ``EXECUTORS``.
        device: As ``--device`` has it.
        at_once: As ``--parallel`` has it.
        num_jobs: There are.
        address: As ``--address`` has it.
        store: As ``--results-to`` has it.

    Raises:
        click.BadParameter: When options do not fit each other.
        ProviderError: When the device cannot be used.
    """
    if address is not None and name != "ray":
        raise click.BadParameter(f"{address!r} is the address of a cluster; add --executor ray", param_hint="--address")
    if name == "ray":
        return _ray_engine(device, at_once, address, store)
    from mnistbench.training.hardware import choose_device, choose_precision, usable_gpus
    from mnistbench.training.local import LocalExecutor
    from mnistbench.training.parallel import PoolExecutor

    chosen = choose_device(device)

    def choose_precisions(specs: Sequence[NetworkSpec]) -> list[Precision]:
        return [choose_precision(spec, chosen) for spec in specs]

    on_cpu = chosen.type == "cpu"
    if name == "local" and on_cpu and at_once > 1:
        raise click.BadParameter(
            f"{at_once} runs at once on the CPU need processes; use --executor pool", param_hint="--parallel"
        )
    if name == "auto":
        name = "pool" if on_cpu and min(at_once, num_jobs) > 1 else "local"
    if name == "local":
        return Engine(LocalExecutor(chosen, at_once), chosen, choose_precisions, in_process=True)
    gpus = () if on_cpu else usable_gpus(device)
    return Engine(PoolExecutor(gpus, at_once, on_note=say), chosen, choose_precisions)


def _ray_engine(device: str, at_once: int, address: str | None, store: Store | None) -> Engine:
    from mnistbench.cluster import connected
    from mnistbench.training.hardware import kind_of_device
    from mnistbench.training.on_ray import RayExecutor, find_kind

    if device not in ("auto", "cpu", "cuda"):
        raise click.BadParameter(
            f"{device!r} is a device of one machine; expected auto, cpu or cuda for a cluster", param_hint="--device"
        )
    # For the whole command: all that is asked of the cluster then goes through one connection.
    ray = click.get_current_context().with_resource(connected(address))
    kind = find_kind(ray) if device == "auto" else device
    executor = RayExecutor("cuda" if kind == "cuda" else "cpu", at_once, address, store=store, on_note=say)
    return Engine(executor, kind_of_device(kind), executor.choose_precisions)


def find_store(url: str | None) -> Store | None:
    """The store that ``--results-to`` means; a folder by its path is one too.

    Raises:
        click.BadParameter: When the text is empty.
    """
    from mnistbench.training.stores import Store

    if url is None:
        return None
    if not url:
        raise click.BadParameter(NO_PATH, param_hint="--results-to")
    return Store(url if "://" in url else str(Path(url).absolute()))


def train_sweep(engine: Engine, sweep: Sweep, observer: Observer, store: Store | None) -> None:
    """Train with an engine; with a store, what is there counts as done, and what is finished goes there."""
    if store is None:
        engine.executor.train(sweep, observer)
        return
    from mnistbench.training.storing import Storing, prepare_store

    prepare_store(store, sweep)
    engine.executor.train(sweep, Storing(observer, store, sweep.work_dir, replace=not sweep.resume))


def everywhere(data_dir: Path | None) -> Path | None:
    """A folder by a name that other processes and machines understand too."""
    return None if data_dir is None else data_dir.absolute()
