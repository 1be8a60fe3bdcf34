from __future__ import annotations

import pytest
import torch

from mnistbench.training.augment import shift_randomly


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(count: int = 600) -> torch.Tensor:
    """Images whose every pixel is its own address, so that a moved one shows from where."""
    return torch.arange(1, count * 36 + 1, dtype=torch.int64).reshape(count, 1, 6, 6)


def shift_of(moved: torch.Tensor, image: torch.Tensor, reach: int) -> tuple[int, int]:
    """By how many rows and columns an image was moved; fails when it was not moved as a whole."""
    padded = torch.nn.functional.pad(image, (reach,) * 4)
    for top in range(2 * reach + 1):
        for left in range(2 * reach + 1):
            if torch.equal(moved, padded[:, top : top + 6, left : left + 6]):
                return top - reach, left - reach
    raise AssertionError("neither moved as a whole nor padded with zeros")


@pytest.mark.parametrize("reach", [1, 2, 4])
def test_each_image_moves_as_a_whole_and_every_shift_happens(reach: int) -> None:
    before = images()
    after = shift_randomly(before, reach, generator())
    shifts = {shift_of(moved, image, reach) for moved, image in zip(after, before, strict=True)}
    assert len(shifts) == (2 * reach + 1) ** 2


def test_shifts_are_equally_likely() -> None:
    before = torch.zeros(9000, 1, 3, 3, dtype=torch.uint8)
    before[:, :, 1, 1] = 1
    after = shift_randomly(before, 1, generator())
    counts = after.sum(0).flatten()
    assert counts.sum() == 9000
    assert 850 < counts.min() <= counts.max() < 1150


def test_no_shift_gives_the_same_pixels_in_a_tensor_of_their_own() -> None:
    before = images(3)
    after = shift_randomly(before, 0, generator())
    assert torch.equal(after, before)
    after[:] = 0
    assert before.min() == 1


def test_the_input_is_left_alone_and_type_and_shape_are_kept() -> None:
    before = torch.randint(0, 256, (50, 1, 28, 28), dtype=torch.uint8, generator=generator())
    copy = before.clone()
    after = shift_randomly(before, 2, generator())
    assert torch.equal(before, copy)
    assert after.dtype == torch.uint8
    assert after.shape == before.shape


def test_the_generator_decides() -> None:
    before = images()
    first, again, other = (shift_randomly(before, 2, generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
