"""One network, complete: layers, kernels, paddings and dropout; every count derived.

Knows nothing of names, of the paper's figures or of torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from mnistbench import notation as notation_module
from mnistbench.errors import NotationError
from mnistbench.layers import INPUT_SHAPE, NUM_CLASSES, Conv2d, Layer, Linear, Shape


@dataclass(frozen=True)
class NetworkSpec:
    """A network from an MNIST image to ten logits.

    ReLU follows every convolution and every hidden fully connected layer;
    dropout follows the ReLU of every hidden fully connected layer.

    Attributes:
        layers: In order, from the image to the ten outputs.
        dropout: Probability that a hidden fully connected unit is zeroed in
            training, from 0 up to but not including 1.
    """

    layers: tuple[Layer, ...]
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.dropout < 1.0:
            raise NotationError(f"dropout {self.dropout} is out of range; expected at least 0 and less than 1")
        if not self.layers or self.layers[-1] != Linear(NUM_CLASSES):
            last = self.layers[-1] if self.layers else "nothing"
            raise NotationError(f"the network ends in {last}; the last layer must be the {NUM_CLASSES} outputs")
        notation_module.check_shapes(self.layers)
        _ = self.notation  # refuses orders of layers that cannot be written down

    @classmethod
    def from_notation(
        cls,
        notation: str,
        *,
        dropout: float = 0.0,
        kernel_sizes: int | Sequence[int] = 3,
        paddings: int | Sequence[int] | None = None,
    ) -> NetworkSpec:
        """Make a spec from the paper's notation; arguments as :func:`mnistbench.notation.parse`.

        Raises:
            NotationError: When the notation or one of the fields cannot be used.
        """
        layers = notation_module.parse(notation, kernel_sizes=kernel_sizes, paddings=paddings)
        return cls(layers, float(dropout))

    @cached_property
    def notation(self) -> str:
        """Such as ``32-P-32-10``."""
        return notation_module.format(self.layers)

    @property
    def convolutions(self) -> tuple[Conv2d, ...]:
        """The convolutions in order; empty for a fully connected network."""
        return tuple(layer for layer in self.layers if isinstance(layer, Conv2d))

    @property
    def hidden_widths(self) -> tuple[int, ...]:
        """Units of the fully connected layers before the outputs."""
        return tuple(layer.out_features for layer in self.layers if isinstance(layer, Linear))[:-1]

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The shape before each layer, then the shape of the output."""
        shapes = [INPUT_SHAPE]
        for layer in self.layers:
            shapes.append(layer.output_shape(shapes[-1]))
        return tuple(shapes)

    @property
    def num_parameters(self) -> int:
        """Trainable weights and biases."""
        return sum(layer.num_parameters(shape) for layer, shape in zip(self.layers, self.shapes, strict=False))

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one image; biases, ReLU and pools are not counted."""
        return sum(layer.macs(shape) for layer, shape in zip(self.layers, self.shapes, strict=False))

    def as_dict(self) -> dict[str, object]:
        """The fields that define the network, for results and for hashing a configuration."""
        return {
            "notation": self.notation,
            "dropout": self.dropout,
            "kernel_sizes": [layer.kernel_size for layer in self.convolutions],
            "paddings": [layer.padding for layer in self.convolutions],
        }
