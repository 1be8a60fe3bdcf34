"""A stranger's model under load: the whole measurement in a process of its own with limits.

In that process everything is as for any other model, so that its figures are too. Prints nothing.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mnistbench.errors import MnistbenchError, ProcessError, error_named
from mnistbench.files import read_json, write_json
from mnistbench.measure.latency.subject import Model
from mnistbench.measure.load.loaded import load_model
from mnistbench.measure.load.measure import OnResult, measure_load
from mnistbench.measure.load.scenarios import Scenario, limits_of
from mnistbench.measure.load.timer import Timer
from mnistbench.results import LoadResult
from mnistbench.runtime.devices import Device
from mnistbench.runtime.images import Images
from mnistbench.runtime.session import SessionSettings, onnxruntime_errors
from mnistbench.runtime.untrusted.limits import Limits, limit_this_process

RUNS_OF_A_SEARCH = 30
"""More than the search for the highest rate ever makes in one scenario."""

SECONDS_TO_DIE = 10.0


@dataclass(frozen=True)
class Work:
    """What the process is to do; arguments as those of :func:`mnistbench.measure.load.measure.measure_load`."""

    model: Model
    device: Device
    scenarios: Sequence[Scenario]
    images: Images | None
    seconds: float
    settings: SessionSettings
    seed: int


def load_untrusted(work: Work, on_result: OnResult) -> None:
    """Measure one model on its device under several kinds of load; rows come when all are there.

    Raises:
        MnistbenchError: What was found instead, or that the process ended or gave no answer in time.
    """
    limits, model = work.model.untrusted, work.model
    assert limits is not None, "it is trusted"
    longest = sum(limits_of(scenario, work.seconds).max_seconds for scenario in work.scenarios) * RUNS_OF_A_SEARCH
    with tempfile.TemporaryDirectory(prefix="mnistbench-") as folder:
        answered = Path(folder) / "answer.json"
        process = multiprocessing.get_context("spawn").Process(target=_do, args=(work, limits, answered), daemon=True)
        process.start()
        try:
            process.join(limits.seconds + longest)
            late = process.exitcode is None
        finally:
            if process.exitcode is None:
                process.kill()
                process.join(SECONDS_TO_DIE)
        rows, error = _read(answered)
    for row in rows:
        on_result(row)
    if error is not None:
        raise error
    if late or process.exitcode:
        how = "it gave no answer in time" if late else f"it ended with exit code {process.exitcode}"
        raise ProcessError(
            f"{model.path}: the process that ran it untrusted is over: {how}; the file is damaged or hostile, or needs "
            f"more than {limits.memory_bytes >> 20:,} MiB"
        )


def _do(work: Work, limits: Limits, answered: Path) -> None:
    """In the process: measure, and write each row as soon as it exists."""
    os.dup2(2, 1)  # what libraries print is no result
    onnxruntime_errors()  # the libraries first: their memory is not the model's
    limit_this_process(limits)
    rows: list[dict[str, Any]] = []

    def keep(row: LoadResult) -> None:
        rows.append(row.as_dict())
        write_json(answered, {"rows": rows})

    try:
        measure_load(
            load_model(work.model, work.device, work.settings),
            work.scenarios,
            images=work.images,
            seconds=work.seconds,
            timer=Timer(),
            seed=work.seed,
            on_result=keep,
        )
    except MnistbenchError as error:
        write_json(answered, {"rows": rows, "error": str(error), "type": type(error).__name__})


def _read(answered: Path) -> tuple[list[LoadResult], MnistbenchError | None]:
    """What the process wrote, which may be nothing or anything."""
    try:
        document = read_json(answered)
        rows = [LoadResult.from_dict(row) for row in document["rows"]]
        if "error" not in document:
            return rows, None
        return rows, error_named(document["type"], document["error"])
    except FileNotFoundError:
        return [], None
    except (OSError, ValueError, KeyError, TypeError, MnistbenchError) as error:
        return [], ProcessError(f"the process that ran the model untrusted gave a damaged answer: {error}")
