from __future__ import annotations

import dataclasses
import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from tiny import CONVOLUTIONAL, DENSE, tiny_job
from torch import Tensor

from mnistbench.data.dataset import Dataset
from mnistbench.training import loop
from mnistbench.training.loop import DivergedError, Trainer

CPU = torch.device("cpu")
each_kind = pytest.mark.parametrize("text", [DENSE, CONVOLUTIONAL])
each_precision = pytest.mark.parametrize("precision", ["float32", "bfloat16"])


def trainer_of(dataset: Dataset, text: str = DENSE, recipe: str = "default", **changes: Any) -> Trainer:
    return Trainer(tiny_job(text, recipe, **changes), dataset, CPU)


def train(dataset: Dataset, text: str = DENSE, epochs: int = 2, **changes: Any) -> dict[str, Tensor]:
    trainer = trainer_of(dataset, text, **changes)
    for epoch in range(1, epochs + 1):
        trainer.run_epoch(epoch)
    return trainer.state()


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


@each_kind
@each_precision
@pytest.mark.parametrize("recipe", ["default", "paper"])
def test_the_same_seed_gives_bitwise_the_same_state(tiny: Dataset, text: str, precision: str, recipe: str) -> None:
    first = train(tiny, text, precision=precision, recipe=recipe)
    torch.rand(3)  # other code draws from the process-wide generator
    assert same(first, train(tiny, text, precision=precision, recipe=recipe))


@each_kind
def test_another_seed_gives_other_weights(tiny: Dataset, text: str) -> None:
    first, other = (train(tiny, text, seed=seed) for seed in (0, 1))
    assert not any(torch.equal(first[key], other[key]) for key in first if key.startswith("weights."))


@each_kind
def test_training_leaves_the_process_wide_generator_alone(tiny: Dataset, text: str) -> None:
    before = torch.get_rng_state()
    np_before = np.random.get_state()[1].copy()
    train(tiny, text)
    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(np.random.get_state()[1], np_before)


@each_kind
@each_precision
@pytest.mark.parametrize("recipe", ["default", "paper"])
def test_every_network_learns(tiny: Dataset, text: str, precision: str, recipe: str) -> None:
    text = text.partition("-dropout")[0].replace("8-10", "32-10")
    trainer = trainer_of(tiny, text, recipe, epochs=12, learning_rate=0.01, batch_size=50, precision=precision)
    before = trainer.evaluate()
    losses = [trainer.run_epoch(epoch)[0] for epoch in range(1, 13)]
    assert 60 <= before <= 100
    assert trainer.evaluate() <= 10
    assert losses[-1] < 0.5 * losses[0]


@each_kind
@each_precision
@pytest.mark.parametrize("after", [1, 2])
def test_an_epoch_can_be_repeated_from_the_state_before_it(
    tiny: Dataset, text: str, precision: str, after: int
) -> None:
    whole = train(tiny, text, epochs=3, precision=precision)
    before = train(tiny, text, epochs=after, precision=precision)
    trainer = trainer_of(tiny, text, precision=precision)
    trainer.run_epoch(1)  # whatever it did before is forgotten
    trainer.load_state(before)
    assert same(trainer.state(), before)
    for epoch in range(after + 1, 4):
        trainer.run_epoch(epoch)
    assert same(trainer.state(), whole)


def test_the_state_is_a_copy(tiny: Dataset) -> None:
    trainer = trainer_of(tiny)
    trainer.run_epoch(1)
    state, weights = trainer.state(), trainer.weights()
    copies = {key: value.clone() for key, value in (state | weights).items()}
    trainer.run_epoch(2)
    assert same(state | weights, copies)
    assert not same(trainer.weights(), weights)


def test_a_loaded_state_is_a_copy_too(tiny: Dataset) -> None:
    state = train(tiny, epochs=1)
    copies = {key: value.clone() for key, value in state.items()}
    trainer = trainer_of(tiny)
    trainer.load_state(state)
    trainer.run_epoch(2)
    assert same(state, copies)


def test_weights_are_plain_float32_tensors_under_the_graphs_names(tiny: Dataset) -> None:
    weights = trainer_of(tiny, CONVOLUTIONAL, precision="bfloat16").weights()
    layers = ("conv1", "conv2", "fc1", "fc2")
    assert list(weights) == [f"{layer}.{kind}" for layer in layers for kind in ("weight", "bias")]
    for tensor in weights.values():
        assert tensor.dtype is torch.float32
        assert tensor.is_contiguous()
        assert not tensor.requires_grad


@pytest.mark.parametrize("missing", ["weights.fc1.weight", "optimizer.exp_avg.fc2.bias", "optimizer.step.fc1.weight"])
def test_a_state_that_lacks_a_tensor_is_refused(tiny: Dataset, missing: str) -> None:
    state = train(tiny, epochs=1)
    del state[missing]
    with pytest.raises(KeyError, match=missing):
        trainer_of(tiny).load_state(state)


def test_a_state_of_another_network_is_refused(tiny: Dataset) -> None:
    with pytest.raises(ValueError, match=r"fc1.weight has the shape \(9, 784\), expected \(8, 784\)"):
        trainer_of(tiny).load_state(train(tiny, "9-10", epochs=1))


def test_every_image_is_seen_once_an_epoch_in_an_order_of_its_own(
    tiny: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = dataclasses.replace(tiny, train_images=tiny.train_images.copy())
    numbered = np.zeros_like(tiny.train_images)
    numbered[:, 0, 0], numbered[:, 0, 1] = np.arange(300) % 256, np.arange(300) // 256
    dataset = dataclasses.replace(dataset, train_images=numbered)

    def orders(seed: int) -> list[tuple[int, ...]]:
        trainer = trainer_of(dataset, seed=seed, batch_size=128)
        batches: list[Tensor] = []

        def step(images: Tensor, labels: Tensor) -> Tensor:
            numbers = images[:, 0, 0, 0].long() + 256 * images[:, 0, 0, 1].long()
            assert torch.equal(labels, numbers % 10)
            batches.append(numbers)
            return torch.zeros(())

        monkeypatch.setattr(trainer, "_step", step)
        found = []
        for epoch in (1, 2):
            trainer.run_epoch(epoch)
            assert [len(batch) for batch in batches] == [128, 128, 44]
            found.append(tuple(torch.cat(batches).tolist()))
            batches.clear()
        return found

    first, other = orders(0), orders(1)
    assert orders(0) == first
    for order in (*first, *other):
        assert sorted(order) == list(range(300))
    assert len({*first, *other, tuple(range(300))}) == 5


def test_each_step_has_its_rate_of_the_whole_schedule(tiny: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def rate(schedule: str, peak: float, step: int, num_steps: int) -> float:
        asked.append((schedule, peak, step, num_steps))
        return step / 1000

    monkeypatch.setattr(loop, "learning_rate", rate)
    trainer = trainer_of(tiny, learning_rate=0.25, batch_size=128)
    used = []
    step, (group,) = trainer._step, trainer.optimizer.param_groups
    monkeypatch.setattr(trainer, "_step", lambda *batch: used.append(group["lr"]) or step(*batch))
    for epoch in (1, 2, 3):
        trainer.run_epoch(epoch)
        assert group["lr"] == (3 * epoch - 1) / 1000
    assert asked == [("one_cycle", 0.25, number, 9) for number in range(9)]
    assert used == [number / 1000 for number in range(9)]


@pytest.mark.parametrize(
    ("recipe", "kind", "decay"), [("default", torch.optim.AdamW, 0.01), ("paper", torch.optim.Adam, 0.0)]
)
def test_the_optimiser_is_the_recipes(tiny: Dataset, recipe: str, kind: type, decay: float) -> None:
    optimizer = trainer_of(tiny, recipe=recipe).optimizer
    assert type(optimizer) is kind
    assert [group["weight_decay"] for group in optimizer.param_groups] == [decay]


def test_the_loss_of_an_epoch_is_the_mean_over_its_images(tiny: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = trainer_of(tiny, batch_size=128)
    losses = iter([1.0, 2.0, 10.0])
    monkeypatch.setattr(trainer, "_step", lambda *_: torch.tensor(next(losses)))
    assert trainer.run_epoch(1)[0] == pytest.approx((128 * 1 + 128 * 2 + 44 * 10) / 300)


def test_the_loss_of_a_step_is_the_cross_entropy_before_it(tiny: Dataset) -> None:
    trainer = trainer_of(tiny, "8-10", batch_size=300)
    pixels = torch.from_numpy(np.array(tiny.train_images))[:, None] / 255
    with torch.no_grad():
        logits = trainer.module(pixels).double()
    expected = -torch.log_softmax(logits, 1)[range(300), torch.from_numpy(np.array(tiny.train_labels))].mean()
    assert trainer.run_epoch(1)[0] == pytest.approx(expected.item(), rel=1e-5)


def test_progress_is_told_every_20_steps(tiny: Dataset) -> None:
    told: list[tuple[int, int, float]] = []
    mean, seconds = trainer_of(tiny, batch_size=7).run_epoch(1, lambda *values: told.append(values))
    assert [entry[:2] for entry in told] == [(20, 43), (40, 43)]
    assert all(math.isfinite(entry[2]) for entry in told)
    assert math.isfinite(mean)
    assert seconds > 0


def test_evaluation_counts_wrong_answers_without_dropout(tiny: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "EVALUATION_BATCH", 33)
    for text in (DENSE, CONVOLUTIONAL):
        trainer = trainer_of(tiny, text)
        trainer.run_epoch(1)
        pixels = torch.from_numpy(np.array(tiny.test_images))[:, None] / 255
        with torch.inference_mode():
            answers = trainer.module.eval()(pixels).argmax(1).numpy()
        assert trainer.evaluate() == int((answers != tiny.test_labels).sum())


def test_evaluation_changes_nothing_of_the_next_epoch(tiny: Dataset) -> None:
    first, second = trainer_of(tiny), trainer_of(tiny)
    for epoch in (1, 2):
        first.run_epoch(epoch)
        second.run_epoch(epoch)
        second.evaluate()
    assert same(first.state(), second.state())


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("at", [3, 42])
def test_a_loss_that_is_not_finite_ends_the_epoch(
    tiny: Dataset, monkeypatch: pytest.MonkeyPatch, value: float, at: int
) -> None:
    trainer = trainer_of(tiny, batch_size=7)
    steps = iter(range(43))
    monkeypatch.setattr(trainer, "_step", lambda *_: torch.tensor(value if next(steps) == at else 1.0))
    with pytest.raises(DivergedError, match=f"the loss is {value}"):
        trainer.run_epoch(1, lambda *_: None)
    # The first of them was noticed at the first report, not at the end.
    assert (next(steps, None) == 20) == (at == 3)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@each_kind
def test_a_weight_that_the_last_step_spoils_ends_the_epoch(
    tiny: Dataset, monkeypatch: pytest.MonkeyPatch, text: str, value: float
) -> None:
    trainer = trainer_of(tiny, text)
    plain, taken = trainer._step, itertools.count(1)

    def step(*batch: Tensor) -> Tensor:
        loss = plain(*batch)
        if next(taken) == trainer.steps_per_epoch:
            with torch.no_grad():
                list(trainer.module.parameters())[-1][-1] = value
        return loss

    monkeypatch.setattr(trainer, "_step", step)
    with pytest.raises(DivergedError, match="a weight is NaN or infinite"):
        trainer.run_epoch(1)


def test_seeds_differ_for_each_seed_epoch_and_purpose() -> None:
    seeds = {loop._seed_for(seed, epoch, purpose) for seed in range(20) for epoch in range(20) for purpose in (1, 2)}
    assert len(seeds) == 800
    assert all(0 <= seed < 2**63 for seed in seeds)


@pytest.mark.parametrize("gone", ["step", "exp_avg", "exp_avg_sq"])
def test_a_state_without_all_of_the_optimizers_tensors_is_refused(tiny: Dataset, gone: str) -> None:
    trainer = trainer_of(tiny)
    trainer.run_epoch(1)
    state = {name: tensor for name, tensor in trainer.state().items() if not name.startswith(f"optimizer.{gone}.")}
    with pytest.raises(ValueError, match="of the optimizer it has"):
        trainer_of(tiny).load_state(state)
    with pytest.raises(ValueError, match="of the optimizer it has"):
        trainer_of(tiny).load_state(trainer.state() | {"optimizer.more.fc1.weight": torch.zeros(1)})
