from __future__ import annotations

import dataclasses
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
from tiny import CONVOLUTIONAL, DENSE, tiny_job

from mnistbench import files
from mnistbench.data.dataset import Dataset
from mnistbench.data.split import split_validation
from mnistbench.errors import ArtifactError, TrainingError
from mnistbench.locks import locked
from mnistbench.measure.stats import wilson_interval
from mnistbench.training import run as run_module
from mnistbench.training.job import FinishedRun, Job, find_finished, read_finished
from mnistbench.training.run import EpochDone, Event, Resumed, StepsDone, Waiting, load_weights, run_job

CPU = torch.device("cpu")
HERE = Path(__file__).parent
ROOT = HERE.parent.parent
FINISHED = ["job.json", "result.json", "weights.safetensors"]

each_kind = pytest.mark.parametrize("text", [DENSE, CONVOLUTIONAL])
each_recipe = pytest.mark.parametrize("recipe", ["default", "paper"])


class StoppedError(Exception):
    """What a test stops a run with."""


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def start(job: Job, dataset: Dataset, work_dir: Path, **keywords: Any) -> FinishedRun:
    return run_job(job, dataset, CPU, work_dir, **keywords)


def stop_after(job: Job, dataset: Dataset, work_dir: Path, epoch: int) -> None:
    """Train until an epoch is saved, then stop."""

    def stop(event: Event) -> None:
        if isinstance(event, EpochDone) and event.result.epoch == epoch:
            raise StoppedError

    with pytest.raises(StoppedError):
        start(job, dataset, work_dir, on_event=stop)


@each_kind
@each_recipe
def test_a_run_from_start_to_end(tiny: Dataset, tmp_path: Path, text: str, recipe: str) -> None:
    job = tiny_job(text, recipe)
    events: list[Event] = []
    run = start(job, tiny, tmp_path, on_event=events.append)
    result = run.result
    assert run.folder == job.folder(tmp_path)
    assert names(run.folder) == FINISHED
    assert json.loads((run.folder / "job.json").read_text()) == job.as_dict()
    assert read_finished(run.folder) == run
    assert [type(event) for event in events] == [EpochDone] * 3
    assert tuple(event.result for event in events if isinstance(event, EpochDone)) == result.history
    assert [entry.epoch for entry in result.history] == [1, 2, 3]
    assert {entry.num_images for entry in result.history} == {100}
    assert (result.name, result.recipe, result.seed, result.epochs) == (job.network.name, recipe, 0, 3)
    assert (result.job, result.device, result.precision, result.num_threads) == (job.key, "cpu", "float32", 1)
    assert (result.dataset, result.dataset_sha256, result.evaluated_on) == ("tiny", "7" * 64, "test")
    selected = result.history[result.selected_epoch - 1]
    assert (result.num_errors, result.num_images) == (selected.num_errors, 100)
    assert result.error_rate == selected.num_errors / 100
    assert (result.error_rate_low, result.error_rate_high) == wilson_interval(selected.num_errors, 100)
    assert result.first_epoch_seconds == result.history[0].seconds
    later = sorted(entry.seconds for entry in result.history[1:])
    assert result.epoch_seconds == pytest.approx(sum(later) / 2)
    assert result.weights_sha256 == hashlib.sha256(run.weights.read_bytes()).hexdigest()


def test_progress_within_an_epoch_is_told(tiny: Dataset, tmp_path: Path) -> None:
    events: list[Event] = []
    start(tiny_job(epochs=1, batch_size=10), tiny, tmp_path, on_event=events.append)
    told = [(event.epoch, event.steps, event.num_steps) for event in events if isinstance(event, StepsDone)]
    assert told == [(1, 20, 30)]


def test_a_run_of_one_epoch_has_a_time(tiny: Dataset, tmp_path: Path) -> None:
    result = start(tiny_job(epochs=1), tiny, tmp_path).result
    assert result.epoch_seconds == result.first_epoch_seconds > 0


@each_kind
def test_the_same_job_gives_bitwise_the_same_weights_wherever_it_runs(tiny: Dataset, tmp_path: Path, text: str) -> None:
    first, second, other = (
        start(tiny_job(text, seed=seed), tiny, tmp_path / folder).result.weights_sha256
        for folder, seed in (("a", 0), ("b", 0), ("a", 1))
    )
    assert first == second != other


def scripted(monkeypatch: pytest.MonkeyPatch, errors: list[int]) -> dict[int, dict[str, torch.Tensor]]:
    """Make the epochs have these numbers of errors; the weights after each, by epoch."""
    weights: dict[int, dict[str, torch.Tensor]] = {}

    class Scripted(run_module.Trainer):
        def epoch_steps(self, epoch: int, on_step: Any = None) -> Any:
            self.epoch = epoch
            return super().epoch_steps(epoch, on_step)

        def evaluate(self) -> int:
            weights[self.epoch] = self.weights()
            return errors[self.epoch - 1]

    monkeypatch.setattr(run_module, "Trainer", Scripted)
    return weights


@pytest.mark.parametrize(
    ("recipe", "errors", "selected"),
    [
        ("paper", [50, 20, 30, 40], 2),
        ("paper", [10, 20, 30, 40], 1),
        ("paper", [40, 30, 20, 10], 4),
        ("paper", [40, 20, 30, 20], 2),
        ("paper", [0, 0, 0, 0], 1),
        ("default", [50, 20, 30, 40], 4),
        ("default", [10, 20, 30, 40], 4),
    ],
)
@pytest.mark.parametrize("stops", [(), (1,), (2, 3), (4,)])
def test_the_recipe_selects_the_epoch_and_its_weights(
    tiny: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    recipe: str,
    errors: list[int],
    selected: int,
    stops: tuple[int, ...],
) -> None:
    weights = scripted(monkeypatch, errors)
    job = tiny_job(recipe=recipe, epochs=4)
    for epoch in stops:
        stop_after(job, tiny, tmp_path, epoch)
    run = start(job, tiny, tmp_path)
    assert (run.result.selected_epoch, run.result.num_errors) == (selected, errors[selected - 1])
    assert [entry.num_errors for entry in run.result.history] == errors
    got = load_weights(run)
    assert got.keys() == weights[selected].keys()
    assert all(torch.equal(got[key], weights[selected][key]) for key in got)
    assert names(run.folder) == FINISHED


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


def test_a_folder_that_cannot_be_made_is_an_os_error(tiny: Dataset, tmp_path: Path) -> None:
    (tmp_path / "training").write_text("a file in the way")
    with pytest.raises(OSError, match="training"):
        start(tiny_job(), tiny, tmp_path)


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


@pytest.mark.parametrize("damage", ["state.json", "epoch-0002.safetensors"])
def test_a_damaged_checkpoint_stops_the_run_until_it_may_start_over(tiny: Dataset, tmp_path: Path, damage: str) -> None:
    job = tiny_job()
    stop_after(job, tiny, tmp_path, 2)
    file = job.folder(tmp_path) / damage
    file.write_bytes(file.read_bytes()[:50])
    with pytest.raises(ArtifactError, match="--no-resume"):
        start(job, tiny, tmp_path)
    assert start(job, tiny, tmp_path, resume=False).result.epochs == 3


def test_a_checkpoint_with_other_tensors_is_refused(tiny: Dataset, tmp_path: Path) -> None:
    job = tiny_job()
    stop_after(job, tiny, tmp_path, 1)
    folder = job.folder(tmp_path)
    content = safetensors.torch.save({"weights.fc1.weight": torch.zeros(2)})
    (folder / "epoch-0001.safetensors").write_bytes(content)
    document = json.loads((folder / "state.json").read_text())
    document["files"]["tensors"]["sha256"] = hashlib.sha256(content).hexdigest()
    (folder / "state.json").write_text(json.dumps(document))
    with pytest.raises(ArtifactError, match=r"does not fit: .*; start over with --no-resume"):
        start(job, tiny, tmp_path)


def test_a_job_for_another_dataset_is_refused(tiny: Dataset, tmp_path: Path) -> None:
    other = dataclasses.replace(tiny, sha256="8" * 64)
    with pytest.raises(TrainingError, match="the job is for the dataset 777777777777, not 888888888888"):
        start(tiny_job(), other, tmp_path)
    assert names(tmp_path) == []


@each_kind
@each_recipe
def test_a_run_that_diverges_says_so_and_leaves_nothing_to_export(
    tiny: Dataset, tmp_path: Path, text: str, recipe: str
) -> None:
    job = tiny_job(text, recipe, learning_rate=1e30)
    with pytest.raises(TrainingError) as caught:
        start(job, tiny, tmp_path)
    message = str(caught.value)
    assert f"{job.network.name} diverged in epoch 1: the loss is " in message
    assert "nothing of it is exported" in message
    assert "below 1e+30 (--learning-rate)" in message
    assert names(job.folder(tmp_path)) == ["failure.json", "job.json"]
    assert find_finished(tmp_path, job.network.name) is None


def test_a_run_that_diverges_later_keeps_the_epochs_before(
    tiny: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Diverging(run_module.Trainer):
        def epoch_steps(self, epoch: int, on_step: Any = None) -> Any:
            if epoch == 2:
                raise run_module.DivergedError("the loss is nan")
            return super().epoch_steps(epoch, on_step)

    monkeypatch.setattr(run_module, "Trainer", Diverging)
    job = tiny_job()
    with pytest.raises(TrainingError, match="diverged in epoch 2: the loss is nan"):
        start(job, tiny, tmp_path)
    assert names(job.folder(tmp_path)) == ["epoch-0001.safetensors", "failure.json", "job.json", "state.json"]
    assert find_finished(tmp_path, job.network.name) is None


@pytest.mark.parametrize("end", ["finished", "stopped", "diverged"])
def test_the_process_keeps_its_threads(
    tiny: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    job = tiny_job(learning_rate=1e30 if end == "diverged" else 0.01)
    seen = []

    def on_event(event: Event) -> None:
        seen.append(torch.get_num_threads())
        if end == "stopped":
            raise StoppedError

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        monkeypatch.setattr(run_module, "choose_num_threads", lambda spec, usable: usable + 1)
        if end == "finished":
            assert start(job, tiny, tmp_path, on_event=on_event).result.num_threads == 3
        else:
            with pytest.raises(StoppedError if end == "stopped" else TrainingError):
                start(job, tiny, tmp_path, on_event=on_event)
        after = torch.get_num_threads()
    finally:
        torch.set_num_threads(before)
    assert after == 2
    assert set(seen) <= {3}
    assert seen or end == "diverged"


def test_held_out_images_are_evaluated_on_and_said_so(tiny: Dataset, tmp_path: Path) -> None:
    job = tiny_job(recipe="paper", evaluated_on="validation")
    result = start(job, split_validation(tiny, 60), tmp_path).result
    assert (result.evaluated_on, result.num_images, result.selection) == ("validation", 60, "last")
    assert result.selected_epoch == 3
    assert find_finished(tmp_path, job.network.name) is None


def test_finished_runs_are_found_by_seed_and_recipe(tiny: Dataset, tmp_path: Path) -> None:
    for seed, recipe in ((0, "default"), (1, "default"), (1, "paper")):
        start(tiny_job(recipe=recipe, seed=seed, epochs=1), tiny, tmp_path)
    name = tiny_job().network.name
    for wanted in ({"seed": 0}, {"recipe": "paper"}, {"seed": 1, "recipe": "default"}):
        run = find_finished(tmp_path, name, **wanted)
        assert run is not None
        assert {key: getattr(run.result, key) for key in wanted} == wanted
    assert find_finished(tmp_path, name, seed=0, recipe="paper") is None


def test_weights_are_checked_against_the_result(tiny: Dataset, tmp_path: Path) -> None:
    run = start(tiny_job(), tiny, tmp_path)
    assert all(tensor.dtype is torch.float32 for tensor in load_weights(run).values())
    run.weights.write_bytes(run.weights.read_bytes()[:-1] + b"\x01")
    with pytest.raises(ArtifactError, match="does not have the hash of its result; train again with --no-resume"):
        load_weights(run)
    run.weights.unlink()
    with pytest.raises(ArtifactError, match=r"cannot read .*weights\.safetensors: No such file"):
        load_weights(run)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_memory_that_runs_out_is_a_typed_error(monkeypatch, tmp_path, tiny, error):
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("mnistbench.training.run.Trainer", fail)
    with pytest.raises(TrainingError, match=r"more memory than cpu has.*--batch-size"):
        run_job(tiny_job(), tiny, CPU, tmp_path)


def test_other_errors_of_torch_are_not_taken_for_it(monkeypatch, tmp_path, tiny):
    def fail(*_: object) -> None:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr("mnistbench.training.run.Trainer", fail)
    with pytest.raises(RuntimeError, match="mat1"):
        run_job(tiny_job(), tiny, CPU, tmp_path)
