"""What is tried while calls fail: each operation with the state before it, and what may be seen of it afterwards."""

from __future__ import annotations

import contextlib
import functools
import gzip
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from kill_train_all import damage as damaged_runs
from kill_train_all import write_dataset
from PIL import Image

from fault_trials.caches import damaged_cache
from fault_trials.commands import Outcome, run_command, visible
from fault_trials.digits import described
from mnistbench import catalog
from mnistbench.artifacts import bundled_zoo, read_manifest, verify
from mnistbench.bench_files import write_bench_run
from mnistbench.cli import predict as predict_command
from mnistbench.cli.results import _save
from mnistbench.data import DataFile, load_dataset
from mnistbench.embed.golden import make_golden
from mnistbench.embed.kits import write_kits
from mnistbench.embed.model import read_model
from mnistbench.errors import MnistbenchError
from mnistbench.files import atomic_write
from mnistbench.locate import locate
from mnistbench.measure.environment import collect_environment
from mnistbench.published import Published, read_published
from mnistbench.results import BenchRun, LatencyResult
from mnistbench.training.export import Source, prepare, publish
from mnistbench.training.job import find_finished

NETWORK = "8-10"
NUM_IMAGES = {"train": 300, "t10k": 100}
VOLATILE = {"seconds", "epoch_seconds", "first_epoch_seconds", "environment", "when", "captured"}
"""What differs from run to run; whether steps were recorded is not known of a run whose epochs were all done before."""


@dataclass(frozen=True)
class Operation:
    """Something that changes files.

    Attributes:
        name: What it is called in tables.
        before: Fills a folder with what is there before.
        act: Does it in such a folder; raises, or returns a command's outcome or anything.
        damage: What is half done or contradicts itself in the folder.
        grows: Whether files come and change on the way, so that ``damage`` alone says what is whole.
        at_once: Whether all files have to be old, or all of them new.
    """

    name: str
    before: Callable[[Path], object]
    act: Callable[[Path], object]
    damage: Callable[[Path], list[str]] = lambda _folder: []
    grows: bool = False
    at_once: bool = False


def state_of(folder: Path) -> dict[str, str]:
    """Hash of each visible file, without what differs from run to run."""
    return {str(path.relative_to(folder)): _digest(path) for path in visible(folder)}


def _digest(path: Path) -> str:
    content = path.read_bytes()
    if path.suffix == ".json":
        content = json.dumps(_lasting(json.loads(content)), sort_keys=True).encode()
    return hashlib.sha256(content).hexdigest()


def _lasting(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _lasting(inner) for key, inner in value.items() if key not in VOLATILE}
    return [_lasting(inner) for inner in value] if isinstance(value, list) else value


class Material:
    """What the operations need and what is made once: data, a run, models, pictures.

    Args:
        folder: An empty folder for it, beside those in which calls fail.
    """

    def __init__(self, folder: Path) -> None:
        torch.set_num_threads(1)
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.data = write_dataset(folder / "digits", 0, NUM_IMAGES)
        self.dataset = load_dataset(self.data)
        for seed in (0, 1):
            outcome = run_command(*self._train(folder / "runs"), "--seed", seed)
            assert outcome.code == 0, outcome

    @contextlib.contextmanager
    def in_use(self) -> Iterator[tuple[Operation, ...]]:
        """All operations, quick enough to be tried thousands of times."""
        with (
            # It asks the system by other processes, which fail no call here and take most of the time.
            mock.patch("mnistbench.training.run.collect_environment", return_value=collect_environment()),
            mock.patch.object(predict_command, "_load_reader", functools.lru_cache(predict_command._load_reader)),
        ):
            yield self._operations()

    def _train(self, work_dir: Path) -> list[object]:
        options = {"epochs": 2, "batch-size": 50, "device": "cpu", "data-dir": self.data, "work-dir": work_dir}
        return ["train", NETWORK, *(part for key, value in options.items() for part in (f"--{key}", value)), "--json"]

    def _operations(self) -> tuple[Operation, ...]:
        return (
            Operation("a file is replaced", _old_file, lambda folder: atomic_write(folder / "file", b"new" * 9999)),
            Operation("train", _nothing, lambda folder: run_command(*self._train(folder)), damaged_runs, grows=True),
            Operation("export", self._old_zoo, self._export, _damaged_zoo),
            Operation("fill the data cache", _nothing, self._fill_cache, self._damaged_cache),
            Operation("write a benchmark run", self._old_bench, lambda folder: self._bench(folder, 2)),
            Operation("results --save", self._old_results, lambda folder: self._results(folder, 12)),
            Operation("embed into a new folder", _nothing, lambda folder: self._embed(folder / "kit"), at_once=True),
            Operation("embed --force", self._old_kit, lambda folder: self._embed(folder / "kit", force=True)),
            Operation("predict --explain --csv --jsonl", _nothing, self._predict),
        )

    @functools.cached_property
    def _sources(self) -> list[Source]:
        network = catalog.find(NETWORK)
        runs = [find_finished(self.folder / "runs", NETWORK, seed=seed) for seed in (0, 1)]
        return [prepare(run, network, self.dataset) for run in runs if run is not None]

    def _old_zoo(self, folder: Path) -> None:
        publish(self._sources[0], folder)

    def _export(self, folder: Path) -> None:
        publish(self._sources[1], folder)

    def _fill_cache(self, folder: Path) -> None:
        def download(file: DataFile, _mirror: str, _timeouts: object) -> bytes:
            return gzip.compress((self.data / file.name).read_bytes())

        with mock.patch("mnistbench.data.mirrors._download", download):
            found = load_dataset(
                cache_dir=folder / "mnist", files=described(self.data), mirrors=("https://a/",), use_npm=False
            )
        assert np.array_equal(found.train_images, self.dataset.train_images), "the wrong images"

    def _damaged_cache(self, folder: Path) -> list[str]:
        return damaged_cache(folder / "mnist", self.data)

    def _old_bench(self, folder: Path) -> None:
        self._bench(folder, 1)

    def _bench(self, folder: Path, count: int) -> None:
        row = LatencyResult("16-10", "16-10.onnx", "", "cpu", "e2e", 1, error="not measured")
        run = BenchRun("2026-11-23T04:00:00+00:00", collect_environment_once(), {}, (row,) * count)
        for name in ("run.json", "run.json.gz"):
            write_bench_run(folder / name, run)

    def _old_results(self, folder: Path) -> None:
        publish(self._sources[0], folder)
        self._results(folder, 4)

    def _results(self, folder: Path, count: int) -> None:
        committed = read_published()
        _save(folder / "results.json", Published(committed.runs[:count], committed.environments))

    @functools.cached_property
    def _embedded(self) -> tuple[Any, Any]:
        model = read_model(locate("lenet5", [bundled_zoo()]))
        images, labels = self.dataset.test_images, self.dataset.test_labels
        return model, make_golden(model, images, labels, dataset=self.dataset.name)

    def _embed(self, folder: Path, *, force: bool = False) -> None:
        model, golden = self._embedded
        write_kits(model, golden, ("python",), folder, force=force)

    def _old_kit(self, folder: Path) -> None:
        model, golden = self._embedded
        write_kits(replace(model, name="older"), golden, ("python",), folder / "kit")
        (folder / "kit" / "mine.txt").write_text("mine", encoding="utf-8")

    def _predict(self, folder: Path) -> Outcome:
        picture = self.folder / "digit.png"
        if not picture.exists():
            Image.fromarray(255 - self.dataset.test_images[3]).resize((90, 90)).save(picture)
        outputs = ("--explain", folder / "why", "--csv", folder / "a.csv", "--jsonl", folder / "a.jsonl")
        return run_command("predict", picture, *outputs, "--threads", 1)


collect_environment_once = functools.cache(collect_environment)


def _nothing(_folder: Path) -> None:
    """The folder is empty."""


def _old_file(folder: Path) -> None:
    (folder / "file").write_bytes(b"old" * 999)


def _damaged_zoo(folder: Path) -> list[str]:
    """Entries of a zoo whose file is not theirs; looked for in a copy, since a look may mend."""
    with_hidden = folder.with_name(f"{folder.name}-copy")
    shutil.copytree(folder, with_hidden)
    try:
        return [problem for entry in read_manifest(with_hidden) for problem in _broken(with_hidden, entry)]
    except MnistbenchError as error:
        return [str(error)]
    finally:
        shutil.rmtree(with_hidden)


def _broken(folder: Path, entry: Any) -> list[str]:
    try:
        verify(folder, entry)
    except MnistbenchError as error:
        return [str(error)]
    return []
