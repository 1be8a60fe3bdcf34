"""Does ``compare`` tell noise from a change? Runs of the same, and of a model slowed by a tenth.

``python bench/same_or_slower.py [--pairs 20] [--output FILE]``: makes pairs of
runs of one model, as ``mnistbench bench`` does, and counts the verdicts, which
should be SAME for at least 19 of 20. Then the model gets idle arithmetic that
takes about a tenth of its time, and should be called SLOWER.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from mnistbench.artifacts import bundled_zoo
from mnistbench.data.dataset import load_dataset
from mnistbench.files import write_json
from mnistbench.locate import locate
from mnistbench.measure.clock import MonotonicClock
from mnistbench.measure.environment import collect_environment
from mnistbench.measure.latency.bench import Bench, run_bench
from mnistbench.measure.run_comparison import NamedRun, Rules, compare_runs
from mnistbench.measure.steady import Plan
from mnistbench.results import BenchRun, Environment, LatencyComparison
from mnistbench.runtime.devices import CPU
from mnistbench.runtime.session import SessionSettings

SLOW_DOWN = 0.10


def slowed(path: Path, width: int, folder: Path) -> Path:
    """A copy of a model that also multiplies its images with a random matrix, and adds nothing of it to the logits."""
    model = onnx.load(path)
    weights = np.random.default_rng(0).standard_normal((784, width)).astype(np.float32)
    last = next(node for node in model.graph.node if "logits" in node.output)
    last.output[list(last.output).index("logits")] = "true_logits"
    extra = [
        helper.make_node("Cast", ["image"], ["idle_pixels"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["idle_pixels"], ["idle_flat"]),
        helper.make_node("MatMul", ["idle_flat", "idle_weights"], ["idle_product"]),
        helper.make_node("ReduceSum", ["idle_product", "idle_axes"], ["idle_sum"], keepdims=1),
        helper.make_node("Mul", ["idle_sum", "idle_zero"], ["idle_nothing"]),
        helper.make_node("Add", ["true_logits", "idle_nothing"], ["logits"]),
    ]
    position = list(model.graph.node).index(last) + 1
    for offset, node in enumerate(extra):
        model.graph.node.insert(position + offset, node)
    arrays = {"idle_weights": weights, "idle_axes": np.array([1]), "idle_zero": np.zeros(1, np.float32)}
    model.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in arrays.items())
    target = folder / path.name
    onnx.save(model, target)
    return target


class Runs:
    """Makes whole runs of one file after another."""

    def __init__(self, name: str, batch_size: int, processes: int, most_processes: int, threads: int) -> None:
        self.name = name
        self.bench = Bench(
            devices=[CPU],
            modes=["e2e"],
            batch_sizes=(batch_size,),
            plan=Plan.each(),
            processes=processes,
            most_processes=most_processes,
            settings=SessionSettings(threads),
            images=load_dataset().test_images,
        )
        self.environment: Environment = collect_environment()

    def run(self, path: Path) -> BenchRun:
        """One run."""
        return run_bench(self.bench, [(path, self.name)], self.environment, MonotonicClock(), keep=lambda _run: None)

    def compare(self, path: Path, other: Path) -> LatencyComparison:
        """A run of each file, and the verdict on the second."""
        one, another = NamedRun("A", self.run(path)), NamedRun("B", self.run(other))
        (found,) = compare_runs(one, another, Rules())
        print(
            f"  {found.verdict}: {found.change:+.1%} (floor {found.floor:.1%}, p50 {found.p50_change:+.1%})", flush=True
        )
        return found


def find_slowed(runs: Runs, path: Path, folder: Path) -> Path:
    """The model with as much idle arithmetic as takes nearest to a tenth of its time."""
    plain = runs.run(path).results[0].undisturbed_seconds or 0.0
    tried = {}
    width, low, high = 32, 1, 8192
    for _ in range(6):
        seconds = runs.run(slowed(path, width, folder)).results[0].undisturbed_seconds or 0.0
        share = seconds / plain - 1
        tried[width] = abs(share - SLOW_DOWN)
        print(f"  {width} columns of idle arithmetic: {share:+.1%}", flush=True)
        if share < SLOW_DOWN:
            low = width
        else:
            high = width
        width = int(np.sqrt(low * high))
        if width in tried:
            break
    return slowed(path, min(tried, key=lambda each: tried[each]), folder)


def main() -> None:
    """Measure, print, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, help="write the verdicts and the environment to this JSON file")
    parser.add_argument("--name", default="lenet5")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--slowed-pairs", type=int, default=5)
    parser.add_argument("--processes", type=int, default=5)
    parser.add_argument("--most-processes", type=int, default=15, help="where they disagree")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    path = locate(arguments.name, [bundled_zoo()]).path
    runs = Runs(arguments.name, arguments.batch, arguments.processes, arguments.most_processes, arguments.threads)
    print(f"{arguments.pairs} pairs of runs of {arguments.name}, batch {arguments.batch}")
    same = [runs.compare(path, path) for _ in range(arguments.pairs)]
    with tempfile.TemporaryDirectory() as folder:
        print("slowing the model")
        slow = find_slowed(runs, path, Path(folder))
        print(f"{arguments.slowed_pairs} pairs with the slowed model")
        slower = [runs.compare(path, slow) for _ in range(arguments.slowed_pairs)]
    pairs = {"same": same, "slowed": slower}
    counts = {name: dict(Counter(found.verdict for found in each)) for name, each in pairs.items()}
    print(f"the same: {counts['same']}; slowed: {counts['slowed']}")
    if arguments.output is not None:
        settings: dict[str, Any] = {key: value for key, value in vars(arguments).items() if key != "output"}
        document = {"schema_version": 1, "kind": "same_or_slower", "environment": runs.environment.as_dict()}
        found = {name: [one.as_dict() for one in each] for name, each in pairs.items()}
        write_json(arguments.output, {**document, "settings": settings, "counts": counts, **found})


if __name__ == "__main__":
    main()
