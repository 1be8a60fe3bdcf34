"""Kills ``mnistbench train all`` at random moments, resumes it each time, and checks that nothing was lost by it.

The same command runs once undisturbed and once with SIGKILL after SIGKILL, each
in a process of its own, on a small dataset. At the end both must have the same
weights, byte for byte; after each kill no finished epoch may be gone and no file
half written; and no epoch that was reported may ever be trained again.

Usage: python scripts/kill_train_all.py [--kills 20] [--parallel 1 2] [--names all] [--output FILE]
"""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mnistbench import catalog
from mnistbench.files import sha256_of, write_json
from mnistbench.locks import is_locked
from mnistbench.measure.environment import collect_environment
from mnistbench.training.states import read_runs

OUTPUT = Path(__file__).parent.parent / "bench" / "results" / "kill-train-all.json"
NUM_IMAGES = {"train": 2000, "t10k": 200}
POLL_SECONDS = 0.01
DEADLINE_SECONDS = 1800
MOST_OF_SHARE = 1.6
"""A kill comes at most so many times its equal share of the remaining time after the first epoch could be done."""

EPOCH_LINE = re.compile(r"(\S+): epoch (\d+)/\d+ ", re.MULTILINE)


@dataclass(frozen=True)
class Command:
    """``mnistbench train`` with everything but the work folder."""

    names: tuple[str, ...]
    epochs: int
    parallel: int
    data_dir: Path

    def start(self, work_dir: Path, log: Path) -> subprocess.Popen[bytes]:
        """Start it; what it says goes to the log."""
        arguments = ["train", *self.names, "--epochs", self.epochs, "--parallel", self.parallel, "--device", "cpu"]
        arguments += ["--data-dir", self.data_dir, "--work-dir", work_dir, "--json"]
        with open(log, "wb") as stream:
            return subprocess.Popen(
                [sys.executable, "-m", "mnistbench", *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=stream
            )


def write_dataset(folder: Path, seed: int, num_images: Mapping[str, int] = NUM_IMAGES) -> Path:
    """Ten blurred patterns under noise, in MNIST's format."""
    generator = np.random.default_rng(seed)
    patterns = generator.uniform(0, 255, (10, 7, 7)).repeat(4, axis=1).repeat(4, axis=2)
    folder.mkdir(parents=True)
    for part, count in num_images.items():
        labels = (np.arange(count) % 10).astype(np.uint8)
        images = (patterns[labels] + generator.normal(0, 90, (count, 28, 28))).clip(0, 255).astype(np.uint8)
        head = np.array([0x803, count, 28, 28], ">u4").tobytes()
        (folder / f"{part}-images-idx3-ubyte").write_bytes(head + images.tobytes())
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(np.array([0x801, count], ">u4").tobytes() + labels.tobytes())
    return folder


def wait_for_training(process: subprocess.Popen[bytes], log: Path) -> float:
    """Wait until a run that was not finished before is being trained; when that was."""
    while process.poll() is None:
        said = log.read_text()
        if said.count(": training\n") > said.count(": kept: "):
            break
        time.sleep(POLL_SECONDS)
    return time.monotonic()


def wait_for_silence(work_dir: Path) -> None:
    """Wait until the workers of a killed process have noticed: they hold their folders until they leave."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while any(is_locked(folder) for folder in work_dir.glob("training/*/*")):
        if time.monotonic() > deadline:
            raise TimeoutError("a worker outlived its parent")
        time.sleep(POLL_SECONDS)


def epochs_done(work_dir: Path) -> dict[str, int]:
    """Finished and saved epochs by network."""
    return {run.name: run.epochs_done for run in read_runs(work_dir)}


def damage(work_dir: Path) -> list[str]:
    """Files that are half written, or do not have the hash that another one says."""
    found = [f"{run.folder}: {run.error}" for run in read_runs(work_dir) if run.state == "damaged"]
    for file in work_dir.glob("training/*/*/*.json"):
        try:
            document = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            found.append(f"{file}: {error}")
            continue
        named = list(document.get("files", {}).values()) if file.name == "state.json" else []
        if file.name == "result.json":
            named.append({"file": "weights.safetensors", "sha256": document["weights_sha256"]})
        for entry in named:
            tensors = file.parent / entry["file"]
            if not tensors.is_file() or sha256_of(tensors) != entry["sha256"]:
                found.append(f"{tensors} does not have the hash in {file.name}")
    return found


def weights(work_dir: Path) -> dict[str, str]:
    """Hash of every finished network's weights by its place in the work folder."""
    return {str(file.relative_to(work_dir)): sha256_of(file) for file in work_dir.rglob("weights.safetensors")}


@dataclass(frozen=True)
class Undisturbed:
    """What the run without kills took, to scale the moments of the kills.

    Attributes:
        seconds: The whole process.
        first_seconds: From the first job's begin to its first epoch: what every process pays before it gets anywhere.
        training_seconds: From there to the end.
        costs: Seconds of each network's epochs.
    """

    seconds: float
    first_seconds: float
    training_seconds: float
    costs: dict[str, float]

    def left_over(self, done: dict[str, int], epochs: int) -> float:
        """Seconds of training that are still to be done."""
        left = sum(cost * (1 - done.get(name, 0) / epochs) for name, cost in self.costs.items())
        return self.training_seconds * left / sum(self.costs.values())


def run_undisturbed(command: Command, work_dir: Path, log: Path) -> Undisturbed:
    """Run the command once to its end."""
    begin = time.monotonic()
    process = command.start(work_dir, log)
    trained_from = wait_for_training(process, log)
    while process.poll() is None and ": epoch 1/" not in log.read_text():
        time.sleep(POLL_SECONDS)
    first_epoch = time.monotonic()
    if process.wait(DEADLINE_SECONDS):
        raise SystemExit(log.read_text())
    end = time.monotonic()
    costs = {run.name: run.seconds or 0.0 for run in read_runs(work_dir)}
    return Undisturbed(end - begin, first_epoch - trained_from, end - first_epoch, costs)


def run_and_kill(command: Command, work_dir: Path, log: Path, delay: float) -> tuple[dict[str, Any] | None, list[str]]:
    """Start the command and kill it so many seconds after it began to train.

    Returns:
        The record of the kill, or ``None`` where the command had ended by itself; and what is wrong after it.
    """
    process = command.start(work_dir, log)
    trained_from = wait_for_training(process, log)
    time.sleep(delay)
    running = [run.name for run in read_runs(work_dir) if run.state == "running"]
    before = epochs_done(work_dir)
    if process.poll() is not None:
        return None, ["the command had ended before it could be killed"]
    process.kill()
    process.wait()
    moment = time.monotonic() - trained_from
    wait_for_silence(work_dir)
    after = epochs_done(work_dir)
    lost = {name: count - after.get(name, 0) for name, count in before.items() if after.get(name, 0) < count}
    record = {
        "seconds_of_training": round(moment, 3),
        "running": [
            {"name": name, "epochs_before": before.get(name, 0), "epochs_after": after.get(name, 0)} for name in running
        ],
        "finished_epochs_before": sum(before.values()),
        "finished_epochs_after": sum(after.values()),
        "finished_epochs_lost": sum(lost.values()),
    }
    return record, damage(work_dir) + [f"{name} lost {count} finished epochs" for name, count in lost.items()]


def compare(command: Command, whole: Path, cut: Path, logs: Sequence[Path]) -> tuple[dict[str, Any], list[str]]:
    """What both runs ended with, and what is wrong with it."""
    problems = []
    reported = [line for log in logs for line in EPOCH_LINE.findall(log.read_text())]
    twice = len(reported) - len(set(reported))
    if twice:
        problems.append(f"{twice} epochs that were reported as done were trained again")
    expected, got = weights(whole), weights(cut)
    same = sum(got.get(name) == digest for name, digest in expected.items())
    if got != expected:
        problems.append(f"only {same} of {len(expected)} networks have the weights of the undisturbed run")
    results = [json.loads(file.read_text()) for file in cut.rglob("result.json")]
    if any([entry["epoch"] for entry in one["history"]] != list(range(1, command.epochs + 1)) for one in results):
        problems.append("a result does not have each epoch once")
    figures = {
        "num_networks": len(expected),
        "networks_with_the_same_weights": same,
        "reported_epochs_trained_again": twice,
        "num_threads": sorted({one["num_threads"] for one in results}),
    }
    return figures, problems


def prove(command: Command, folder: Path, *, kills: int, seed: int) -> dict[str, Any]:
    """Train undisturbed and with kills; the record of both.

    Args:
        command: What to run.
        folder: An empty folder for both work folders and the logs.
        kills: As many as must land.
        seed: Of the moments.
    """
    chance = random.Random(seed)
    whole, cut = folder / "whole", folder / "cut"
    undisturbed = run_undisturbed(command, whole, folder / "whole.log")
    records: list[dict[str, Any]] = []
    problems: list[str] = []
    logs = [folder / f"cut-{number}.log" for number in range(1, kills + 2)]
    begin = time.monotonic()
    for left, log in zip(range(kills, 0, -1), logs, strict=False):
        # Shared out so that the last kill still finds something to train.
        share = MOST_OF_SHARE * undisturbed.left_over(epochs_done(cut), command.epochs) / (left + 1)
        record, found = run_and_kill(command, cut, log, chance.uniform(0, undisturbed.first_seconds + share))
        problems += [f"kill {kills - left + 1}: {text}" for text in found]
        if record is None:
            break
        records.append(record)
    if command.start(cut, logs[-1]).wait(DEADLINE_SECONDS):
        problems.append(logs[-1].read_text()[-500:])
    figures, found = compare(command, whole, cut, [log for log in logs if log.exists()])
    problems += found
    return {
        "names": list(command.names),
        "epochs": command.epochs,
        "num_train_images": NUM_IMAGES["train"],
        "parallel": command.parallel,
        "seed": seed,
        "undisturbed_seconds": round(undisturbed.seconds, 1),
        "killed_seconds": round(time.monotonic() - begin, 1),
        "kills_landed": len(records),
        "finished_epochs_lost": sum(record["finished_epochs_lost"] for record in records),
        **figures,
        "problems": problems,
        "verdict": "passed" if not problems else "failed",
        "kills": records,
    }


def show(record: dict[str, Any]) -> None:
    """A table of the kills, and the verdict."""
    print(f"\n{record['num_networks']} networks, {record['epochs']} epochs, --parallel {record['parallel']}")
    print(f"{'kill':>4} {'after s':>8} {'epochs done':>12}  in training, epochs before > after")
    for number, kill in enumerate(record["kills"], start=1):
        running = ", ".join(f"{one['name']} {one['epochs_before']}>{one['epochs_after']}" for one in kill["running"])
        print(f"{number:4} {kill['seconds_of_training']:8.2f} {kill['finished_epochs_after']:12}  {running or '–'}")
    print(
        f"{record['verdict']}: {record['kills_landed']} kills, {record['finished_epochs_lost']} finished epochs lost, "
        f"{record['networks_with_the_same_weights']} of {record['num_networks']} networks with the same weights; "
        f"{record['undisturbed_seconds']} s undisturbed, {record['killed_seconds']} s with kills"
    )
    for problem in record["problems"]:
        print(f"  {problem}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the proof for each number of workers asked for, and write the record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--names", nargs="+", default=["all"])
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--parallel", type=int, nargs="+", default=[1], help="one proof for each")
    parser.add_argument("--seed", type=int, default=0, help="of the moments and the images")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    given = parser.parse_args(arguments)
    catalog.resolve(given.names)
    records = []
    with tempfile.TemporaryDirectory() as temporary:
        data_dir = write_dataset(Path(temporary) / "patterns", given.seed)
        for parallel in given.parallel:
            folder = Path(temporary) / f"parallel-{parallel}"
            folder.mkdir()
            command = Command(tuple(given.names), given.epochs, parallel, data_dir)
            records.append(prove(command, folder, kills=given.kills, seed=given.seed))
            show(records[-1])
            # As soon as it exists: a later failure loses nothing.
            document = {"kind": "kill-train-all", "environment": collect_environment().as_dict(), "proofs": records}
            write_json(given.output, document)
    return 0 if all(record["verdict"] == "passed" for record in records) else 1


if __name__ == "__main__":
    sys.exit(main())
