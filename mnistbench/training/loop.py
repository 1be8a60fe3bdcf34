"""The training loop itself: data on the device, one step, one epoch, one evaluation.

Writes no file and prints nothing. All randomness is a function of the job's
seed and the epoch, so that an epoch can be repeated from the state before it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator
from typing import Literal, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from mnistbench.data.dataset import Dataset
from mnistbench.training.augment import distort_randomly, shift_randomly
from mnistbench.training.captured import WARM_UP_STEPS, CapturedSteps, Record, record_graph
from mnistbench.training.hardware import memory_format
from mnistbench.training.job import Job
from mnistbench.training.module import PIXEL_SCALE, build_module, dropouts
from mnistbench.training.schedule import learning_rate

EVALUATION_BATCH = 500
"""Images at once in evaluation; small enough that activations of the largest network stay below 100 MB."""

STEPS_BETWEEN_REPORTS = 20

STEPS_BETWEEN_PAUSES = 10
"""Few enough that a GPU has work from several networks at once, and many enough that turns cost nothing."""

SECONDS_BETWEEN_LOOKS = 0.05
"""While there is nothing to do but to wait for another process."""

Outcome = TypeVar("Outcome")

OnStep = Callable[[int, int, float], None]
"""Called with steps done, steps in the epoch, and the mean loss so far."""

_PERMUTATION, _DROPOUT, _SHIFT = 1, 2, 3

_ADAM_STATE = {"step", "exp_avg", "exp_avg_sq"}


class DivergedError(ArithmeticError):
    """The loss or a weight became NaN or infinite."""


def run_to_end(steps: Generator[bool, None, Outcome]) -> Outcome:
    """Run at a stretch what pauses now and then, and gives whether it got on since; what it returns."""
    while True:
        try:
            if not next(steps):
                time.sleep(SECONDS_BETWEEN_LOOKS)
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome


class Trainer:
    """A network in training: module, optimiser and the whole dataset on one device.

    Args:
        job: The configuration.
        dataset: Images uint8 ``(n, 28, 28)``; kept as uint8 on the device.
        device: Where everything lives.
        record: Records a step, to replay it from then on; ``None`` launches every kernel anew.
            By default steps are recorded on GPUs.
    """

    def __init__(
        self, job: Job, dataset: Dataset, device: torch.device, *, record: Record | Literal["auto"] | None = "auto"
    ) -> None:
        self.job = job
        self.device = device
        self.memory_format = memory_format(job.network.spec)
        self.module = build_module(job.network.spec, job.seed, job.initialization).to(device)
        self.module.to(memory_format=self.memory_format)  # type: ignore[call-overload]  # torch has no stub for it
        if record == "auto":
            record = record_graph if device.type == "cuda" else None
        # Too few steps are not worth it.
        self._record = record if len(dataset.train_images) // job.batch_size > WARM_UP_STEPS else None
        self._captured: CapturedSteps | None = None
        self._has_run = False
        rate = job.learning_rate if self._record is None else torch.tensor(job.learning_rate, device=device)
        self.optimizer = _optimizer(job, self.module, rate)
        self.images = _to_device(dataset.train_images, device).unsqueeze(1)
        self.labels = _to_device(dataset.train_labels, device).long()
        self.test_images = _to_device(dataset.test_images, device).unsqueeze(1)
        self.test_labels = _to_device(dataset.test_labels, device).long()
        self._use_generator(torch.Generator(device))

    @property
    def steps_per_epoch(self) -> int:
        """Steps, the last of which may have a smaller batch."""
        return math.ceil(len(self.images) / self.job.batch_size)

    def run_epoch(self, epoch: int, on_step: OnStep | None = None) -> tuple[float, float]:
        """Train one epoch at a stretch; as :meth:`epoch_steps`."""
        return run_to_end(self.epoch_steps(epoch, on_step))

    def epoch_steps(self, epoch: int, on_step: OnStep | None = None) -> Generator[bool, None, tuple[float, float]]:
        """Train one epoch, and pause after every few steps for others to have their turn.

        Each pause gives ``True``: it got on since the last.

        Args:
            epoch: Counted from 1; decides the order of the images and the dropout.
            on_step: Told now and then how far it is.

        Returns:
            Mean loss in nats, and wall time from the first step to the last in seconds, pauses included.

        Raises:
            DivergedError: When the loss or a weight is no longer finite.
        """
        job, batch_size, num_images, steps = self.job, self.job.batch_size, len(self.images), self.steps_per_epoch
        self.module.train()
        total = torch.zeros((), device=self.device)
        begin = self._now()
        order = torch.randperm(
            num_images, generator=torch.Generator().manual_seed(_seed_for(job.seed, epoch, _PERMUTATION))
        )
        order = order.to(self.device)
        # One gather an epoch; every batch is then a view.
        images, labels = self.images[order], self.labels[order]
        images = self._augmented(images, torch.Generator().manual_seed(_seed_for(job.seed, epoch, _SHIFT)))
        rates = [
            learning_rate(job.schedule, job.learning_rate, (epoch - 1) * steps + step, job.epochs * steps)
            for step in range(steps)
        ]
        captured = self._capture(images, labels, rates)
        self._has_run = True
        if captured is not None:
            total = captured.total
        self.generator.manual_seed(_seed_for(job.seed, epoch, _DROPOUT))
        for step in range(steps):
            first = step * batch_size
            if captured is not None and first + batch_size <= num_images:
                captured.run_one()
            else:
                self._set_rate(rates[step])
                loss = self._step(images[first : first + batch_size], labels[first : first + batch_size])
                total += loss * min(batch_size, num_images - first)
            if on_step is not None and (step + 1) % STEPS_BETWEEN_REPORTS == 0:
                mean = total.item() / min((step + 1) * batch_size, num_images)
                _require_finite(mean)
                on_step(step + 1, steps, mean)
            if (step + 1) % STEPS_BETWEEN_PAUSES == 0:
                yield True
        seconds = max(0.0, self._now() - begin)
        mean = total.item() / num_images
        _require_finite(mean)
        # The loss is of the weights before each update; only this sees what the last update did.
        self._require_finite_weights()
        return mean, seconds

    def _require_finite_weights(self) -> None:
        finite = torch.stack([parameter.isfinite().all() for parameter in self.module.parameters()]).all()
        if not finite.item():  # the one question to the device
            raise DivergedError("a weight is NaN or infinite")

    def _use_generator(self, generator: torch.Generator) -> None:
        """Draw dropout from it."""
        self.generator = generator
        for layer in dropouts(self.module):
            layer.generator = generator

    def _augmented(self, images: Tensor, chance: torch.Generator) -> Tensor:
        """The images of one epoch, changed at random as the job says."""
        job = self.job
        if job.max_rotation or job.max_scaling:
            extents = {"max_rotation": job.max_rotation, "max_scaling": job.max_scaling}
            return distort_randomly(images, chance, max_shift=job.max_shift, **extents)
        return shift_randomly(images, job.max_shift, chance) if job.max_shift else images

    @property
    def is_captured(self) -> bool | None:
        """Whether steps are replayed from a recording; ``None`` before the first epoch."""
        return self._captured is not None if self._has_run else None

    def close(self) -> None:
        """Let go of the recorded step, which holds this trainer and with it the device's memory."""
        self._captured = None

    def _capture(self, images: Tensor, labels: Tensor, rates: list[float]) -> CapturedSteps | None:
        """Hand an epoch to the recorded step, which is recorded at the first call; ``None`` where that is not to be."""
        if self._record is None:
            return None
        if self._captured is None:
            moments = self._optimizer_state()
            self._captured = CapturedSteps(
                self._step,
                self.optimizer.param_groups[0]["lr"],
                self.job.batch_size,
                self.generator,
                (*self.module.parameters(), *moments),
                self._record,
            )
        try:
            self._captured.begin(images, labels, torch.tensor(rates))
        except torch.OutOfMemoryError:
            raise
        except RuntimeError:
            # A driver or a kernel that cannot be recorded still trains, launch by launch.
            self._record = self._captured = None
            # The other generator may still take itself for a part of the recording.
            self._use_generator(torch.Generator(self.device))
        return self._captured

    def _optimizer_state(self) -> list[Tensor]:
        """The optimiser's tensors, made now if there was no step yet: a recorded step needs them where they stay."""
        for parameter in self.module.parameters():
            if not self.optimizer.state[parameter]:
                self.optimizer.state[parameter] = {
                    "step": torch.zeros((), device=self.device),
                    "exp_avg": torch.zeros_like(parameter),
                    "exp_avg_sq": torch.zeros_like(parameter),
                }
        return [value for state in self.optimizer.state.values() for value in state.values()]

    def _set_rate(self, rate: float) -> None:
        for group in self.optimizer.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate

    def _step(self, images: Tensor, labels: Tensor) -> Tensor:
        """One optimiser step on uint8 images ``(batch, 1, 28, 28)``; returns the loss, detached."""
        pixels = self._pixels(images)
        if self.job.precision == "bfloat16":
            with torch.autocast(self.device.type, torch.bfloat16):
                logits = self.module(pixels).float()
        else:
            logits = self.module(pixels)
        loss = functional.cross_entropy(logits, labels, label_smoothing=self.job.label_smoothing)
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self.optimizer.step()
        return loss.detach()

    def _pixels(self, images: Tensor) -> Tensor:
        return torch.mul(images, PIXEL_SCALE).contiguous(memory_format=self.memory_format)

    def evaluate(self) -> int:
        """Wrong answers on the evaluation images, in float32 as the exported model computes."""
        self.module.eval()
        errors = torch.zeros((), dtype=torch.long, device=self.device)
        with torch.inference_mode():
            for first in range(0, len(self.test_images), EVALUATION_BATCH):
                part = slice(first, first + EVALUATION_BATCH)
                logits = self.module(self._pixels(self.test_images[part]))
                errors += (logits.argmax(1) != self.test_labels[part]).sum()
        return int(errors.item())

    def weights(self) -> dict[str, Tensor]:
        """Float32 parameters by name, on the CPU and contiguous."""
        return {name: _plain(parameter) for name, parameter in self.module.named_parameters()}

    def state(self) -> dict[str, Tensor]:
        """Everything that the next epoch depends on, besides the job."""
        tensors = {f"weights.{name}": tensor for name, tensor in self.weights().items()}
        for name, parameter in self.module.named_parameters():
            for key, value in self.optimizer.state[parameter].items():
                tensors[f"optimizer.{key}.{name}"] = _plain(value)
        return tensors

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Put back what :meth:`state` gave.

        Raises:
            KeyError: When a tensor is missing.
            ValueError: When one has another shape.
        """
        self._captured = None  # which holds tensors that are replaced here
        prefix = "optimizer."
        keys = {name[len(prefix) :].split(".", 1)[0] for name in tensors if name.startswith(prefix)}
        if keys != _ADAM_STATE:
            raise ValueError(f"of the optimizer it has {sorted(keys)}, expected {sorted(_ADAM_STATE)}")
        with torch.no_grad():
            for name, parameter in self.module.named_parameters():
                saved = tensors[f"weights.{name}"]
                if saved.shape != parameter.shape:
                    raise ValueError(f"{name} has the shape {tuple(saved.shape)}, expected {tuple(parameter.shape)}")
                parameter.copy_(saved)
                self.optimizer.state[parameter] = {
                    key: self._like(tensors[f"{prefix}{key}.{name}"], parameter) for key in sorted(keys)
                }

    def _like(self, saved: Tensor, parameter: Tensor) -> Tensor:
        """A saved optimiser tensor with its parameter's device and memory layout."""
        if saved.shape != parameter.shape:
            return saved.to(self.device, copy=True)
        return torch.empty_like(parameter, dtype=saved.dtype).copy_(saved)

    def _now(self) -> float:
        if self.device.type == "cuda":
            # Only what this trainer launched: others may have work of their own on the device.
            torch.cuda.current_stream(self.device).synchronize()
        return time.perf_counter()


def _optimizer(job: Job, module: nn.Module, rate: float | Tensor) -> torch.optim.Optimizer:
    """A rate on the device makes it an optimiser whose step can be recorded."""
    kind = torch.optim.AdamW if job.optimizer == "adamw" else torch.optim.Adam
    return kind(
        module.parameters(),
        lr=rate,
        betas=job.betas,
        weight_decay=job.weight_decay,
        fused=True,
        capturable=isinstance(rate, Tensor),
    )


def _seed_for(seed: int, epoch: int, purpose: int) -> int:
    """A seed for one purpose in one epoch, far from that of every other."""
    words = np.random.SeedSequence((seed, epoch, purpose)).generate_state(2, np.uint32)
    return int(words[0]) << 31 | int(words[1]) >> 1


def _to_device(array: np.ndarray, device: torch.device) -> Tensor:
    # torch warns about arrays that cannot be written, which the dataset's are.
    return torch.from_numpy(np.array(array)).to(device)


def _plain(tensor: Tensor) -> Tensor:
    return tensor.detach().to("cpu", copy=True).contiguous()


def _require_finite(loss: float) -> None:
    if not math.isfinite(loss):
        raise DivergedError(f"the loss is {loss}")
