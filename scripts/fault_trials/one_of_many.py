"""One of several processes that do the same in one folder: ``python -m fault_trials.one_of_many WHAT FOLDER NUMBER LOCKS``.

Says that it is ready, and waits for FOLDER/go, so that all begin at once.
"""

from __future__ import annotations

import errno
import gzip
import hashlib
import importlib
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np

from fault_trials.digits import described
from mnistbench import locks
from mnistbench.artifacts import bundled_zoo, publish_model, put_results, read_manifest
from mnistbench.data import DataFile, load_dataset
from mnistbench.files import write_json
from mnistbench.published import Published, read_published, save_published

TIMES = 3
"""Each process does it so often."""


def fill_cache(folder: Path, _number: int) -> None:
    """Load a dataset through an empty cache; the mirror is in memory."""
    digits = folder / "digits"

    def download(file: DataFile, *_: object) -> bytes:
        return gzip.compress((digits / file.name).read_bytes(), 1)

    with mock.patch("mnistbench.data.mirrors._download", download):
        found = load_dataset(
            cache_dir=folder / "shared", files=described(digits), mirrors=("https://a/",), use_npm=False
        )
    assert np.array_equal(found.train_images, load_dataset(digits).train_images)


def publish(folder: Path, number: int) -> None:
    """Put one model of one's own, one that all put, and results into an empty zoo."""
    entry, content = read_manifest(bundled_zoo())[0], b"a model of all"
    own = f"of process {number}".encode()
    for name, content in ((f"model-{number}", own), ("of-all", b"a model of all")):
        digest = hashlib.sha256(content).hexdigest()
        made = replace(entry, name=name, file=f"{name}.onnx", sha256=digest, size_bytes=len(content))
        publish_model(folder / "shared", made, content)
    put_results(folder / "shared", lambda: [{"name": "of-all"}])


def save_results(folder: Path, number: int) -> None:
    """Merge one run of one's own into a file of results."""
    committed = read_published()
    run = replace(committed.runs[0], seed=number)
    save_published(folder / "shared" / "results.json", Published((run,), committed.environments))


def tune(folder: Path, number: int) -> None:
    """Write the file that all write."""
    write_json(folder / "shared" / "tuned" / "lenet5.json", {"of": number, "text": "x" * 100_000})


def train(folder: Path, _number: int) -> None:
    """Train the run that all train."""
    from fault_trials import same_run  # needs torch

    same_run.train(folder, folder / "shared")


ACTIONS: dict[str, Callable[[Path, int], None]] = {
    "fill the data cache": fill_cache,
    "export into a zoo": publish,
    "results --save": save_results,
    "write a tuning": tune,
    "train the same run": train,
}


class Useless:
    """What stands in for ``fcntl`` where locks do nothing, or are refused."""

    LOCK_EX = LOCK_SH = LOCK_NB = 0

    def __init__(self, kind: str) -> None:
        self._refused = kind == "refused"

    def flock(self, _descriptor: int, _operation: int) -> None:
        """As a file system without locks does it."""
        if self._refused:
            raise OSError(errno.ENOLCK, "No locks available")


LOCKS = ("as they are", "without effect", "refused")


def main(arguments: list[str]) -> int:
    """Run as a program."""
    what, folder, number, kind = arguments[0], Path(arguments[1]), int(arguments[2]), arguments[3]
    if kind != LOCKS[0]:
        locks.fcntl = Useless(kind)
    if ACTIONS[what] is train:
        importlib.import_module("fault_trials.same_run")  # or the first would be through before the last is there
    (folder / f"ready-{number}").touch()
    while not (folder / "go").exists():
        time.sleep(0.005)
    for _ in range(TIMES):
        ACTIONS[what](folder, number)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
