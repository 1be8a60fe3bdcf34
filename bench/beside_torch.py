"""How do onnxruntime's modes compare with torch on the same device, eager and by ``torch.compile``?

``python bench/beside_torch.py [NAMES…] [--device cuda:0] [--batch 1,256] [--output FILE]``:
every way of running a network is timed in fresh processes that take turns, torch
with the same weights, contract and loop, and without TensorFloat-32 like
onnxruntime here. Prints a table, the fastest of each place last: e2e counts the
copies from and to numpy, the others find their inputs on the device.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from mnistbench.artifacts import bundled_zoo
from mnistbench.data.dataset import load_dataset
from mnistbench.errors import MnistbenchError, ProcessError, ProviderError
from mnistbench.files import write_json
from mnistbench.locate import locate
from mnistbench.measure.environment import collect_environment
from mnistbench.measure.latency.modes import MODES, Mode, check_mode
from mnistbench.measure.latency.processes import fresh_processes
from mnistbench.measure.latency.subject import Subject, inspect_model
from mnistbench.measure.latency.sweep import make_task
from mnistbench.measure.stats import median
from mnistbench.measure.steady import Plan
from mnistbench.measure.undisturbed import undisturbed
from mnistbench.report.units import seconds
from mnistbench.runtime.devices import Device, resolve_device
from mnistbench.runtime.session import SessionSettings
from mnistbench.runtime.threads import usable_cpus

NETWORKS = ("lenet5", "32-P-32-P-100-50-10-dropout", "largest-dropout")
SECONDS = 900.0
"""For one process of torch; the search of max-autotune takes minutes."""

Way = tuple[str, str, Callable[[], dict[str, float]]]
"""Harness, mode, and what measures it once."""


def ways_of_torch(path: Path, batch_size: int, device: Device, threads: int, modes: list[str]) -> list[Way]:
    """What torch has: eager, and compiled in each of its modes."""

    def measure(how: str, mode: str) -> dict[str, float]:
        script = Path(__file__).with_name("torch_worker.py")
        command = [sys.executable, str(script), str(path), str(batch_size), device.text, str(threads), how, mode]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
        lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
        if done.returncode:
            raise ProcessError(f"torch ({how}) ended with {done.returncode}: {lines[-1] if lines else 'no word'}")
        figures: dict[str, float] = json.loads(lines[-1])
        return figures

    names = {how: "torch" if how == "eager" else f"torch.compile {how}" for how in ("eager", *modes)}
    return [(name, mode, partial(measure, how, mode)) for how, name in names.items() for mode in ("e2e", "bound")]


def ways_of_onnxruntime(
    path: Path, batch_size: int, device: Device, threads: int, ask: Callable[[Any], Any]
) -> list[Way]:
    """Each mode that the device has."""
    model = inspect_model(path)

    def measure(mode: Mode) -> dict[str, float]:
        task = make_task(Subject(model, device, mode), batch_size, Plan.each(), SessionSettings(threads), seed=20)
        figures = ask(task.request).figures
        return {
            "first_call_seconds": figures.session_seconds + figures.first_call_seconds,
            "p50_seconds": figures.p50_seconds,
            "min_seconds": figures.min_seconds,
        }

    found: list[Way] = []
    for mode in MODES:
        try:
            known = check_mode(mode, device)
        except ProviderError:
            continue
        found.append(("onnxruntime", known, partial(measure, known)))
    return found


def compare(ways: list[Way], rounds: int) -> list[dict[str, Any]]:
    """A row a way: medians over its processes; with the error of one that failed."""
    parts: list[list[dict[str, float]]] = [[] for _ in ways]
    errors: list[str | None] = [None] * len(ways)
    for number in range(rounds):
        for position in range(len(ways)):
            which = (position + number) % len(ways)
            if errors[which] is None:
                try:
                    parts[which].append(ways[which][2]())
                except (MnistbenchError, subprocess.TimeoutExpired, OSError) as error:
                    errors[which] = str(error)
    rows = []
    for (harness, mode, _), found, error in zip(ways, parts, errors, strict=True):
        row: dict[str, Any] = {"harness": harness, "mode": mode, "error": error}
        if error is None:
            row |= {key: median([part[key] for part in found]) for key in ("first_call_seconds", "p50_seconds")}
            row["undisturbed_seconds"] = undisturbed([part["min_seconds"] for part in found])
            row["process_p50_seconds"] = [part["p50_seconds"] for part in found]
        rows.append(row)
    return rows


def main() -> None:
    """Compare, print, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=NETWORKS)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch", default="1,256")
    parser.add_argument("--compile", default="max-autotune", help="modes of torch.compile, with commas between")
    parser.add_argument("--threads", type=int, default=usable_cpus())
    parser.add_argument("--rounds", type=int, default=5, help="fresh processes of each")
    parser.add_argument("--output", type=Path, help="write the rows and the environment to this JSON file")
    arguments = parser.parse_args()
    device, threads = resolve_device(arguments.device), arguments.threads
    rows: list[dict[str, Any]] = []
    print(f"{'network':<28} {'batch':>5}  {'harness':<26} {'mode':<6} {'first':>9} {'p50':>9} {'undisturbed':>11}")
    with fresh_processes(load_dataset().test_images) as ask:
        for name in arguments.names:
            path = locate(name, [bundled_zoo()]).path
            for batch_size in map(int, arguments.batch.split(",")):
                ways = ways_of_onnxruntime(path, batch_size, device, threads, ask)
                ways += ways_of_torch(path, batch_size, device, threads, arguments.compile.split(","))
                for row in compare(ways, arguments.rounds):
                    rows.append({"name": name, "batch_size": batch_size, **row})
                    figures = [row.get(f"{key}_seconds") for key in ("first_call", "p50", "undisturbed")]
                    told = " ".join(f"{seconds(figure):>9}" for figure in figures) if row["error"] is None else "failed"
                    print(f"{name:<28} {batch_size:>5}  {row['harness']:<26} {row['mode']:<6} {told}", flush=True)
    for error in dict.fromkeys(row["error"] for row in rows if row["error"] is not None):
        print(f"failed: {error}")
    if arguments.output is not None:
        document = {"schema_version": 1, "kind": "beside_torch", "environment": collect_environment().as_dict()}
        settings = {"device": device.text, "threads": threads, "rounds": arguments.rounds}
        write_json(arguments.output, document | {"settings": settings, "rows": rows})


if __name__ == "__main__":
    main()
