"""What the metadata and the manifest say of every published graph, whatever is in it. Knows no network and no torch."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import onnx

from mnistbench._version import __version__
from mnistbench.layers import NUM_CLASSES
from mnistbench.measure.stats import wilson_interval
from mnistbench.training.graph import IR_VERSION, OPSET, InputDtype

LABELS = tuple(str(digit) for digit in range(NUM_CLASSES))
LICENSE = "MIT; trained on MNIST (CC BY-SA 3.0)"


def general_metadata(
    description: str,
    own: dict[str, str],
    *,
    input_dtype: InputDtype = "uint8",
    license_text: str = LICENSE,
    labels: Sequence[str] = LABELS,
) -> dict[str, str]:
    """The metadata properties that other tools read, then ours as ``mnistbench.*``; no date in them.

    Args:
        description: One sentence.
        own: Our keys without their prefix.
        input_dtype: What the model takes.
        license_text: Of the weights.
        labels: Names of the classes in order.
    """
    return {
        "Image.BitmapPixelFormat": "Gray8",
        "Image.NominalPixelRange": "NominalRange_0_255" if input_dtype == "uint8" else "Normalized_0_1",
        "description": description,
        "author": "The mnistbench authors",
        "version": __version__,
        "license": license_text,
        "task": "image-classification",
        # A Python literal is what the readers of this key expect.
        "names": str(dict(enumerate(labels))),
        **{f"mnistbench.{key}": value for key, value in own.items()},
    }


def errors_metadata(num_errors: int, num_images: int) -> dict[str, str]:
    """Errors on the test images with their Wilson 95% interval, as our metadata keys."""
    low, high = wilson_interval(num_errors, num_images)
    return {
        "test_errors": f"{num_errors}/{num_images}",
        "test_error_rate": f"{num_errors / num_images:.6f}",
        "test_error_interval_95": f"{low:.6f}..{high:.6f}",
    }


def errors_metrics(num_errors: int, num_images: int, *, dataset: str, dataset_sha256: str) -> dict[str, Any]:
    """The same as ``metrics`` of a manifest's entry."""
    low, high = wilson_interval(num_errors, num_images)
    return {
        "dataset": dataset,
        "dataset_sha256": dataset_sha256,
        "num_errors": num_errors,
        "num_images": num_images,
        "error_rate": num_errors / num_images,
        "error_rate_low": low,
        "error_rate_high": high,
    }


def file_facts(model: onnx.ModelProto, content: bytes) -> dict[str, Any]:
    """Hash, size, versions, inputs and outputs of a file, as fields of a manifest's entry."""
    return {
        "sha256": hashlib.sha256(content).hexdigest(),
        "size_bytes": len(content),
        "opset": OPSET,
        "ir_version": IR_VERSION,
        "inputs": tuple(describe_value(value) for value in model.graph.input),
        "outputs": tuple(describe_value(value) for value in model.graph.output),
    }


def describe_value(value: onnx.ValueInfoProto) -> dict[str, Any]:
    """``name, dtype, shape`` of an input or output; a symbolic dimension is a string."""
    tensor = value.type.tensor_type
    dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type).name
    shape = [dim.dim_param or dim.dim_value for dim in tensor.shape.dim]
    return {"name": value.name, "dtype": dtype, "shape": shape}
