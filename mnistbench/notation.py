"""The paper's notation: ``32-32-P-64-64-P-256-128-64-10``, to layers and back.

Integers before the last ``P`` are convolution filters, ``P`` is a 2x2 max-pool,
integers after it are fully connected units; without any ``P`` all are. Kernel
size and padding are not part of the string: they are arguments here. This file
knows nothing of dropout, names or the catalogue.

Source: the paper, section on network architectures.
"""

from __future__ import annotations

from collections.abc import Sequence

from mnistbench.errors import NotationError
from mnistbench.layers import INPUT_SHAPE, NUM_CLASSES, Conv2d, Layer, Linear, MaxPool2d, Shape

SEPARATOR = "-"
POOL = "P"

MAX_WIDTH = 65_536
"""Widest layer that is accepted; more is a typing error rather than an MNIST network."""

MAX_LAYERS = 100


def parse(
    text: str, *, kernel_sizes: int | Sequence[int] = 3, paddings: int | Sequence[int] | None = None
) -> tuple[Layer, ...]:
    """Read a notation into its layers.

    Args:
        text: Such as ``32-P-32-10``; ``P`` may be written small.
        kernel_sizes: Of every convolution, or one for each in order.
        paddings: Likewise; ``None`` keeps height and width (*same* padding).

    Raises:
        NotationError: When the text is not a network from 28x28 images to ten classes.
    """
    tokens = text.strip().split(SEPARATOR)
    if len(tokens) > MAX_LAYERS:
        raise NotationError(f"the notation has {len(tokens)} layers; at most {MAX_LAYERS} are accepted")
    widths = [_read_token(token, position, text) for position, token in enumerate(tokens, start=1)]
    last_pool = max((index for index, width in enumerate(widths) if width is None), default=-1)
    num_convolutions = sum(width is not None for width in widths[: last_pool + 1])
    kernels = _one_each(kernel_sizes, num_convolutions, "kernel_sizes")
    pads = [(kernel - 1) // 2 for kernel in kernels] if paddings is None else None
    if pads is None:
        assert paddings is not None
        pads = _one_each(paddings, num_convolutions, "paddings")
    elif any(kernel % 2 == 0 for kernel in kernels):
        raise NotationError(f"kernel sizes {kernels} include an even one, which has no same padding; give paddings")

    convolutions = iter(zip(kernels, pads, strict=True))
    layers: list[Layer] = []
    for index, width in enumerate(widths):
        if width is None:
            layers.append(MaxPool2d())
        elif index < last_pool:
            kernel, padding = next(convolutions)
            layers.append(Conv2d(width, kernel, padding))
        else:
            layers.append(Linear(width))
    if not isinstance(layers[-1], Linear) or layers[-1].out_features != NUM_CLASSES:
        raise NotationError(f"{text!r} ends in {tokens[-1]!r}; the last layer must be the {NUM_CLASSES} outputs")
    check_shapes(layers)
    return tuple(layers)


def format(layers: Sequence[Layer]) -> str:  # the inverse of parse; named as the field names the pair
    """Write layers as a notation; the exact inverse of :func:`parse`.

    Raises:
        NotationError: When the layers have no notation, such as a convolution
            that no pool follows.
    """
    last_pool = max((index for index, layer in enumerate(layers) if isinstance(layer, MaxPool2d)), default=-1)
    tokens = []
    for index, layer in enumerate(layers):
        if isinstance(layer, MaxPool2d):
            if layer != MaxPool2d():
                raise NotationError(
                    f"layer {index + 1} is a {layer.kernel_size}x{layer.kernel_size} pool; the notation has 2x2 only"
                )
            tokens.append(POOL)
        elif isinstance(layer, Conv2d) == (index < last_pool):
            tokens.append(str(layer.out_channels if isinstance(layer, Conv2d) else layer.out_features))
        else:
            raise NotationError(
                f"layer {index + 1} ({type(layer).__name__}) cannot be written: the notation has every "
                "convolution before the last pool and every fully connected layer after it"
            )
    return SEPARATOR.join(tokens)


def check_shapes(layers: Sequence[Layer], input_shape: Shape = INPUT_SHAPE) -> Shape:
    """Follow an image through the layers and return the last shape.

    Raises:
        NotationError: When a layer cannot take what the one before it gives.
    """
    shape = input_shape
    for layer in layers:
        shape = layer.output_shape(shape)
    return shape


def _read_token(token: str, position: int, text: str) -> int | None:
    """The width that a token says, or None for a pool."""
    if token.upper() == POOL:
        return None
    # isdecimal alone would admit digits of other scripts, which int() reads but no one types here.
    if token.isascii() and token.isdecimal() and 0 < int(token[:9]) <= MAX_WIDTH and len(token) < 9:
        if token.startswith("0"):
            raise NotationError(
                f"layer {token!r} at position {position} of {text!r} has a leading zero; write {token.lstrip('0')!r}"
            )
        return int(token)
    raise NotationError(
        f"unknown layer {token!r} at position {position} of {text!r}; "
        f"expected an integer from 1 to {MAX_WIDTH} or {POOL!r}"
    )


def _one_each(values: int | Sequence[int], count: int, field: str) -> list[int]:
    listed = [values] * count if isinstance(values, int) else list(values)
    if len(listed) != count:
        raise NotationError(
            f"{field} has {len(listed)} values for {count} convolutions; give one for each, or one for all"
        )
    return listed
