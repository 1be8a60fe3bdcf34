"""Do our medians agree with an independent harness on the same session?

``python bench/agreement.py [--output FILE]``: torch.utils.benchmark times the very
session and input that ``measure_steady`` times, in turns; for the OpenVINO
provider, OpenVINO's own ``benchmark_app`` times the same file. Prints the ratio
of ours to theirs; 1.00 is agreement.
"""

from __future__ import annotations

import argparse
import itertools
import re
import shutil
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

from torch.utils.benchmark import Timer

from mnistbench.artifacts import bundled_zoo
from mnistbench.data.dataset import load_dataset
from mnistbench.errors import ProviderError
from mnistbench.files import write_json
from mnistbench.locate import locate
from mnistbench.measure.clock import MonotonicClock
from mnistbench.measure.environment import collect_environment
from mnistbench.measure.latency.inputs import Inputs
from mnistbench.measure.latency.modes import Call, make_call
from mnistbench.measure.latency.single import time_call
from mnistbench.measure.latency.workload import Workload, make_workload
from mnistbench.measure.steady import Plan
from mnistbench.report.units import seconds
from mnistbench.runtime.classifier import load_classifier
from mnistbench.runtime.devices import resolve_device
from mnistbench.runtime.session import SessionSettings

NETWORKS = ("64-64-10", "lenet5", "32-P-32-P-100-50-10-dropout", "largest-dropout")
BATCHES = (1, 32, 256)
ROUNDS = 41
TURN_SECONDS = 0.05
TURN_CALLS = 4
"""A turn is as short as that, so that both harnesses mostly meet the machine in the same state."""


def beside_torch(name: str, batch_size: int, threads: int) -> dict[str, Any]:
    """Both harnesses on one session and one input, taking turns."""
    classifier = load_classifier(locate(name, [bundled_zoo()]).path, settings=SessionSettings(threads))
    plan = classifier.input_plan
    workload = make_workload(Inputs((plan.output,), plan), batch_size, load_dataset().test_images)
    call = make_call("e2e", classifier.session, resolve_device("cpu"), workload, [])
    numbers = itertools.count()
    timer = Timer("call(next(numbers))", globals={"call": call, "next": next, "numbers": numbers}, num_threads=threads)
    turn = max(TURN_SECONDS, TURN_CALLS * ours_median(call, workload, TURN_SECONDS))
    ours, theirs = [], []
    for number in range(ROUNDS):
        for which in (0, 1) if number % 2 == 0 else (1, 0):
            if which == 0:
                ours.append(ours_median(call, workload, turn))
            else:
                theirs.append(timer.blocked_autorange(min_run_time=turn).median)
    return row(name, batch_size, "torch.utils.benchmark", ours, theirs)


def beside_benchmark_app(name: str, batch_size: int, threads: int) -> dict[str, Any]:
    """Our OpenVINO provider beside OpenVINO's own tool, on the same file.

    Raises:
        ProviderError: When either is not there.
    """
    program = shutil.which("benchmark_app", path=str(Path(sys.executable).parent)) or shutil.which("benchmark_app")
    if program is None:
        raise ProviderError("benchmark_app is not installed; run: pip install openvino")
    path = locate(name, [bundled_zoo()]).path
    device = resolve_device("cpu", "openvino")
    classifier = load_classifier(path, device=device, settings=SessionSettings(threads))
    plan = classifier.input_plan
    workload = make_workload(Inputs((plan.output,), plan), batch_size, load_dataset().test_images)
    call = make_call("e2e", classifier.session, device, workload, [])
    command = [program, "-m", str(path), "-d", "CPU", "-api", "sync", "-t", "3", "-nstreams", "1"]
    command += ["-nthreads", str(threads), "-hint", "none", "-data_shape", f"[{batch_size},1,28,28]"]
    ours, theirs = [], []
    for _ in range(3):
        ours.append(ours_median(call, workload, 1.0))
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        theirs.append(benchmark_app_median(done.stdout + done.stderr))
    return row(name, batch_size, "benchmark_app", ours, theirs)


def ours_median(call: Call, workload: Workload, turn_seconds: float) -> float:
    """Median of a turn, by the loop of ``mnistbench bench`` with its checks."""
    expected = [workload.digest(call.answer(call(index))) for index in range(len(workload.feeds))]
    plan = Plan(
        min_warmup_calls=1,
        min_warmup_seconds=0.0,
        max_warmup_seconds=turn_seconds / 4,
        min_seconds=turn_seconds,
        max_seconds=turn_seconds,
        min_samples=1,
    )
    return median(time_call(call, workload, expected, plan, MonotonicClock()).seconds)


def benchmark_app_median(text: str) -> float:
    """Seconds from the line ``Median:  0.05 ms``.

    Raises:
        ProviderError: When there is no such line.
    """
    match = re.search(r"Median:\s+([0-9.]+) ms", text)
    if match is None:
        raise ProviderError(f"benchmark_app gave no median: {text.strip().splitlines()[-1:]}")
    return float(match[1]) / 1000


def row(name: str, batch_size: int, harness: str, ours: list[float], theirs: list[float]) -> dict[str, Any]:
    """One comparison: medians over the rounds, and the median of the rounds' ratios."""
    return {
        "name": name,
        "batch_size": batch_size,
        "harness": harness,
        "ours_seconds": median(ours),
        "theirs_seconds": median(theirs),
        "ratio": median(a / b for a, b in zip(ours, theirs, strict=True)),
        "ours_rounds_seconds": ours,
        "theirs_rounds_seconds": theirs,
    }


def main() -> None:
    """Compare, print, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, help="write the ratios and the environment to this JSON file")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    rows, left_out = [], []
    print(f"{'network':<30} {'batch':>5}  {'harness':<22} {'ours':>9} {'theirs':>9} {'ratio':>6}")
    for compare in (beside_torch, beside_benchmark_app):
        for name in NETWORKS:
            for batch_size in BATCHES:
                try:
                    found = compare(name, batch_size, arguments.threads)
                except ProviderError as error:
                    if str(error) not in left_out:
                        left_out.append(str(error))
                        print(f"left out: {error}")
                    continue
                rows.append(found)
                print(
                    f"{name:<30} {batch_size:>5}  {found['harness']:<22} {seconds(found['ours_seconds']):>9} "
                    f"{seconds(found['theirs_seconds']):>9} {found['ratio']:>6.3f}",
                    flush=True,
                )
    if arguments.output is not None:
        document = {"schema_version": 1, "kind": "agreement", "environment": collect_environment().as_dict()}
        write_json(arguments.output, document | {"threads": arguments.threads, "rows": rows, "left_out": left_out})


if __name__ == "__main__":
    main()
