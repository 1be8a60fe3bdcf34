"""The benchmark on one GPU of each kind, of this machine or of a cluster, and what comes of it as one result."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from mnistbench.cluster import Node, ask_nodes, nodes_of
from mnistbench.errors import BusyGpuError, MnistbenchError, ProviderError
from mnistbench.measure.gpus import label_of, plan_gpus, why_busy
from mnistbench.measure.latency.alone import run_alone
from mnistbench.measure.latency.exclusive import GpuTask, measure_gpu
from mnistbench.measure.latency.own_process import in_own_process
from mnistbench.measure.lent_gpus import GpusHere, lent_gpus, look_at_gpus
from mnistbench.results import BenchRun, GpuFacts, GpuRun, GpusRun

Done = tuple[int, BenchRun | None, Exception | None]
"""The number of a task, and its run or why there is none."""

OnPart = Callable[[int, BenchRun], None]
"""Gets the number of a task, and its run as it stands."""

Measure = Callable[[Sequence[GpuTask], OnPart], Iterator[Done]]
"""Measures tasks, in any order."""

UNFINISHED = "not finished: it was stopped before everything was measured"
"""The error of a kind whose run is under way, for whoever reads what is left of it."""


def bench_every_gpu(
    found: Sequence[GpuFacts],
    make_task: Callable[[GpuFacts], GpuTask],
    measure: Measure,
    *,
    allow_busy: bool,
    keep: Callable[[GpusRun], None],
    on_note: Callable[[str], None],
) -> GpusRun:
    """Measure one GPU of each kind: the first that nobody uses when its turn comes.

    Args:
        found: Every GPU.
        make_task: What is to be measured on one.
        measure: Measures.
        allow_busy: Measure a kind of which every GPU is in use, and say so.
        keep: Gets the result as it stands, after each GPU and while one is measured.
        on_note: Gets what the user should know.

    Raises:
        ProviderError: When there is no GPU.
    """
    kinds = list(plan_gpus(found, allow_busy=allow_busy))
    if not kinds:
        raise ProviderError("no NVIDIA GPU was found; check nvidia-smi, or measure the CPU without --executor")
    started = datetime.now(UTC).isoformat(timespec="seconds")
    for kind in kinds:
        on_note(f"{label_of(kind.gpus[0])}: {kind.error or kind.caution or f'one of {len(kind.gpus)} is measured'}")
    open_ = [number for number, kind in enumerate(kinds) if kind.error is None]
    others = {number: idle_after_first(kinds[number]) for number in open_}
    keep(GpusRun(started, tuple(kinds)))

    def keep_part(done: int, run: BenchRun) -> None:
        if has_figures(run):
            number = open_[done]
            kinds[number] = dataclasses.replace(kinds[number], run=run, error=UNFINISHED)
            keep(GpusRun(started, tuple(kinds)))

    while open_:
        again = []
        for done, run, error in measure([make_task(kinds[number].gpus[0]) for number in open_], keep_part):
            number = open_[done]
            if isinstance(error, BusyGpuError) and others[number]:
                on_note(f"{label_of(kinds[number].gpus[0])}: in use by now; the next one of its kind is measured")
                kinds[number] = with_first(kinds[number], others[number].pop(0))
                again.append(number)
                continue
            said = None if error is None else str(error) or type(error).__name__
            kinds[number] = with_outcome(kinds[number], run, said)
            on_note(f"{label_of(kinds[number].gpus[0])}: {said or 'done'}")
            keep(GpusRun(started, tuple(kinds)))
        open_ = again
    return GpusRun(started, tuple(kinds))


def idle_after_first(kind: GpuRun) -> list[GpuFacts]:
    """The GPUs of a kind beside its first one that nobody used when they were looked at."""
    return [gpu for gpu in kind.gpus[1:] if why_busy(gpu) is None]


def with_first(kind: GpuRun, gpu: GpuFacts) -> GpuRun:
    """A kind of which another GPU is to be measured."""
    return dataclasses.replace(kind, gpus=(gpu, *(other for other in kind.gpus if other != gpu)))


def with_outcome(kind: GpuRun, run: BenchRun | None, error: str | None) -> GpuRun:
    """A kind of GPU after its measurement; a run without a single figure is an error too.

    Where there is no run, what was measured before the error stays beside it.
    """
    if run is None:
        return dataclasses.replace(kind, error=error)
    if not has_figures(run):
        error = "; ".join(dict.fromkeys(row.error or "" for row in run.results)) or "nothing was measured"
    return dataclasses.replace(kind, run=run, error=error)


def has_figures(run: BenchRun) -> bool:
    """Whether any of its rows was measured."""
    return any(row.error is None for row in run.results)


def measure_here(tasks: Sequence[GpuTask], on_part: OnPart) -> Iterator[Done]:
    """On this machine, one after another: two at once would share its processors."""
    for number, task in enumerate(tasks):
        try:
            yield number, in_own_process(measure_gpu, task, partial(on_part, number)), None
        except MnistbenchError as error:
            yield number, None, error


def _look() -> GpusHere:
    """What each machine of a cluster is asked."""
    return look_at_gpus(as_started=True)


def gpus_of_cluster(ray: Any, on_note: Callable[[str], None]) -> tuple[tuple[GpuFacts, ...], Measure]:
    """The GPUs that a cluster's machines lend, and what measures on them.

    Args:
        ray: As :func:`mnistbench.cluster.connected` gives it.
        on_note: Told of machines that do not answer or are waited for, and of GPUs that are not lent.
    """
    gpus: list[GpuFacts] = []
    homes: dict[str, Node] = {}
    for answered in ask_nodes(ray, nodes_of(ray), _look):
        if answered.answer is None:
            on_note(f"left out: {answered.error}")
            continue
        lent, others = lent_gpus(answered.answer, math.floor(answered.node.gpus))
        if others is not None:
            on_note(f"left out: {answered.node.address}: {others}")
        gpus += [dataclasses.replace(gpu, node=answered.node.address) for gpu in lent]
        homes |= {gpu.uuid: answered.node for gpu in lent}

    def measure(tasks: Sequence[GpuTask], on_part: OnPart) -> Iterator[Done]:
        placed = [(homes[task.gpu.uuid], task) for task in tasks]
        return run_alone(ray, measure_gpu, placed, on_part=on_part, on_note=on_note)

    return tuple({gpu.uuid: gpu for gpu in gpus}.values()), measure
