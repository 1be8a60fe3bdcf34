"""Members for tests of ensembles: tiny models of the contract on disk, with and without metadata."""

from __future__ import annotations

from math import prod
from pathlib import Path

import numpy as np
import onnx

from mnistbench.artifacts import ModelFile
from mnistbench.catalog import find
from mnistbench.layers import Conv2d, Linear
from mnistbench.training.graph import build_model, to_bytes


def tiny_model(text: str = "4-10", seed: int = 0, *, scale: float = 0.2, **properties: str) -> onnx.ModelProto:
    """A network with random weights, its metadata made of ``properties``."""
    spec, generator = find(text).spec, np.random.default_rng(seed)
    weights, convs, fcs = {}, 0, 0
    for layer, given in zip(spec.layers, spec.shapes, strict=False):
        match layer:
            case Conv2d():
                convs += 1
                name, size = f"conv{convs}", (layer.out_channels, given[0], layer.kernel_size, layer.kernel_size)
            case Linear():
                fcs += 1
                name, size = f"fc{fcs}", (layer.out_features, prod(given))
            case _:
                continue
        weights[f"{name}.weight"] = generator.normal(0, scale, size).astype(np.float32)
        weights[f"{name}.bias"] = generator.normal(0, scale, size[0]).astype(np.float32)
    model = build_model(spec, weights, name=text)
    onnx.helper.set_model_props(model, properties)
    return model


def saved(model: onnx.ModelProto, folder: Path, name: str) -> ModelFile:
    """A model as a file that was found."""
    path = folder / f"{name}.onnx"
    path.write_bytes(to_bytes(model))
    return ModelFile(path, name)
