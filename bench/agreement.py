"""Do our times agree with an independent harness on the same session?

``python bench/agreement.py [--output FILE]``: torch.utils.benchmark times the very
session and input that ``measure_steady`` times, in turns, by each provider that is
there; OpenVINO's own ``benchmark_app`` times the same file as ``measure_steady``
does through OpenVINO's C interface, and what the same calls take through
onnxruntime's provider stands beside it. Prints the ratio of ours to theirs; 1.00
is agreement.

Only like is compared with like. torch times blocks of calls and knows none by
itself, so that our calls are put into blocks as large, in the order in which they
were made: a median of single calls shrugs off the slow ones, a median of blocks
holds their share. Means are of all calls of a turn on both sides.
"""

from __future__ import annotations

import argparse
import itertools
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean, median
from typing import Any

from torch.utils.benchmark import Timer

sys.path.insert(0, str(Path(__file__).parent))
from openvino_c import c_call

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
from mnistbench.measure.steady import Plan, measure_steady
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
APP_ROUNDS = 5
"""Turns of each harness beside benchmark_app, whose turns are of seconds."""

COMPARED = {
    "torch.utils.benchmark": {
        "mean": "means of all calls of a turn",
        "median": "medians of the means of blocks of calls, as many calls in ours as in theirs",
        "least": "the least of these means of blocks",
    },
    "benchmark_app": {
        "mean": "means of all calls of a turn",
        "median": "medians of single calls",
        "least": "the shortest single calls",
    },
}
"""What the ratios of each harness are of, on both sides."""


@dataclass(frozen=True)
class Turn:
    """What one harness found in one turn, in seconds a call."""

    mean: float
    median: float
    least: float


def in_blocks(calls: Sequence[float], size: int) -> Turn:
    """Our calls of a turn, as a harness has them that times blocks of calls.

    Args:
        calls: Seconds of each, in order; at least one.
        size: Calls in a block; all calls are one block where there are fewer. An incomplete last block counts for
            the mean only.
    """
    size = min(size, len(calls))
    means = [fmean(calls[start : start + size]) for start in range(0, len(calls) - size + 1, size)]
    return Turn(fmean(calls), median(means), min(means))


def beside_torch(name: str, batch_size: int, settings: argparse.Namespace, provider: str = "cpu") -> dict[str, Any]:
    """Both harnesses on one session and one input, taking turns.

    Raises:
        ProviderError: When the provider is not there.
    """
    threads = settings.threads
    device = resolve_device("cpu", provider)
    path = locate(name, [bundled_zoo()]).path
    classifier = load_classifier(path, device=device, settings=SessionSettings(threads))
    plan = classifier.input_plan
    workload = make_workload(Inputs((plan.output,), plan), batch_size, load_dataset().test_images)
    call = make_call("e2e", classifier.session, device, workload, [])
    numbers = itertools.count()
    timer = Timer("call(next(numbers))", globals={"call": call, "next": next, "numbers": numbers}, num_threads=threads)
    turn = max(settings.turn, TURN_CALLS * median(our_calls(call, workload, settings.turn)))
    ours, theirs = [], []
    for number in range(settings.rounds):
        if number % 2 == 0:
            calls = our_calls(call, workload, turn)
        blocks = timer.blocked_autorange(min_run_time=turn)
        if number % 2:
            calls = our_calls(call, workload, turn)
        ours.append(in_blocks(calls, blocks.number_per_run))
        theirs.append(in_blocks(blocks.times, 1))
    return row(name, batch_size, "torch.utils.benchmark", provider, ours, theirs)


def beside_benchmark_app(name: str, batch_size: int, settings: argparse.Namespace) -> dict[str, Any]:
    """Our clock beside OpenVINO's own tool, on the same file by OpenVINO's C interface, and through onnxruntime.

    Raises:
        ProviderError: When either is not there.
    """
    program = shutil.which("benchmark_app", path=str(Path(sys.executable).parent)) or shutil.which("benchmark_app")
    if program is None:
        raise ProviderError("benchmark_app is not installed; run: pip install openvino")
    path, threads = locate(name, [bundled_zoo()]).path, settings.threads
    device = resolve_device("cpu", "openvino")
    classifier = load_classifier(path, device=device, settings=SessionSettings(threads))
    plan = classifier.input_plan
    workload = make_workload(Inputs((plan.output,), plan), batch_size, load_dataset().test_images)
    call = make_call("e2e", classifier.session, device, workload, [])
    command = [program, "-m", str(path), "-d", "CPU", "-api", "sync", "-t", "3", "-nstreams", "1"]
    command += ["-nthreads", str(threads), "-hint", "none", "-data_shape", f"[{batch_size},1,28,28]"]
    native = c_call(path, workload.feeds[0], {"INFERENCE_NUM_THREADS": str(threads), "NUM_STREAMS": "1"})
    ours, theirs, through = [], [], []
    for _ in range(APP_ROUNDS):
        ours.append(in_blocks(measure_steady(native, turn_plan(1.0), MonotonicClock()).seconds, 1))
        through.append(in_blocks(our_calls(call, workload, 1.0), 1))
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        theirs.append(benchmark_app_turn(done.stdout + done.stderr))
    found = row(name, batch_size, "benchmark_app", "openvino", ours, theirs)
    return found | {
        "through_onnxruntime": row(name, batch_size, "benchmark_app", "openvino", through, theirs)["median"]
    }


def our_calls(call: Call, workload: Workload, turn_seconds: float) -> tuple[float, ...]:
    """Seconds of each call of a turn, by the loop of ``mnistbench bench`` with its checks."""
    expected = [workload.digest(call.answer(call(index))) for index in range(len(workload.feeds))]
    return time_call(call, workload, expected, turn_plan(turn_seconds), MonotonicClock()).seconds


def turn_plan(turn_seconds: float) -> Plan:
    """A turn of so many seconds, whatever the noise."""
    return Plan(
        min_warmup_calls=1,
        min_warmup_seconds=0.0,
        max_warmup_seconds=turn_seconds / 4,
        min_seconds=turn_seconds,
        max_seconds=turn_seconds,
        min_samples=1,
        fewest_samples=1,
    )


def benchmark_app_turn(text: str) -> Turn:
    """From the lines ``Average:  2.05 ms``, ``Median:`` and ``Min:``; newer versions print short ones in ``us``.

    Raises:
        ProviderError: When one is not there.
    """
    found = [re.search(rf"{word}:\s+([0-9.]+) (ms|us)\b", text) for word in ("Average", "Median", "Min")]
    values = [float(match[1]) / {"ms": 1e3, "us": 1e6}[match[2]] for match in found if match is not None]
    if len(values) < len(found):
        raise ProviderError(f"benchmark_app gave no latencies: {text.strip().splitlines()[-1:]}")
    return Turn(*values)


def row(
    name: str, batch_size: int, harness: str, provider: str, ours: Sequence[Turn], theirs: Sequence[Turn]
) -> dict[str, Any]:
    """One comparison: of each figure the medians over the rounds, and the median of the rounds' ratios."""
    found: dict[str, Any] = {"name": name, "batch_size": batch_size, "harness": harness, "provider": provider}
    for figure in COMPARED[harness]:
        one, other = ([getattr(turn, figure) for turn in side] for side in (ours, theirs))
        found[figure] = {
            "ours_seconds": median(one),
            "theirs_seconds": median(other),
            "ratio": median(a / b for a, b in zip(one, other, strict=True)),
            "ours_rounds_seconds": one,
            "theirs_rounds_seconds": other,
        }
    return found


def main() -> None:
    """Compare, print, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=NETWORKS)
    parser.add_argument("--batch", default=",".join(map(str, BATCHES)))
    parser.add_argument("--output", type=Path, help="write the ratios and the environment to this JSON file")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="turns of each harness, with torch")
    parser.add_argument("--turn", type=float, default=TURN_SECONDS, help="least seconds of a turn, with torch")
    arguments = parser.parse_args()
    rows, left_out = [], []
    print(f"{'':<69} {'mean of a call':>20}  {'ratio of ours to theirs':>25}")
    heads = f"{'ours':>9} {'theirs':>10}  {'mean':>8} {'median':>8} {'least':>7}"
    print(f"{'network':<30} {'batch':>5}  {'harness':<22} {'provider':<9}{heads}")
    for compare in (beside_torch, partial(beside_torch, provider="openvino"), beside_benchmark_app):
        for name in arguments.names:
            for batch_size in map(int, arguments.batch.split(",")):
                try:
                    found = compare(name, batch_size, arguments)
                except ProviderError as error:
                    if str(error) not in left_out:
                        left_out.append(str(error))
                        print(f"left out: {error}")
                    continue
                rows.append(found)
                mean = found["mean"]
                print(
                    f"{name:<30} {batch_size:>5}  {found['harness']:<22} {found['provider']:<9}"
                    f"{seconds(mean['ours_seconds']):>9} "
                    f"{seconds(mean['theirs_seconds']):>10}  {mean['ratio']:>8.3f} {found['median']['ratio']:>8.3f} "
                    f"{found['least']['ratio']:>7.3f}",
                    flush=True,
                )
    for harness in dict.fromkeys(found["harness"] for found in rows):
        print(f"{harness}: " + "; ".join(f"{figure}: {what}" for figure, what in COMPARED[harness].items()))
    if arguments.output is not None:
        document = {"schema_version": 3, "kind": "agreement", "environment": collect_environment().as_dict()}
        settings = {key: getattr(arguments, key) for key in ("threads", "rounds", "turn")}
        document |= {"compared": COMPARED, "settings": settings, "rows": rows, "left_out": left_out}
        write_json(arguments.output, document)


if __name__ == "__main__":
    main()
