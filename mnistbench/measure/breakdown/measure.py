"""Takes calls apart: times everything in rounds, then profiles each call in a process of its own.

Whatever fails becomes a row with an error or a problem, and the others go on. Prints nothing.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from mnistbench.errors import MnistbenchError
from mnistbench.files import path_in_results
from mnistbench.measure.breakdown.arithmetic import spec_of
from mnistbench.measure.breakdown.parts import combine_parts
from mnistbench.measure.breakdown.profile import Profile
from mnistbench.measure.breakdown.runners import Profiler, fresh_runners
from mnistbench.measure.breakdown.timed import Breakdown, Timed
from mnistbench.measure.latency.floor import floor_model
from mnistbench.measure.latency.sweep import Progress, Runner, Task
from mnistbench.results import BreakdownResult, CrossingResult
from mnistbench.runtime.images import Images

_BLANK = np.zeros((1, 28, 28), dtype=np.uint8)
"""For the model that does nothing, beside models that are given tensors."""

MakeRunners = Callable[[Images | None], contextlib.AbstractContextManager[tuple[Runner, Profiler]]]
"""What times and what profiles requests, given the images."""


def measure_breakdown(
    wanted: Breakdown,
    files: Iterable[tuple[Path, str]],
    *,
    keep: Callable[[BreakdownResult | CrossingResult], None],
    on_note: Callable[[str], None] | None = None,
    on_progress: Progress | None = None,
    make_runners: MakeRunners = fresh_runners,
) -> None:
    """Measure files.

    A file that cannot be read becomes a row with an error, unless it is the only one.

    Args:
        wanted: What and how.
        files: Paths, and what to call each.
        keep: Gets each result as soon as it exists: one a model, device and batch size, then one a model and
            pair of devices.
        on_note: Gets what the user should know of how it is measured.
        on_progress: Called before each measurement.
        make_runners: What measures.

    Raises:
        MnistbenchError: When the only file cannot be read, or a batch size makes no sense.
    """
    bench = wanted.bench
    models, broken = bench.inspect_all(list(files), on_note or (lambda _text: None))
    for path, name, error in broken:
        for device in bench.devices:
            keep(BreakdownResult(name, path_in_results(path), "", device.text, 0, error=error))
    if not models:
        return
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="mnistbench-"))
        timed = Timed(wanted, models, floor_model(Path(folder)))
        run, profile = stack.enter_context(make_runners(bench.images if bench.images is not None else _BLANK))
        calls, tell = timed.calls, on_progress or (lambda _task, _done, _total: None)
        total = timed.count + len(calls)
        timed.run(run, lambda task, done, _total: tell(task, done, total))
        for position, task in enumerate(calls):
            tell(task, timed.count + position, total)
            rows = timed.rows(task)
            times = _profile(profile, task) if rows.e2e.error is None else ""
            keep(combine_parts(rows, times, spec_of(task.subject.model.info.metadata)))
        for result in timed.crossings():
            keep(result)


def _profile(profile: Profiler, task: Task) -> Profile | str:
    """Times by node, or why there are none."""
    try:
        return profile(task.request)
    except MnistbenchError as error:
        return str(error)
