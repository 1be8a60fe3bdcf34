"""Chooses between ways of giving images to a model by how well it then answers.

Knows plans and a way to predict with one; nothing of onnxruntime. The images
must be training images: a choice made on test images would flatter the result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from mnistbench.errors import ModelError
from mnistbench.runtime.images import Images
from mnistbench.runtime.input_plan import InputPlan, Labels

Predict = Callable[[Images], Labels]

_SHIFTS = ((3, 0), (-3, 0), (0, 3), (0, -3))


def choose_by_trial(
    candidates: Sequence[InputPlan], predictor: Callable[[InputPlan], Predict], images: Images, labels: Labels
) -> InputPlan:
    """The candidate with the fewest errors.

    A good model makes no errors on its training images in several value ranges;
    a tie is then settled on the same images moved by three pixels, which are
    harder. Candidates that answer alike there too, mistakes included, are the
    same to the model, and the first of them is taken.

    Args:
        candidates: At least one plan, the likeliest first.
        predictor: Gives the function that answers images with a plan.
        images: uint8 of shape ``(n, 28, 28)``.
        labels: Integers of shape ``(n,)``, 0 to 9.

    Raises:
        ModelError: When no candidate is right about more than half of the
            images, or a tie remains; the message names the option to give.
    """
    total = len(images)
    answers = [predictor(plan)(images) for plan in candidates]
    errors = [int(np.count_nonzero(given != labels)) for given in answers]
    fewest = min(errors)
    if total == 0 or fewest * 2 > total:
        raise ModelError(
            f"no way of giving it images was right about more than half of {total:,} training images (best: "
            f"{total - fewest:,}); it does not classify digits, or give --input-range, --input-layout or --output"
        )
    tied = [plan for plan, count in zip(candidates, errors, strict=True) if count == fewest]
    how = f"trial: {fewest} errors on {total:,} training images"
    if len(tied) > 1:
        moved = np.concatenate([np.roll(images, shift, axis=(1, 2)) for shift in _SHIFTS])
        truth = np.tile(labels, len(_SHIFTS))
        answers = [predictor(plan)(moved) for plan in tied]
        errors = [int(np.count_nonzero(given != truth)) for given in answers]
        fewest_moved = min(errors)
        how += f", {fewest_moved} on moved ones"
        best = [index for index, count in enumerate(errors) if count == fewest_moved]
        alike = fewest_moved > 0 and all(np.array_equal(answers[best[0]], answers[index]) for index in best)
        if len(best) > 1 and not alike:
            names = ", ".join(f"{tied[index].layout} {tied[index].value_range}" for index in best)
            raise ModelError(
                f"{names} are equally good on {total:,} training images; give --input-range (or --input-layout)"
            )
        tied = [tied[best[0]]]
    return replace(tied[0], how_found={**tied[0].how_found, "value_range": how})
