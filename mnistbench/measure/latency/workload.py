"""What the timed calls are given, and how their answers are checked.

Inputs differ from call to call and are drawn with a fixed seed: digits for a
model that reads them, random or given tensors for any other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mnistbench.errors import InputError, ModelError
from mnistbench.measure.latency.inputs import MOST_BYTES, Inputs
from mnistbench.runtime.images import Images
from mnistbench.runtime.input_plan import InputPlan

SEED = 20
MAX_DISTINCT = 16
MOST_OTHERS = {"i": 0.5, "u": 0.5, "b": 0.1}
"""Share of an output's elements that may be others on a device than on the CPU, by numpy's kind of number.

Whole numbers are mostly ranks: ``ArgMax``, ``TopK``. What noise, which is all that a model of unknown purpose is
given, leads to lies close together, and rounding in bfloat16 turns ranks over: one swap changes two of the five
best. A device that is broken gives others nearly everywhere. Of truth values half agree by chance.
"""

_MAX_DISTINCT_IMAGES = 16_384
_MAX_DISTINCT_BYTES = 256 << 20

Array = npt.NDArray[Any]
Feed = Mapping[str, Array]
Digest = Sequence[Array]
"""What of an answer is compared, an array for each output."""


@dataclass(frozen=True)
class Workload:
    """Distinct inputs for the timed calls.

    Attributes:
        feeds: One or more, by name of the input; used in turns.
        outputs: Names of the outputs that are asked for.
        plan: How the answer is read; ``None`` for tensors that are only compared.
        batch_size: Images, or other items, in a call.
    """

    feeds: tuple[Feed, ...]
    outputs: tuple[str, ...]
    plan: InputPlan | None
    batch_size: int

    def digest(self, answer: Sequence[Array]) -> Sequence[Array]:
        """What of an answer must stay the same: the labels, or all of it.

        Raises:
            ModelError: When the answer is not one for so many images.
        """
        if self.plan is None:
            return [np.array(part) for part in answer]
        return [self.plan.labels(answer[0], self.batch_size)]

    def check(self, answer: Sequence[Array], expected: Sequence[Array]) -> None:
        """Compare an answer with the digest that the same input had before.

        Raises:
            ModelError: When it is another one.
        """
        if not all(_same(*pair) for pair in zip(self.digest(answer), expected, strict=True)):
            raise ModelError("its answers to the same inputs changed while it was timed; the figures are void")

    def check_agreement(self, found: Sequence[Digest], right: Sequence[Digest], where: str) -> None:
        """Compare a device's answers to all inputs with the CPU's, which it may round otherwise.

        Args:
            found: The device's, by input.
            right: The CPU's.
            where: The device, for the error.

        Raises:
            ModelError: When more than one label in a hundred is another; of a model that reads no digits, when a
                number is off by more than a twentieth of the largest, or more whole numbers of an output are others
                than :data:`MOST_OTHERS` allows.
        """
        pairs = [pair for one, other in zip(found, right, strict=True) for pair in zip(one, other, strict=True)]
        if any(one.shape != other.shape or one.dtype != other.dtype for one, other in pairs):
            raise ModelError(f"its answers on {where} have other shapes or types than on the CPU")
        if self.plan is not None:
            differing = sum(int((one != other).sum()) for one, other in pairs)
            total = sum(other.size for _, other in pairs)
            if differing > max(1, total // 100):
                raise ModelError(f"{differing} of {total} answers on {where} are others than on the CPU; it is broken")
            return
        for name, one, other in zip(self.outputs, zip(*found, strict=True), zip(*right, strict=True), strict=True):
            if other[0].dtype.kind in "fc":
                if not all(map(_near, one, other)):
                    raise ModelError(f"its answers on {where} are others than on the CPU; it is broken")
                continue
            differing, total = sum(map(_count_others, one, other)), sum(part.size for part in other)
            if differing > max(1, int(total * MOST_OTHERS[other[0].dtype.kind])):
                raise ModelError(
                    f"{differing:,} of {total:,} numbers of its output {name!r} on {where} are others than on the CPU; "
                    "it is broken"
                )


def make_workload(inputs: Inputs, batch_size: int, images: Images | None, seed: int = SEED) -> Workload:
    """Draw the inputs of the timed calls.

    Args:
        inputs: What the model takes.
        batch_size: Items in a call; given tensors have their own.
        images: uint8 of shape ``(n, 28, 28)`` or ``(n, 1, 28, 28)``, which digits are drawn from.
        seed: Draws them.

    Raises:
        InputError: When there are no images for a model that reads them.
        ModelError: When given tensors cannot be read or do not fit.
    """
    if inputs.plan is not None:
        if images is None or not len(images):
            raise InputError("no images to draw inputs from; expected at least one")
        drawn = draw_inputs(images, batch_size, inputs.plan, seed)
        feeds: list[dict[str, Array]] = [{inputs.plan.name: given} for given in drawn]
        return Workload(tuple(feeds), inputs.outputs, inputs.plan, batch_size)
    if inputs.file is not None:
        return Workload((inputs.read(Path(inputs.file)),), inputs.outputs, None, batch_size)
    first = inputs.random(batch_size, np.random.default_rng([seed, 0]))
    size = max(1, sum(array.nbytes for array in first.values()))
    count = max(2, min(MAX_DISTINCT, _MAX_DISTINCT_BYTES // size))
    others = (inputs.random(batch_size, np.random.default_rng([seed, index])) for index in range(1, count))
    return Workload((first, *others), inputs.outputs, None, batch_size)


def draw_inputs(images: Images, batch_size: int, plan: InputPlan, seed: int = SEED) -> list[Array]:
    """Distinct batches for a model, drawn from ``images`` with a fixed seed.

    Returns:
        Two to sixteen arrays as the plan says; fewer for larger batches, so that memory stays small.
    """
    if batch_size * 784 * np.dtype(plan.dtype).itemsize > MOST_BYTES:
        raise InputError(f"a batch of {batch_size:,} images has more than {MOST_BYTES >> 30} GiB")
    generator = np.random.default_rng(seed)
    count = max(2, min(MAX_DISTINCT, _MAX_DISTINCT_IMAGES // batch_size))
    repeats = batch_size > len(images)
    chosen = [generator.choice(len(images), size=batch_size, replace=repeats) for _ in range(count)]
    return [plan.prepare(images[indices]) for indices in chosen]


def _near(found: Array, right: Array) -> bool:
    return np.allclose(found, right, rtol=0.05, atol=0.05 * _largest(right), equal_nan=True)


def _count_others(found: Array, right: Array) -> int:
    """Elements that are others; numbers of one or two bytes are quantised ones, which may be off as others may."""
    if right.dtype.kind == "b" or right.dtype.itemsize > 2:
        return int(np.count_nonzero(found != right))
    off = np.abs(found.astype(np.int64) - right.astype(np.int64))
    return int(np.count_nonzero(off > 0.05 * np.max(np.abs(right.astype(np.int64)), initial=0)))


def _largest(values: Array) -> float:
    """Of the finite ones; 0 without any."""
    return float(np.max(np.abs(values), initial=0.0, where=np.isfinite(values)))


def _same(now: Array, before: Array) -> bool:
    if now.shape != before.shape or now.dtype != before.dtype:
        return False
    if now.dtype.kind not in "fc":
        return np.array_equal(now, before)
    # Sums in another order differ in the last digits; anything more is another answer.
    return np.allclose(now, before, rtol=1e-2, atol=1e-3 * _largest(before), equal_nan=True)
