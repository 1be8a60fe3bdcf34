"""Searches the settings with which models run fastest, in fresh processes.

Every candidate is measured in rounds whose order rotates, as rows of the
benchmark are, and those that are clearly slower are dropped after a round.
Which is the best is decided in :mod:`mnistbench.measure.latency.choice`. Prints
nothing; what it finds and how far it is goes through callbacks.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from mnistbench.errors import MnistbenchError
from mnistbench.files import path_in_results
from mnistbench.measure.latency.bench import Bench
from mnistbench.measure.latency.candidates import candidate_settings
from mnistbench.measure.latency.choice import choose, survivors
from mnistbench.measure.latency.combine import spread_interval
from mnistbench.measure.latency.processes import fresh_processes
from mnistbench.measure.latency.subject import Subject
from mnistbench.measure.latency.sweep import Progress, Runner, Task, make_task, possible_batches
from mnistbench.measure.stats import median
from mnistbench.results import Environment, TuningCandidate, TuningResult
from mnistbench.runtime.devices import Device
from mnistbench.runtime.images import Images


def run_tuning(
    bench: Bench,
    files: Iterable[tuple[Path, str]],
    environment: Environment,
    *,
    keep: Callable[[TuningResult], None],
    on_note: Callable[[str], None] | None = None,
    on_progress: Progress | None = None,
    make_runner: Callable[[Images | None], contextlib.AbstractContextManager[Runner]] = fresh_processes,
) -> list[TuningResult]:
    """Tune each model on each device at each batch size.

    What cannot be tuned becomes a result with an error, unless it is the only file.

    Args:
        bench: What and how; its settings are the default ones, with as many threads as there may be.
        files: Paths, and what to call each.
        environment: The machine.
        keep: Gets each result as soon as it exists.
        on_note: Gets what the user should know of how it is measured.
        on_progress: Called before each measurement; the count begins anew with each result.
        make_runner: What measures a request, given the images.

    Raises:
        MnistbenchError: When the only file cannot be measured, or nothing that is asked for makes sense.
    """
    files = list(files)
    note = on_note or (lambda _text: None)
    pairs, left_out = bench.pairs()
    for one in left_out:
        note(f"left out: {one.reason}")
    models, broken = bench.inspect_all(files, note)
    results: list[TuningResult] = []

    def found(result: TuningResult) -> None:
        results.append(result)
        keep(result)

    with make_runner(bench.images) as runner:
        for model in models:
            for device, mode in pairs:
                for batch_size in possible_batches(model, bench.batch_sizes):
                    found(tune(bench, Subject(model, device, mode), batch_size, environment, runner, on_progress))
    missing: list[tuple[str, Path, str, Device, str, str]] = [
        (name, path, "", device, mode, error) for path, name, error in broken for device, mode in pairs
    ]
    missing += [
        (model.name, model.path, model.sha256, one.device, one.mode, one.reason)
        for model in models
        for one in left_out
        if not one.is_covered
    ]
    for name, path, sha256, device, asked, error in missing:
        facts = (name, path_in_results(path), sha256, device.text, device.source.name, asked, 0, environment)
        found(TuningResult(*facts, error=error))
    return results


def tune(
    bench: Bench,
    subject: Subject,
    batch_size: int,
    environment: Environment,
    runner: Runner,
    on_progress: Progress | None = None,
) -> TuningResult:
    """Find the best settings for one model on one device at one batch size.

    In the mode ``graph`` the default settings are measured in the mode ``bound``
    too, which says what the graph gains. That is no candidate: modes are never ranked together.

    Args:
        bench: Default settings, processes and plan.
        subject: The model, the device, the mode.
        batch_size: Items in a call.
        environment: The machine.
        runner: Measures one request.
        on_progress: Gets the candidate that is measured next, the number of measurements done, and how many there
            will be if no more candidates are dropped.
    """
    result = partial(
        TuningResult,
        name=subject.model.name,
        file=path_in_results(subject.model.path),
        sha256=subject.model.sha256,
        device=subject.device.text,
        provider=subject.device.source.name,
        mode=subject.mode,
        batch_size=batch_size,
        environment=environment,
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        asked={"processes": bench.processes, "seed": bench.seed, "plan": dataclasses.asdict(bench.plan)},
    )
    try:
        candidates = candidate_settings(subject.device, bench.settings)
    except MnistbenchError as error:
        return result(error=str(error))
    tasks = [make_task(subject, batch_size, bench.plan, settings, bench.seed) for settings in candidates]
    reference = None
    if subject.mode == "graph":
        call_by_call = dataclasses.replace(subject, mode="bound")
        reference = make_task(call_by_call, batch_size, bench.plan, candidates[0], bench.seed)
    finalists = _halve(tasks, reference, bench.processes, runner, on_progress)
    shown = tuple(map(_candidate, tasks))
    result = partial(
        result, candidates=shown, baseline=0, reference=_candidate(reference) if reference is not None else None
    )
    if not finalists:
        return result(error="; ".join(dict.fromkeys(task.error or "" for task in tasks)))
    costs = [(one.intra_op_num_threads, int(one.allow_spinning)) for one in shown]
    choice = choose([one.process_seconds for one in shown], finalists, costs)
    return result(**dataclasses.asdict(choice))


def _halve(
    tasks: Sequence[Task], reference: Task | None, rounds: int, runner: Runner, on_progress: Progress | None
) -> list[int]:
    """Measure in rounds and drop what is clearly slower; the first task and the reference stay. Who is left at last."""
    running = list(range(len(tasks)))
    done = 0
    for number in range(rounds):
        turn = [*(tasks[position] for position in running), *([reference] if reference is not None else [])]
        total = done + len(turn) * (rounds - number)
        first = number * len(turn) // rounds
        for task in turn[first:] + turn[:first]:
            if task.error is None:
                if on_progress is not None:
                    on_progress(task, done, total)
                task.measure(runner)
            done += 1
        running = [position for position in running if tasks[position].error is None]
        if number + 1 < rounds:
            running = survivors([_seconds(task) for task in tasks], running)
    return running


def _seconds(task: Task) -> tuple[float, ...]:
    return tuple(measured.figures.p50_seconds for measured in task.measured)


def _candidate(task: Task) -> TuningCandidate:
    settings, seconds = task.request.settings, _seconds(task)
    candidate = TuningCandidate(
        intra_op_num_threads=settings.intra_op_num_threads,
        allow_spinning=settings.allow_spinning,
        provider_options=dict(settings.provider_options),
        process_seconds=seconds,
        error=task.error,
    )
    if task.error is not None:
        return candidate
    p50 = median(seconds)
    low, high = spread_interval(seconds) or (None, None)
    if low is not None and high is not None:
        low, high = min(low, p50), max(high, p50)
    return dataclasses.replace(candidate, p50_seconds=p50, p50_low_seconds=low, p50_high_seconds=high)
