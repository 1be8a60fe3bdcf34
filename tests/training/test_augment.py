from __future__ import annotations

import pytest
import torch

from mnistbench.training.augment import distort_randomly, shift_randomly


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


def blobs(count: int, right: float, down: float) -> torch.Tensor:
    """Soft round spots, so many pixels right of and below the centre."""
    place = torch.arange(28) - 13.5
    spot = torch.exp(-((place[None, :] - right) ** 2 + (place[:, None] - down) ** 2) / 8)
    return (spot * 250).round().to(torch.uint8).expand(count, 1, 28, 28).clone()


def centres(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Centres of mass, in pixels right of and below the middle of the field."""
    mass, place = images[:, 0].double(), torch.arange(28) - 13.5
    whole = mass.sum((1, 2))
    return (mass.sum(1) * place).sum(1) / whole, (mass.sum(2) * place).sum(1) / whole


def distorted(images: torch.Tensor, seed: int = 0, **extents: float) -> torch.Tensor:
    none = {"max_shift": 0.0, "max_rotation": 0.0, "max_scaling": 0.0}
    return distort_randomly(images, generator(seed), **(none | extents))


def test_no_distortion_gives_the_same_pixels() -> None:
    before = torch.randint(0, 256, (50, 1, 28, 28), dtype=torch.uint8, generator=generator())
    assert torch.equal(distorted(before), before)


def test_shifts_go_every_way_and_no_further_than_said() -> None:
    right, down = centres(distorted(blobs(3000, 0, 0), max_shift=2))
    for moved in (right, down):
        assert -2.05 <= moved.min() < -1.9
        assert 1.9 < moved.max() <= 2.05
        assert moved.mean().abs() < 0.1
    assert abs(torch.corrcoef(torch.stack([right, down]))[0, 1]) < 0.1


def test_rotations_keep_the_distance_from_the_centre_and_turn_both_ways() -> None:
    right, down = centres(distorted(blobs(3000, 6, 0), max_rotation=20))
    assert torch.hypot(right, down).sub(6).abs().max() < 0.1
    angles = torch.rad2deg(torch.atan2(down, right))
    assert -20.5 < angles.min() < -19
    assert 19 < angles.max() < 20.5
    assert angles.mean().abs() < 1


def test_scaling_stretches_each_axis_by_itself() -> None:
    right, down = centres(distorted(blobs(3000, 5, 5), max_scaling=0.2))
    for moved in (right, down):
        # The centre of a spot that is sampled at 1.2 times the distance lies at 1 / 1.2 of it.
        assert 5 / 1.2 - 0.1 < moved.min() < 5 / 1.2 + 0.1
        assert 5 / 0.8 - 0.1 < moved.max() < 5 / 0.8 + 0.1
    assert abs(torch.corrcoef(torch.stack([right, down]))[0, 1]) < 0.1


def test_a_distortion_leaves_the_input_alone_and_keeps_type_shape_and_range() -> None:
    before = torch.full((4100, 1, 28, 28), 255, dtype=torch.uint8)
    copy = before.clone()
    after = distorted(before, max_shift=2, max_rotation=10, max_scaling=0.1)
    assert torch.equal(before, copy)
    assert (after.dtype, after.shape) == (torch.uint8, before.shape)
    # White stays white in the middle, in the last images as in the first, and black comes in at the edges.
    assert bool((after[:, :, 10:18, 10:18] == 255).all())
    assert bool((after[:, :, 0, 0] == 0).any())


def test_the_generator_decides_on_distortions_and_threads_do_not() -> None:
    before = torch.randint(0, 256, (2100, 1, 28, 28), dtype=torch.uint8, generator=generator())
    extents = {"max_shift": 2, "max_rotation": 10, "max_scaling": 0.1}
    first, again, other = (distorted(before, seed, **extents) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(3 if threads == 1 else 1)
        assert torch.equal(distorted(before, 1, **extents), first)
    finally:
        torch.set_num_threads(threads)
