"""One run that two trainers train at once, since locks have no effect."""

from __future__ import annotations

import hashlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import safetensors.torch
import torch
from tiny import tiny_job
from training_runs import FINISHED, each_recipe, names, start

from mnistbench import locks
from mnistbench.data.dataset import Dataset
from mnistbench.files import write_json
from mnistbench.results import TrainingResult
from mnistbench.training.checkpoint import read_checkpoint
from mnistbench.training.job import read_finished
from mnistbench.training.run import EpochDone, Event, load_weights


@pytest.fixture(autouse=True)
def _no_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    useless = SimpleNamespace(LOCK_EX=0, LOCK_SH=0, LOCK_NB=0, flock=lambda *_: None)
    monkeypatch.setattr(locks, "fcntl", useless)


@each_recipe
@pytest.mark.parametrize("resume", [True, False])
def test_both_end_well_and_find_each_others_checkpoints_whole(
    tiny: Dataset, tmp_path: Path, recipe: str, resume: bool
) -> None:
    job = tiny_job(recipe=recipe, epochs=10)
    whole = start(job, tiny, tmp_path / "alone").result.weights_sha256
    both = threading.Barrier(2)

    def look(event: Event) -> None:
        if isinstance(event, EpochDone):
            read_checkpoint(job.folder(tmp_path), job)

    def train() -> str:
        both.wait(60)
        return start(job, tiny, tmp_path, resume=resume, on_event=look).result.weights_sha256

    with ThreadPoolExecutor() as pool:
        runs = [pool.submit(train) for _ in range(2)]
        assert [run.result() for run in runs] == [whole, whole]
    assert names(job.folder(tmp_path)) == FINISHED
    finished = read_finished(job.folder(tmp_path))
    assert finished is not None
    load_weights(finished)


def other_result(run: TrainingResult, folder: Path) -> dict[str, Any]:
    """Make the finished run in a folder one of other weights, as another machine may come to."""
    content = safetensors.torch.save({"other": torch.ones(1)})
    (folder / "weights.safetensors").write_bytes(content)
    return run.as_dict() | {"weights_sha256": hashlib.sha256(content).hexdigest()}


@pytest.mark.parametrize("whole", [True, False])
def test_who_comes_last_keeps_a_whole_run_and_mends_a_torn_one(tiny: Dataset, tmp_path: Path, whole: bool) -> None:
    job = tiny_job()
    first = start(job, tiny, tmp_path / "first").result
    folder = job.folder(tmp_path)

    def finish(event: Event) -> None:
        if isinstance(event, EpochDone) and event.result.epoch == 3:
            other = other_result(first, folder)
            write_json(folder / "result.json", other if whole else first.as_dict())

    run = start(job, tiny, tmp_path, on_event=finish)
    assert (run.result.weights_sha256 == first.weights_sha256) == (not whole)
    assert read_finished(folder) == run
    load_weights(run)
    assert names(folder) == FINISHED


def test_what_a_killed_process_left_beside_a_finished_run_is_taken_away(tiny: Dataset, tmp_path: Path) -> None:
    run = start(tiny_job(), tiny, tmp_path)
    (run.folder / locks.LOCK_FILE).write_text("free")
    (run.folder / locks.HELD_FILE).touch()
    (run.folder / "epoch-0003.safetensors").touch()
    young, old = (run.folder / f"epoch-0003-1-0123abcd-0000000{number}.safetensors" for number in (0, 1))
    young.touch()
    old.touch()
    os.utime(old, (old.stat().st_mtime - 7200,) * 2)
    assert start(tiny_job(), tiny, tmp_path) == run
    assert names(run.folder) == sorted([*FINISHED, young.name])
