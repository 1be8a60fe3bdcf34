from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import tiny_job
from training_runs import CPU, FINISHED, StoppedError, each_kind, each_recipe, names, start, stop_after

from mnistbench.data.dataset import Dataset
from mnistbench.data.split import split_validation
from mnistbench.errors import ArtifactError, TrainingError
from mnistbench.measure.stats import wilson_interval
from mnistbench.training import run as run_module
from mnistbench.training.job import find_finished, read_finished
from mnistbench.training.run import EpochDone, Event, StepsDone, load_weights, run_job


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


def test_a_folder_that_cannot_be_made_is_an_os_error(tiny: Dataset, tmp_path: Path) -> None:
    (tmp_path / "training").write_text("a file in the way")
    with pytest.raises(OSError, match="training"):
        start(tiny_job(), tiny, tmp_path)


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
    tensors, *others = names(job.folder(tmp_path))
    assert tensors.startswith("epoch-0001-")
    assert others == ["failure.json", "job.json", "state.json"]
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
