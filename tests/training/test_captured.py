from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import MethodType
from typing import Any

import pytest
import torch
from observed import Log
from tiny import CONVOLUTIONAL, DENSE, tiny_job
from torch import Tensor

from mnistbench.data.dataset import Dataset
from mnistbench.training.captured import WARM_UP_STEPS, CapturedSteps, Record, record_graph
from mnistbench.training.loop import DivergedError, Trainer
from mnistbench.training.run import run_job
from mnistbench.training.sweep import run_one_by_one
from mnistbench.training.together import run_together

CPU = torch.device("cpu")
each_kind = pytest.mark.parametrize("text", [DENSE, CONVOLUTIONAL])


def addresses(steps: CapturedSteps) -> list[int]:
    """Of all that a recorded step reads and writes, of the trainer's own tensors among it."""
    trainer: Trainer | None = getattr(steps._step, "__self__", None)
    if trainer is None:  # a test's own step
        return []
    moments = [value for state in trainer.optimizer.state.values() for value in state.values()]
    assert steps._buffers is not None
    ours = (*steps._buffers, steps._position, steps._number, steps._offsets, steps.total)
    rates = [group["lr"] for group in trainer.optimizer.param_groups]
    return [tensor.data_ptr() for tensor in (*ours, *rates, *trainer.module.parameters(), *moments)]


def record_as_a_graph_would(function: Callable[[], None], generator: torch.Generator) -> Callable[[], None]:
    """As a GPU: warms up, draws from the generator, and repeats the work from then on, at the same addresses."""
    for _ in range(WARM_UP_STEPS):
        function()
    torch.rand(7, generator=generator)
    assert isinstance(function, MethodType)
    steps: CapturedSteps = function.__self__
    recorded = addresses(steps)

    def replay() -> None:
        assert addresses(steps) == recorded, "a graph would still use the old tensors"
        function()

    return replay


def refuse(function: Callable[[], None], generator: torch.Generator) -> Callable[[], None]:
    record_as_a_graph_would(function, generator)
    raise RuntimeError("operation not permitted when stream is capturing")


def trainer_of(dataset: Dataset, record: Record | None, text: str = DENSE, **changes: Any) -> Trainer:
    # 300 images: seven full batches, and twenty images that no recording of a full batch can train.
    return Trainer(tiny_job(text, **({"batch_size": 40} | changes)), dataset, CPU, record=record)


def train(trainer: Trainer, epochs: range) -> list[float]:
    return [trainer.run_epoch(epoch)[0] for epoch in epochs]


def assert_same_state(first: Trainer, second: Trainer, *, exact: bool = False) -> None:
    one, other = first.state(), second.state()
    assert one.keys() == other.keys()
    for key, value in one.items():
        # The rate is rounded to float32 where it stands in a tensor.
        torch.testing.assert_close(other[key], value, rtol=0 if exact else 1e-3, atol=0 if exact else 1e-5)


@each_kind
@pytest.mark.parametrize("recipe", ["default", "paper"])
def test_replayed_steps_train_as_launched_ones(tiny: Dataset, text: str, recipe: str) -> None:
    launched = trainer_of(tiny, None, text, recipe=recipe, max_shift=1)
    replayed = trainer_of(tiny, record_as_a_graph_would, text, recipe=recipe, max_shift=1)
    assert train(replayed, range(1, 4)) == pytest.approx(train(launched, range(1, 4)), rel=1e-4)
    assert (launched.is_captured, replayed.is_captured) == (False, True)
    assert trainer_of(tiny, record_as_a_graph_would).is_captured is None
    assert_same_state(launched, replayed)


def test_each_step_has_its_images_and_its_rate(tiny: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = {}
    for name, record in (("launched", None), ("replayed", record_as_a_graph_would)):
        trainer = trainer_of(tiny, record)
        (group,) = trainer.optimizer.param_groups
        calls: list[tuple[list[int], float]] = []

        def step(images: Tensor, labels: Tensor, calls: Any = calls, group: Any = group) -> Tensor:
            calls.append((images.flatten(1).sum(1).tolist(), float(group["lr"])))
            return torch.zeros(())

        monkeypatch.setattr(trainer, "_step", step)
        train(trainer, range(1, 3))
        seen[name] = calls[WARM_UP_STEPS if record else 0 :]
    assert len(seen["launched"]) == 2 * 8
    assert [images for images, _ in seen["replayed"]] == [images for images, _ in seen["launched"]]
    rates = [[rate for _, rate in calls] for calls in seen.values()]
    assert rates[1] == pytest.approx(rates[0], rel=1e-6)


@each_kind
def test_recording_leaves_no_trace(tiny: Dataset, text: str) -> None:
    once = trainer_of(tiny, record_as_a_graph_would, text)
    train(once, range(1, 3))
    again = trainer_of(tiny, record_as_a_graph_would, text)
    train(again, range(1, 2))
    resumed = trainer_of(tiny, record_as_a_graph_would, text)
    resumed.load_state(again.state())
    train(resumed, range(2, 3))  # records anew, from weights and moments that are not the first ones
    assert_same_state(once, resumed, exact=True)


@each_kind
def test_another_state_is_recorded_anew(tiny: Dataset, text: str) -> None:
    trainer = trainer_of(tiny, record_as_a_graph_would, text)
    train(trainer, range(1, 2))
    before = trainer.state()
    train(trainer, range(2, 3))
    expected = trainer.state()
    trainer.load_state(before)
    train(trainer, range(2, 3))
    assert all(torch.equal(value, expected[key]) for key, value in trainer.state().items())


def test_one_recording_serves_all_epochs_and_goes_with_the_trainer(tiny: Dataset) -> None:
    recordings = []

    def record(function: Callable[[], None], generator: torch.Generator) -> Callable[[], None]:
        recordings.append(generator)
        function()
        return lambda: None  # a graph knows nothing of what it was made from

    trainer = trainer_of(tiny, record)
    train(trainer, range(1, 4))
    assert len(recordings) == 1
    gone = weakref.ref(trainer)
    trainer.close()
    del trainer
    assert gone() is None  # at once, and not when the garbage is collected


@each_kind
def test_batches_that_divide_the_images_leave_no_rest(tiny: Dataset, text: str) -> None:
    launched = trainer_of(tiny, None, text, batch_size=50)
    replayed = trainer_of(tiny, record_as_a_graph_would, text, batch_size=50)
    assert train(replayed, range(1, 3)) == pytest.approx(train(launched, range(1, 3)), rel=1e-4)
    assert_same_state(launched, replayed)


@each_kind
def test_what_cannot_be_recorded_is_launched(tiny: Dataset, text: str) -> None:
    launched, refused = trainer_of(tiny, None, text), trainer_of(tiny, refuse, text)
    assert train(refused, range(1, 3)) == pytest.approx(train(launched, range(1, 3)), rel=1e-4)
    assert not refused.is_captured
    assert_same_state(launched, refused)


def test_memory_that_runs_out_while_recording_is_an_error(tiny: Dataset) -> None:
    def fill(function: Callable[[], None], generator: torch.Generator) -> Callable[[], None]:
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(torch.OutOfMemoryError):
        trainer_of(tiny, fill).run_epoch(1)


def test_a_handful_of_steps_is_not_recorded(tiny: Dataset) -> None:
    def never(function: Callable[[], None], generator: torch.Generator) -> Callable[[], None]:
        raise AssertionError("recorded")

    trainer = trainer_of(tiny, never, batch_size=100)
    trainer.run_epoch(1)
    assert not trainer.is_captured


def test_a_loss_that_diverges_is_seen_in_replayed_steps(tiny: Dataset) -> None:
    with pytest.raises(DivergedError, match=r"the loss is (nan|inf)"):
        train(trainer_of(tiny, record_as_a_graph_would, learning_rate=1e30), range(1, 4))


def test_the_result_says_whether_steps_were_replayed(
    tiny: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = tiny_job(batch_size=40)
    assert run_job(job, tiny, CPU, tmp_path / "launched").result.captured is False
    monkeypatch.setattr("mnistbench.training.run.Trainer", partial(Trainer, record=record_as_a_graph_would))
    assert run_job(job, tiny, CPU, tmp_path / "replayed").result.captured is True


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@each_kind
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_graph_on_a_gpu_trains_as_launched_kernels(tiny: Dataset, text: str, precision: str) -> None:
    device = torch.device("cuda:0")
    job = tiny_job(text, batch_size=40, device="cuda", precision=precision)
    launched, replayed = (Trainer(job, tiny, device, record=record) for record in (None, record_graph))
    tolerance = 1e-3 if precision == "float32" else 0.05
    assert train(replayed, range(1, 4)) == pytest.approx(train(launched, range(1, 4)), rel=tolerance)
    assert replayed.is_captured


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_graphs_that_replay_at_once_do_not_disturb_each_other(tiny: Dataset, tmp_path: Path) -> None:
    device = torch.device("cuda:0")
    jobs = [tiny_job("64-64-10", batch_size=20, device="cuda", seed=seed) for seed in range(4)]
    alone, turns = Log(), Log()
    run_one_by_one(jobs, tiny, device, tmp_path / "alone", observer=alone)
    run_together(jobs, tiny, device, tmp_path / "turns", num_runs=4, observer=turns)
    for job in jobs:
        ours, theirs = (log.runs[job.key].result.history for log in (turns, alone))
        assert [epoch.loss for epoch in ours] == pytest.approx([epoch.loss for epoch in theirs], rel=1e-3)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_that_refuses_a_recording_trains_on_its_stream(tiny: Dataset) -> None:
    device = torch.device("cuda:0")

    def asks(function: Callable[[], None], generator: torch.Generator) -> Callable[[], None]:
        def step() -> None:
            function()
            torch.zeros((), device=device).item()  # which a graph cannot hold

        return record_graph(step, generator)

    job = tiny_job(batch_size=40, device="cuda")
    launched, refused = (Trainer(job, tiny, device, record=record) for record in (None, asks))
    before = torch.cuda.current_stream(device)
    assert train(refused, range(1, 3)) == pytest.approx(train(launched, range(1, 3)), rel=1e-3)
    assert (refused.is_captured, torch.cuda.current_stream(device)) == (False, before)
