"""The baseline: MNIST training as a tutorial writes it. DataLoader, float32, eager.

Each image is turned into a normalised float tensor when it is asked for, ReLU
comes before max-pool, the optimiser is Adam as it is by default, and the loss
is read after every step. Nothing here is slowed down on purpose.
"""

from __future__ import annotations

import time
from math import prod

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from mnistbench.layers import Conv2d, Linear, MaxPool2d
from mnistbench.spec import NetworkSpec

BATCH_SIZE = 128


class Digits(Dataset[tuple[Tensor, int]]):
    """Images and labels one by one, each image through the usual two transforms."""

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        self.images, self.labels = images, labels

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = torch.from_numpy(self.images[index].copy()).unsqueeze(0).to(torch.float32).div(255)
        return image.sub(0.1307).div(0.3081), int(self.labels[index])


def plain_module(spec: NetworkSpec) -> nn.Sequential:
    """The network in the order in which it is usually written: convolution, ReLU, pool."""
    modules: list[nn.Module] = []
    for position, (layer, shape) in enumerate(zip(spec.layers, spec.shapes, strict=False)):
        match layer:
            case Conv2d():
                kernel, padding = layer.kernel_size, layer.padding
                modules += [nn.Conv2d(shape[0], layer.out_channels, kernel, padding=padding), nn.ReLU()]
            case MaxPool2d():
                modules.append(nn.MaxPool2d(layer.kernel_size))
            case Linear():
                if len(shape) > 1:
                    modules.append(nn.Flatten())
                modules.append(nn.Linear(prod(shape), layer.out_features))
                if position + 1 < len(spec.layers):
                    modules.append(nn.ReLU())
                    if spec.dropout:
                        modules.append(nn.Dropout(spec.dropout))
    return nn.Sequential(*modules)


class PlainTrainer:
    """Trains with the loop of the tutorials."""

    def __init__(self, spec: NetworkSpec, images: np.ndarray, labels: np.ndarray, device: str) -> None:
        torch.manual_seed(0)
        self.device = torch.device(device)
        self.module = plain_module(spec).to(self.device)
        self.optimizer = torch.optim.Adam(self.module.parameters(), lr=0.001)
        self.loader = DataLoader(Digits(images, labels), batch_size=BATCH_SIZE, shuffle=True)

    def run_epoch(self) -> float:
        """One pass over the images; returns its wall time in seconds."""
        self.module.train()
        begin = time.perf_counter()
        total = 0.0
        for batch in self.loader:
            images, labels = (tensor.to(self.device) for tensor in batch)
            self.optimizer.zero_grad()
            loss = functional.cross_entropy(self.module(images), labels)
            loss.backward()
            self.optimizer.step()
            total += loss.item()
        return time.perf_counter() - begin
