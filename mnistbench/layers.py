"""The three kinds of layer a network of the paper is made of, as frozen data.

Shapes, parameters and multiply-accumulates are derived here and nowhere else.
A shape is channels, height, width, without the batch: ``(1, 28, 28)``. This
file knows neither the notation nor torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from mnistbench.errors import NotationError

Shape = tuple[int, ...]

INPUT_SHAPE: Shape = (1, 28, 28)
"""One grey MNIST image: channels, height, width."""

NUM_CLASSES = 10

MAX_KERNEL_SIZE = 28
"""As large as the image; a larger kernel only ever sees padding."""


@dataclass(frozen=True, slots=True)
class Conv2d:
    """A square convolution with bias and stride 1, followed by ReLU.

    Attributes:
        out_channels: Number of filters.
        kernel_size: Height and width of a filter, in pixels.
        padding: Zeros added on each side, in pixels.
    """

    out_channels: int
    kernel_size: int = 3
    padding: int = 1

    def __post_init__(self) -> None:
        for field in ("out_channels", "kernel_size"):
            _require_positive(field, getattr(self, field))
        if self.kernel_size > MAX_KERNEL_SIZE:
            raise NotationError(f"kernel_size {self.kernel_size} is too large; expected at most {MAX_KERNEL_SIZE}")
        if not 0 <= self.padding < self.kernel_size:
            raise NotationError(
                f"padding {self.padding} does not fit a kernel of {self.kernel_size}; "
                f"expected 0 to {self.kernel_size - 1}"
            )

    def output_shape(self, input_shape: Shape) -> Shape:
        """Shape after this layer.

        Raises:
            NotationError: When the input is flat, or smaller than the kernel.
        """
        _, height, width = _require_image(input_shape, "a convolution")
        grow = 2 * self.padding - self.kernel_size + 1
        if height + grow < 1 or width + grow < 1:
            raise NotationError(
                f"a {self.kernel_size}x{self.kernel_size} convolution with padding {self.padding} "
                f"leaves nothing of a {height}x{width} image; use a smaller kernel or fewer pools"
            )
        return self.out_channels, height + grow, width + grow

    def num_parameters(self, input_shape: Shape) -> int:
        """Weights and biases."""
        return self.out_channels * (input_shape[0] * self.kernel_size**2 + 1)

    def macs(self, input_shape: Shape) -> int:
        """Multiply-accumulates for one image; biases are not counted."""
        return prod(self.output_shape(input_shape)) * input_shape[0] * self.kernel_size**2


@dataclass(frozen=True, slots=True)
class MaxPool2d:
    """A 2x2 max-pool with stride 2; an odd last row or column is dropped."""

    kernel_size: int = 2

    def __post_init__(self) -> None:
        _require_positive("kernel_size", self.kernel_size)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Shape after this layer.

        Raises:
            NotationError: When the input is flat, or smaller than the window.
        """
        channels, height, width = _require_image(input_shape, "a max-pool")
        if height < self.kernel_size or width < self.kernel_size:
            raise NotationError(
                f"a {self.kernel_size}x{self.kernel_size} max-pool leaves nothing of a "
                f"{height}x{width} image; use fewer pools"
            )
        return channels, height // self.kernel_size, width // self.kernel_size

    def num_parameters(self, input_shape: Shape) -> int:
        """Always 0."""
        return 0

    def macs(self, input_shape: Shape) -> int:
        """Always 0: comparisons are not multiplications."""
        return 0


@dataclass(frozen=True, slots=True)
class Linear:
    """A fully connected layer with bias; ReLU follows unless it is the last one.

    Attributes:
        out_features: Number of units.
    """

    out_features: int

    def __post_init__(self) -> None:
        _require_positive("out_features", self.out_features)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Shape after this layer; an image is flattened first."""
        return (self.out_features,)

    def num_parameters(self, input_shape: Shape) -> int:
        """Weights and biases."""
        return self.out_features * (prod(input_shape) + 1)

    def macs(self, input_shape: Shape) -> int:
        """Multiply-accumulates for one image; biases are not counted."""
        return self.out_features * prod(input_shape)


Layer = Conv2d | MaxPool2d | Linear


def _require_positive(field: str, value: int) -> None:
    if value < 1:
        raise NotationError(f"{field} {value} is not positive; expected 1 or more")


def _require_image(shape: Shape, what: str) -> tuple[int, int, int]:
    if len(shape) != 3:
        raise NotationError(f"{what} needs an image, got the shape {shape}; put it before every fully connected layer")
    return shape[0], shape[1], shape[2]
