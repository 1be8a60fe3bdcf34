"""Chooses between ways of giving images to a model by how well it then answers.

Knows plans and a way to predict with one; nothing of onnxruntime. The images
must be training images: a choice made on test images would flatter the result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mnistbench.errors import ModelError
from mnistbench.runtime.images import Images
from mnistbench.runtime.input_plan import InputPlan, Labels

Predict = Callable[[Images], Labels]

_SHIFTS = ((3, 0), (-3, 0), (0, 3), (0, -3))


def choose_by_trial(
    candidates: Sequence[InputPlan], predictor: Callable[[InputPlan], Predict], images: Images, labels: Labels
) -> InputPlan:
    """The candidate with the fewest errors on the images and on the same ones moved by three pixels.

    A good network hardly errs on its training images, whichever of several value
    ranges they come in, and by chance may err less in a wrong one. Moved digits
    are hard enough to tell them apart. Candidates that answer all of them alike,
    mistakes included, are the same to the model; the first of them is taken.

    Args:
        candidates: At least one plan, the likeliest first.
        predictor: Gives the function that answers images with a plan.
        images: uint8 of shape ``(n, 28, 28)``.
        labels: Integers of shape ``(n,)``, 0 to 9.

    Raises:
        ModelError: When no candidate is right about more than half of the
            images, or two are equally good; the message names the option to give.
    """
    total = len(images)
    plain = [_errors(predictor(plan)(images), labels) for plan in candidates]
    if total == 0 or min(plain) * 2 >= total:
        raise ModelError(
            f"no way of giving it images was right about more than half of {total:,} training images (best: "
            f"{total - min(plain):,}); it does not classify digits, or give "
            "--input-range, --input-layout or --output-name"
        )
    moved = np.concatenate([np.roll(images, shift, axis=(1, 2)) for shift in _SHIFTS])
    truth = np.tile(labels, len(_SHIFTS))
    # Stable, so that among equals the likeliest stays first.
    tried = sorted(
        (
            _Tried(plan, count, answers := predictor(plan)(moved), _errors(answers, truth))
            for plan, count in zip(candidates, plain, strict=True)
            if count * 2 < total
        ),
        key=lambda one: one.total,
    )
    best = tried[0]
    equal = [one for one in tried if one.total == best.total]
    if len(equal) > 1 and (best.moved == 0 or any(not np.array_equal(one.answers, best.answers) for one in equal)):
        names = ", ".join(f"{one.plan.layout} {one.plan.value_range}" for one in equal)
        raise ModelError(
            f"{names} are equally good on {total:,} training images; give --input-range (or --input-layout)"
        )
    how = f"trial: {best.plain} errors on {total:,} training images, {best.moved} on {len(moved):,} moved ones"
    if len(tried) > len(equal):
        next_best = tried[len(equal)]
        how += f"; next {next_best.plan.layout} {next_best.plan.value_range}: {next_best.plain} and {next_best.moved}"
    found = dict.fromkeys(("layout", "value_range"), how)
    # What an option or the shape settled was not tried.
    for key in found:
        if len({getattr(plan, key) for plan in candidates}) == 1:
            found[key] = best.plan.how_found.get(key, how)
    return replace(best.plan, how_found={**best.plan.how_found, **found})


@dataclass(frozen=True)
class _Tried:
    plan: InputPlan
    plain: int
    answers: Labels
    moved: int

    @property
    def total(self) -> int:
        return self.plain + self.moved


def _errors(answers: Labels, labels: Labels) -> int:
    return int(np.count_nonzero(answers != labels))
