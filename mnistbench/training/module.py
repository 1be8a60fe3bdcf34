"""The torch module of a spec, and nothing that trains it.

Max-pool stands before ReLU: both orders compute the same function, and this one
runs ReLU and its gradient on a quarter of the elements.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from math import prod, sqrt

import torch
from torch import Tensor, nn

from mnistbench.errors import ArtifactError
from mnistbench.layers import Conv2d, Linear, MaxPool2d
from mnistbench.spec import NetworkSpec
from mnistbench.training.recipes import Initialization

PIXEL_SCALE = 1.0 / 255.0
"""Images enter a network as grey values from 0 to 1."""


class Dropout(nn.Module):
    """Dropout whose randomness comes from a generator of its own.

    ``nn.Dropout`` draws from the process-wide generator, which other code moves;
    a private one, seeded for each epoch, makes a resumed run repeat exactly.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.generator: torch.Generator | None = None

    def forward(self, hidden: Tensor) -> Tensor:
        """Zero each element with probability ``rate`` and scale the others, in training only."""
        if not self.training or self.rate == 0.0:
            return hidden
        keep = torch.rand(hidden.shape, generator=self.generator, device=hidden.device) >= self.rate
        return hidden * keep * (1.0 / (1.0 - self.rate))


def build_module(spec: NetworkSpec, seed: int, initialization: Initialization = "torch") -> nn.Sequential:
    """A freshly initialised module: float32 ``(batch, 1, 28, 28)`` in 0..1 to logits ``(batch, 10)``.

    Names are those of the ONNX graph: ``conv1``, ``pool1``, ``relu1``, ``fc1``.
    Initial weights follow from the seed alone. The process-wide generator is neither used nor moved, so that
    other threads may build and draw meanwhile.
    """
    # Without memory, layers draw no weights by themselves.
    with torch.device("meta"):
        module = nn.Sequential(_named_layers(spec))
    module.to_empty(device="cpu")
    _initialize(module, initialization, torch.Generator().manual_seed(seed))
    return module


def check_weights(spec: NetworkSpec, weights: Mapping[str, Tensor]) -> None:
    """Refuse tensors that are not the weights of a network: all of them, of its shapes, in float32.

    Raises:
        ArtifactError: When they are not; it says what differs.
    """
    with torch.device("meta"):
        expected = nn.Sequential(_named_layers(spec)).state_dict()
    different = sorted(expected.keys() ^ weights.keys())
    if different:
        raise ArtifactError(f"the weights of {spec.notation} lack or have besides: {', '.join(different)[:200]}")
    for name, tensor in weights.items():
        if tensor.shape != expected[name].shape or tensor.dtype != torch.float32:
            raise ArtifactError(
                f"{name} of {spec.notation} is {tensor.dtype} of shape {tuple(tensor.shape)}; expected "
                f"{torch.float32} of shape {tuple(expected[name].shape)}; train again with --no-resume"
            )


def _initialize(module: nn.Sequential, initialization: Initialization, generator: torch.Generator) -> None:
    """Draw every weight, layer by layer; biases are drawn too with torch's own initialisation, else 0."""
    for layer in module:
        if not isinstance(layer, nn.Conv2d | nn.Linear) or layer.bias is None:
            continue
        match initialization:
            case "torch":  # what ``reset_parameters()`` of both kinds of layer does, which takes no generator
                nn.init.kaiming_uniform_(layer.weight, a=sqrt(5), generator=generator)
                bound = 1 / sqrt(layer.weight[0].numel())
                nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
            case "he":
                nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu", generator=generator)
                nn.init.zeros_(layer.bias)
            case "glorot":
                nn.init.xavier_uniform_(layer.weight, generator=generator)
                nn.init.zeros_(layer.bias)


def _named_layers(spec: NetworkSpec) -> OrderedDict[str, nn.Module]:
    modules: OrderedDict[str, nn.Module] = OrderedDict()
    convs = pools = relus = fcs = 0
    layers = spec.layers
    for index, (layer, shape) in enumerate(zip(layers, spec.shapes, strict=False)):
        match layer:
            case Conv2d():
                convs, relus = convs + 1, relus + 1
                modules[f"conv{convs}"] = nn.Conv2d(
                    shape[0], layer.out_channels, layer.kernel_size, padding=layer.padding
                )
                following = layers[index + 1]
                if isinstance(following, MaxPool2d):
                    pools += 1
                    modules[f"pool{pools}"] = nn.MaxPool2d(following.kernel_size)
                modules[f"relu{relus}"] = nn.ReLU(inplace=True)
            case MaxPool2d():
                if index == 0 or not isinstance(layers[index - 1], Conv2d):
                    pools += 1
                    modules[f"pool{pools}"] = nn.MaxPool2d(layer.kernel_size)
            case Linear():
                fcs += 1
                if len(shape) > 1:
                    modules["flatten"] = nn.Flatten()
                modules[f"fc{fcs}"] = nn.Linear(prod(shape), layer.out_features)
                if index + 1 < len(layers):
                    relus += 1
                    modules[f"relu{relus}"] = nn.ReLU(inplace=True)
                    if spec.dropout:
                        modules[f"dropout{fcs}"] = Dropout(spec.dropout)
    return modules


def dropouts(module: nn.Module) -> list[Dropout]:
    """The dropout layers of a module."""
    return [child for child in module.modules() if isinstance(child, Dropout)]
