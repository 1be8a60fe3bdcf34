from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistbench.errors import NotationError
from mnistbench.layers import INPUT_SHAPE, Conv2d, Layer, Linear, MaxPool2d, Shape


@pytest.mark.parametrize(
    ("layer", "before", "after", "num_parameters", "macs"),
    [
        # 32 filters of 1x3x3 and 32 biases; 9 products for each of 32x28x28 outputs.
        (Conv2d(32), (1, 28, 28), (32, 28, 28), 32 * 9 + 32, 32 * 28 * 28 * 9),
        (Conv2d(64), (32, 14, 14), (64, 14, 14), 64 * 32 * 9 + 64, 64 * 14 * 14 * 32 * 9),
        # LeNet-5's two.
        (Conv2d(6, 5, 2), (1, 28, 28), (6, 28, 28), 156, 117_600),
        (Conv2d(16, 5, 0), (6, 14, 14), (16, 10, 10), 2_416, 240_000),
        (Conv2d(4, 1, 0), (2, 3, 5), (4, 3, 5), 12, 120),
        (Conv2d(1, 3, 2), (1, 3, 5), (1, 5, 7), 10, 315),
        (MaxPool2d(), (3, 28, 28), (3, 14, 14), 0, 0),
        (MaxPool2d(), (3, 7, 5), (3, 3, 2), 0, 0),
        (Linear(10), (784,), (10,), 7_850, 7_840),
        (Linear(120), (16, 5, 5), (120,), 48_120, 48_000),
    ],
)
def test_shape_parameters_and_macs_by_hand(
    layer: Layer, before: Shape, after: Shape, num_parameters: int, macs: int
) -> None:
    assert layer.output_shape(before) == after
    assert layer.num_parameters(before) == num_parameters
    assert layer.macs(before) == macs


@given(st.integers(1, 64), st.integers(0, 5), st.integers(1, 40), st.integers(1, 40))
def test_an_odd_kernel_with_half_its_width_as_padding_keeps_the_size(
    filters: int, half: int, height: int, width: int
) -> None:
    layer = Conv2d(filters, 2 * half + 1, half)
    assert layer.output_shape((3, height, width)) == (filters, height, width)


KERNELS = st.integers(1, 12).flatmap(lambda kernel: st.tuples(st.just(kernel), st.integers(0, kernel - 1)))


@given(KERNELS, st.integers(1, 12))
def test_a_convolution_gives_one_value_for_each_place_of_its_kernel(sizes: tuple[int, int], size: int) -> None:
    kernel, padding = sizes
    places = len(range(-padding, size + padding - kernel + 1))
    layer = Conv2d(1, kernel, padding)
    if places:
        assert layer.output_shape((1, size, size)) == (1, places, places)
    else:
        with pytest.raises(NotationError, match="leaves nothing"):
            layer.output_shape((1, size, size))


@pytest.mark.parametrize("shape", [(1, 1, 28), (1, 28, 1)])
def test_a_pool_needs_two_rows_and_columns(shape: Shape) -> None:
    with pytest.raises(NotationError, match=f"{shape[1]}x{shape[2]}.*fewer pools"):
        MaxPool2d().output_shape(shape)


@pytest.mark.parametrize(("layer", "what"), [(Conv2d(4), "a convolution"), (MaxPool2d(), "a max-pool")])
def test_a_flat_input_is_no_image(layer: Layer, what: str) -> None:
    with pytest.raises(NotationError, match=rf"{what} needs an image, got the shape \(784,\)"):
        layer.output_shape((784,))


@pytest.mark.parametrize("value", [0, -1])
@pytest.mark.parametrize("field", ["out_channels", "kernel_size"])
def test_a_convolution_refuses_what_is_not_positive(field: str, value: int) -> None:
    with pytest.raises(NotationError, match=f"{field} {value} is not positive"):
        Conv2d(**{"out_channels": 1, field: value})


@pytest.mark.parametrize("value", [0, -3])
def test_other_layers_refuse_what_is_not_positive(value: int) -> None:
    with pytest.raises(NotationError, match=f"out_features {value}"):
        Linear(value)
    with pytest.raises(NotationError, match=f"kernel_size {value}"):
        MaxPool2d(value)


@given(st.integers(1, 28), st.integers(-100, 200))
def test_a_padding_reaches_from_nothing_to_one_less_than_the_kernel(kernel: int, padding: int) -> None:
    if 0 <= padding < kernel:
        assert Conv2d(1, kernel, padding).padding == padding
        return
    with pytest.raises(NotationError) as caught:
        Conv2d(1, kernel, padding)
    assert str(caught.value) == (f"padding {padding} does not fit a kernel of {kernel}; expected 0 to {kernel - 1}")


def test_a_kernel_is_at_most_as_large_as_the_image() -> None:
    assert Conv2d(1, 28, 0).output_shape(INPUT_SHAPE) == (1, 1, 1)
    for kernel in (29, 10**9):
        with pytest.raises(NotationError, match=f"kernel_size {kernel} is too large; expected at most 28"):
            Conv2d(1, kernel, 0)


@pytest.mark.parametrize("layer", [Conv2d(2), MaxPool2d(), Linear(2)])
def test_layers_are_frozen_values(layer: Layer) -> None:
    assert layer == dataclasses.replace(layer)
    assert hash(layer) == hash(dataclasses.replace(layer))
    field = dataclasses.fields(layer)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(layer, field, 7)


def test_an_image_is_one_channel_of_28_by_28() -> None:
    assert INPUT_SHAPE == (1, 28, 28)
