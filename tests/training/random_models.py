"""Networks with weights as torch draws them, in any precision; for tests that need no accuracy."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np
import onnx

from mnistbench.catalog import Network
from mnistbench.spec import NetworkSpec
from mnistbench.training.calibration import METHODS, Method, Ranges, find_ranges
from mnistbench.training.graph import InputDtype, build_model
from mnistbench.training.module import build_module
from mnistbench.training.quantize import quantize

IMAGES = np.random.default_rng(1).integers(0, 256, (64, 28, 28), dtype=np.uint8)


@functools.lru_cache(maxsize=4)
def weights_of(layers: tuple[object, ...]) -> Mapping[str, np.ndarray]:
    """Weights as torch draws them; dropout changes none of them."""
    module = build_module(NetworkSpec(layers), 0)
    return {name: tensor.detach().numpy() for name, tensor in module.named_parameters()}


def plain_model(network: Network, input_dtype: InputDtype = "uint8", *, half: bool = False) -> onnx.ModelProto:
    weights = weights_of(network.spec.layers)
    return build_model(network.spec, weights, name=network.name, input_dtype=input_dtype, half=half)


@functools.lru_cache(maxsize=4)
def ranges_of(network: Network, input_dtype: InputDtype = "uint8", method: Method = METHODS[0]) -> Ranges:
    return find_ranges(plain_model(network, input_dtype), IMAGES[:32], method, input_dtype=input_dtype)


def model_in(
    network: Network, precision: str, input_dtype: InputDtype = "uint8", method: Method = METHODS[0]
) -> onnx.ModelProto:
    """The network in a precision; 8 bits are calibrated on random images."""
    if precision in ("fp32", "fp16"):
        return plain_model(network, input_dtype, half=precision == "fp16")
    ranges = ranges_of(network, input_dtype, method)
    return quantize(plain_model(network, input_dtype), ranges, precision, method=method, input_dtype=input_dtype)
