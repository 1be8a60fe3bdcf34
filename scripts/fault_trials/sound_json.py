"""Every JSON file that this project reads, sound and in its place, with the commands that read it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fault_trials.sound_runs import Runs, stopped_and_finished
from mnistbench import load
from mnistbench.artifacts import bundled_zoo, publish_model, put_results, read_manifest
from mnistbench.bench_files import write_bench_run
from mnistbench.files import sha256_of, write_json
from mnistbench.locate import locate_all
from mnistbench.measure.environment import collect_environment
from mnistbench.measure.summary import manifest_results, summarize
from mnistbench.measure.tuned import read_tuning
from mnistbench.published import read_published, save_published
from mnistbench.results import BenchRun, Environment, LatencyResult, ProcessResult, TuningCandidate, TuningResult
from mnistbench.training.checkpoint import read_checkpoint
from mnistbench.training.export import export_run
from mnistbench.training.job import find_finished, read_finished
from mnistbench.training.states import write_failure

Command = Callable[[Path], "tuple[object, ...] | Callable[[], object]"]
"""Given the folder: the arguments of ``mnistbench``, or a function of the library to call."""

Documents = dict[str, tuple[bytes, list[tuple[str, Command]]]]


def sound_documents(folder: Path) -> Documents:
    """Fill an empty folder; content of each file by its kind, with its place and what reads it."""
    runs = stopped_and_finished(folder)
    _write_failure(runs)
    environment = collect_environment()
    finished = read_finished(runs.job.folder(runs.finished_work))
    assert finished is not None
    export_run(finished, runs.job.network, runs.dataset, folder / "finished" / "zoo")
    _write_bench(folder, environment)
    _write_tuning(folder, environment)
    _write_published(folder)
    return {name: (_content(folder, commands), commands) for name, commands in _commands(runs).items()}


def _content(folder: Path, commands: list[tuple[str, Command]]) -> bytes:
    return (folder / commands[0][0]).read_bytes()


def _commands(runs: Runs) -> dict[str, list[tuple[str, Command]]]:
    job = runs.job
    inside = f"training/{job.network.name}/{job.key}"
    model = "finished/zoo/manifest.json"
    page = "page.html"
    data = ("--data-dir", runs.stopped_work.parent / "digits")

    def both(path: Path) -> tuple[object, ...]:
        return ("compare", path / "bench.json", path / "sound-bench.json", "--json")

    return {
        "manifest": [
            (model, lambda path: lambda: locate_all(["8-10", "quick"], [path / "finished" / "zoo", bundled_zoo()])),
            (model, lambda path: lambda: _publish_again(path / "finished" / "zoo")),
            (model, lambda path: ("evaluate", "8-10", "--work-dir", path / "finished", *data, "--json")),
            (model, lambda path: ("card", "8-10", "--work-dir", path / "finished", *data, "--json")),
        ],
        "result": [
            (f"finished/{inside}/result.json", lambda path: ("runs", "--work-dir", path / "finished", "--json")),
            (f"finished/{inside}/result.json", lambda path: ("runs", "--work-dir", path / "finished")),
            (f"finished/{inside}/result.json", lambda path: ("results", "--work-dir", path / "finished", "--json")),
            (
                f"finished/{inside}/result.json",
                lambda path: lambda: _export_into(path, path / "finished", runs),
            ),
        ],
        "state": [
            (f"stopped/{inside}/state.json", lambda path: ("runs", "--work-dir", path / "stopped", "--json")),
            (f"stopped/{inside}/state.json", lambda path: lambda: read_checkpoint(job.folder(path / "stopped"), job)),
        ],
        "job": [(f"stopped/{inside}/job.json", lambda path: ("runs", "--work-dir", path / "stopped", "--json"))],
        "failure": [
            (f"stopped/{inside}/failure.json", lambda path: ("runs", "--work-dir", path / "stopped", "--json")),
            (f"stopped/{inside}/failure.json", lambda path: ("runs", "--work-dir", path / "stopped")),
        ],
        "benchmark run": [
            ("bench.json", both),
            ("bench.json", lambda path: ("compare", path / "bench.json", path / "sound-bench.json")),
            ("bench.json", lambda path: ("compare", path / "bench.json", "--json")),
            ("bench.json", lambda path: ("report", path / "bench.json", "--output", path / page)),
        ],
        "tuning": [
            ("tuned.json", lambda path: lambda: read_tuning(path / "tuned.json")),
            ("tuned.json", lambda path: lambda: load("64-64-10", tuned=path / "tuned.json")),
        ],
        "published results": [
            ("saved/results.json", lambda path: lambda: _summarize(path / "saved" / "results.json")),
            ("saved/results.json", lambda path: lambda: _save_again(path / "saved" / "results.json")),
        ],
    }


def _publish_again(zoo: Path) -> None:
    content = (zoo / "8-10.onnx").read_bytes()
    (entry,) = [one for one in read_manifest(zoo) if one.file == "8-10.onnx"][:1] or [None]
    if entry is not None and entry.sha256 == sha256_of(zoo / "8-10.onnx"):
        publish_model(zoo, entry, content)
    put_results(zoo, list)


def _export_into(path: Path, work: Path, runs: Runs) -> None:
    found = find_finished(work, "8-10")
    if found is not None:
        shutil.rmtree(path / "exported", ignore_errors=True)
        export_run(found, runs.job.network, runs.dataset, path / "exported")


def _summarize(file: Path) -> None:
    json.dumps([one.as_dict() for one in summarize(read_published(file).runs)], allow_nan=False)


def _save_again(file: Path) -> None:
    merged = save_published(file, read_published())
    put_results(file.parent, lambda: manifest_results(summarize(merged.runs)))


def _write_bench(folder: Path, environment: Environment) -> None:
    def row(name: str, batch_size: int, seconds: float, **changes: Any) -> LatencyResult:
        medians = [seconds * factor for factor in (1.0, 1.02, 0.99)]
        processes = tuple(
            ProcessResult(0.01, 0.001, 10, True, 3, "noise", value, value, value, {"cpu_mhz": 2000.0})
            for value in medians
        )
        figures = {
            "p50_seconds": seconds,
            "p90_seconds": seconds * 1.1,
            "p99_seconds": seconds * 1.3,
            "mean_seconds": seconds,
            "min_seconds": seconds * 0.9,
            "undisturbed_seconds": seconds * 0.95,
            "throughput": batch_size / seconds,
            "samples_seconds": tuple(seconds * (1 + n % 7 / 100) for n in range(9)),
            "percentile_bounds": {"p90": (seconds, seconds * 1.2)},
            "num_samples": 9,
            "session_seconds": 0.01,
            "first_call_seconds": 0.001,
            "provider": "CPUExecutionProvider",
            "processes": processes,
            "options": {"intra_op_num_threads": 2, "allow_spinning": True, "provider_options": {}, "seed": 20},
            "node_placement": {"CPUExecutionProvider": 3},
            "notation": name,
            "num_parameters": 6370,
            "error_rate": 0.05,
        }
        return LatencyResult(name, f"{name}.onnx", "ab" * 32, "cpu", "e2e", batch_size, **(figures | changes))

    rows = (row("8-10", 1, 1e-4), row("8-10", 32, 3e-4), row("64-64-10", 1, 2e-4))
    failed = LatencyResult("16-10", "16-10.onnx", "", "cuda:0", "e2e", 1, error="no NVIDIA driver")
    run = BenchRun("2026-11-23T04:00:00+00:00", environment, {"processes": 3}, (*rows, failed))
    for name in ("bench.json", "sound-bench.json"):
        write_bench_run(folder / name, run)


def _write_tuning(folder: Path, environment: Environment) -> None:
    candidates = (
        TuningCandidate(2, True, {}, 0.0002, 0.00019, 0.00021, (0.0002, 0.00019, 0.00021)),
        TuningCandidate(1, True, {}, 0.00016, 0.000152, 0.000168, (0.00016, 0.00015, 0.00017)),
    )
    model = bundled_zoo() / "64-64-10.onnx"
    tuning = TuningResult(
        "64-64-10",
        str(model),
        sha256_of(model),
        "cpu",
        "cpu",
        "e2e",
        1,
        environment,
        candidates,
        0,
        1,
        1.25,
        1.2,
        1.3,
        "FASTER",
        started="2026-01-01T00:00:00+00:00",
    )
    write_json(folder / "tuned.json", tuning.as_dict())


def _write_published(folder: Path) -> None:
    committed = read_published()
    file = folder / "saved" / "results.json"
    save_published(file, type(committed)(committed.runs[:6], committed.environments))


def _write_failure(runs: Runs) -> None:
    folder = runs.job.folder(runs.stopped_work)
    write_failure(
        folder, runs.job, state="failed", error="memory ran out", epoch=2, when=datetime(2026, 1, 1, tzinfo=UTC)
    )
