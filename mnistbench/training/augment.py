"""Random changes to training images that leave the digit what it is.

The paper names augmentation as future work; the recipe ``paper`` has none.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def shift_randomly(images: Tensor, max_shift: int, generator: torch.Generator) -> Tensor:
    """Move each image by whole pixels, as far down, up, right and left as chance says.

    MNIST's digits leave a margin of four pixels, so that a shift of up to four
    mostly moves background out of the field.

    Args:
        images: Of shape ``(n, 1, height, width)``, any dtype.
        max_shift: Largest shift along each axis, in pixels; every one of the
            ``(2 * max_shift + 1) ** 2`` shifts is equally likely.
        generator: On the CPU, so that every device makes the same choice.

    Returns:
        A new tensor of the same shape; pixels that move in are 0.
    """
    if max_shift == 0:
        return images.clone()
    height, width = images.shape[2:]
    side = 2 * max_shift + 1
    choice = torch.randint(side * side, (len(images),), generator=generator).to(images.device)
    padded = functional.pad(images, (max_shift,) * 4)
    shifted = torch.empty_like(images)
    # One copy for each shift: whole rows at a time, far cheaper than a gather pixel by pixel.
    for index in range(side * side):
        chosen = (choice == index).nonzero().squeeze(1)
        top, left = divmod(index, side)
        shifted[chosen] = padded[chosen, :, top : top + height, left : left + width]
    return shifted
