from __future__ import annotations

import errno
import hashlib
import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from tiny import tiny_job
from training_runs import StoppedError, each_kind, each_recipe, start, stop_after

from mnistbench import files
from mnistbench.data.dataset import Dataset
from mnistbench.errors import ArtifactError
from mnistbench.locks import locked
from mnistbench.training.job import find_finished, read_finished
from mnistbench.training.run import EpochDone, Event, Resumed, Waiting


@each_kind
@each_recipe
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_stopped_run_goes_on_as_if_nothing_was(
    tiny: Dataset, tmp_path: Path, text: str, recipe: str, precision: str
) -> None:
    job = tiny_job(text, recipe, precision=precision)
    whole = start(job, tiny, tmp_path / "whole").result
    stop_after(job, tiny, tmp_path / "cut", 1)
    events: list[Event] = []
    result = start(job, tiny, tmp_path / "cut", on_event=events.append).result
    assert [type(event) for event in events] == [Resumed, EpochDone, EpochDone]
    assert isinstance(events[0], Resumed)
    assert events[0].result.epoch == 1
    assert result.weights_sha256 == whole.weights_sha256
    assert [(e.loss, e.num_errors) for e in result.history] == [(e.loss, e.num_errors) for e in whole.history]


@pytest.mark.skipif(sys.platform == "win32", reason="has no flock")
def test_a_run_that_another_process_trains_is_waited_for_and_says_so(tiny: Dataset, tmp_path: Path) -> None:
    job = tiny_job()
    folder = job.folder(tmp_path)
    folder.mkdir(parents=True)
    events: list[Event] = []
    told = threading.Event()

    def tell(event: Event) -> None:
        events.append(event)
        told.set()

    with ThreadPoolExecutor() as pool:
        with locked(folder):
            waiting = pool.submit(start, job, tiny, tmp_path, on_event=tell)
            assert told.wait(60)
            assert events == [Waiting()]
            assert not (folder / "job.json").exists()
        assert waiting.result().result.epochs == 3
    assert [type(event) for event in events] == [Waiting, EpochDone, EpochDone, EpochDone]


@pytest.mark.parametrize("function", ["replace", "fsync"])
@each_recipe
def test_a_full_disk_at_any_write_leaves_a_run_that_goes_on(
    tiny: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, recipe: str
) -> None:
    job = tiny_job(recipe=recipe)
    whole = start(job, tiny, tmp_path / "whole").result.weights_sha256
    real = getattr(os, function)
    failures = 0
    for step in range(1, 60):
        calls = 0

        def full(*args: Any, step: int = step) -> Any:
            nonlocal calls
            calls += 1
            if calls == step:
                raise OSError(errno.ENOSPC, "No space left on device")
            return real(*args)

        with monkeypatch.context() as patch:
            patch.setattr(files.os, function, full)
            try:
                start(job, tiny, tmp_path / str(step))
                if calls < step:
                    break
            except OSError:
                failures += 1
                assert read_finished(job.folder(tmp_path / str(step))) is None
        assert start(job, tiny, tmp_path / str(step)).result.weights_sha256 == whole
        assert not list(job.folder(tmp_path / str(step)).glob(".*.tmp"))
    assert calls < step
    assert failures >= 8


def test_a_finished_run_is_kept(tiny: Dataset, tmp_path: Path) -> None:
    first = start(tiny_job(), tiny, tmp_path)
    before = {path.name: path.stat().st_mtime_ns for path in first.folder.iterdir()}
    events: list[Event] = []
    assert start(tiny_job(), tiny, tmp_path, on_event=events.append) == first
    assert events == []
    assert {path.name: path.stat().st_mtime_ns for path in first.folder.iterdir()} == before


def test_without_resuming_a_finished_run_starts_over(tiny: Dataset, tmp_path: Path) -> None:
    first = start(tiny_job(), tiny, tmp_path)
    events: list[Event] = []
    again = start(tiny_job(), tiny, tmp_path, resume=False, on_event=events.append)
    assert [type(event) for event in events] == [EpochDone] * 3
    assert again.result.weights_sha256 == first.result.weights_sha256
    assert again.result.history != first.result.history  # other times


def test_without_resuming_a_checkpoint_is_thrown_away(tiny: Dataset, tmp_path: Path) -> None:
    job = tiny_job()
    stop_after(job, tiny, tmp_path, 2)
    (job.folder(tmp_path) / "state.json").write_text("damaged")
    events: list[Event] = []
    start(job, tiny, tmp_path, resume=False, on_event=events.append)
    assert [type(event) for event in events] == [EpochDone] * 3


def test_a_run_that_starts_over_and_stops_is_unfinished(tiny: Dataset, tmp_path: Path) -> None:
    job = tiny_job()
    start(job, tiny, tmp_path)

    def stop(event: Event) -> None:
        raise StoppedError

    with pytest.raises(StoppedError):
        start(job, tiny, tmp_path, resume=False, on_event=stop)
    assert find_finished(tmp_path, job.network.name) is None


@pytest.mark.parametrize("damage", ["state.json", "epoch-0002-*.safetensors"])
def test_a_damaged_checkpoint_stops_the_run_until_it_may_start_over(tiny: Dataset, tmp_path: Path, damage: str) -> None:
    job = tiny_job()
    stop_after(job, tiny, tmp_path, 2)
    (file,) = job.folder(tmp_path).glob(damage)
    file.write_bytes(file.read_bytes()[:50])
    with pytest.raises(ArtifactError, match="--no-resume"):
        start(job, tiny, tmp_path)
    assert start(job, tiny, tmp_path, resume=False).result.epochs == 3


def test_a_checkpoint_with_other_tensors_is_refused(tiny: Dataset, tmp_path: Path) -> None:
    job = tiny_job()
    stop_after(job, tiny, tmp_path, 1)
    folder = job.folder(tmp_path)
    content = safetensors.torch.save({"weights.fc1.weight": torch.zeros(2)})
    (file,) = folder.glob("epoch-0001-*.safetensors")
    file.write_bytes(content)
    document = json.loads((folder / "state.json").read_text())
    document["files"]["tensors"]["sha256"] = hashlib.sha256(content).hexdigest()
    (folder / "state.json").write_text(json.dumps(document))
    with pytest.raises(ArtifactError, match=r"does not fit: .*; start over with --no-resume"):
        start(job, tiny, tmp_path)
