"""Random changes to training images that leave the digit what it is.

The paper names augmentation as future work; the recipe ``paper`` has none.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

_AT_ONCE = 2_000
"""Images that are resampled together: the coordinates of more do not fit the CPU's caches."""


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


def distort_randomly(
    images: Tensor, generator: torch.Generator, *, max_shift: float, max_rotation: float, max_scaling: float
) -> Tensor:
    """Turn each image around its centre, stretch it along both axes and move it, as far as chance says.

    Args:
        images: uint8 ``(n, 1, side, side)``.
        generator: On the CPU, so that every device makes the same choice.
        max_shift: Largest shift along each axis, in pixels and parts of them, before the image is turned and scaled.
        max_rotation: Largest turn either way, in degrees.
        max_scaling: Largest change, as a part, of the distances at which each axis is sampled: with 0.1 width and
            height, each by itself, become 1/1.1 to 1/0.9 of what they were.

    Returns:
        A new tensor of the same shape, interpolated between pixels; pixels that move in are 0.

    Source: the affine part of the distortions of Simard, Steinkraus and Platt 2003.
    """
    angle, width, height, right, down = (torch.rand((len(images), 5), generator=generator) * 2 - 1).unbind(1)
    angle = angle * math.radians(max_rotation)
    width, height = 1 + width * max_scaling, 1 + height * max_scaling
    side = images.shape[-1]  # of a field that reaches from -1 to 1 here
    right, down = right * max_shift * 2 / side, down * max_shift * 2 / side
    # Where in the image each pixel of the result comes from.
    rows = (angle.cos() * width, -angle.sin() * height, right), (angle.sin() * width, angle.cos() * height, down)
    maps = torch.stack([torch.stack(row, 1) for row in rows], 1).to(images.device)
    distorted = torch.empty_like(images)
    for first in range(0, len(images), _AT_ONCE):
        part = slice(first, first + _AT_ONCE)
        grid = functional.affine_grid(maps[part], list(images[part].shape), align_corners=False)
        values = functional.grid_sample(images[part].float(), grid, align_corners=False)
        distorted[part] = values.round().clamp(0, 255).to(images.dtype)
    return distorted
