"""What 8-bit models are calibrated on and by: a seed's training images, and the ranges of values they give.

Never sees a test image. Knows nothing of weights, files or the catalogue.
"""

from __future__ import annotations

import contextlib
import io
import math
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnxruntime.quantization.calibrate import CalibrationDataReader, CalibrationMethod, create_calibrator

from mnistbench.runtime.images import Images
from mnistbench.training.graph import InputDtype
from mnistbench.training.module import PIXEL_SCALE

SEED = 20
"""Draws the training images; one for all networks, so that the same weights give the same bytes."""

CALIBRATION_IMAGES = 1000
"""From which the ranges come; fewer where half of the training images are fewer."""

JUDGED_IMAGES = 5000
"""Other training images, on which a way of calibrating is judged."""

QUANTIZED_OPS = ("Conv", "Gemm", "Relu", "MaxPool", "Flatten")
"""Everything between the scaled pixels and the logits."""

_BATCH = 100
_STEPS = 1024
"""Ranges are rounded to one part in so many, outward."""

Ranges = Mapping[str, tuple[float, float]]
"""Smallest and largest value of each tensor, by its name; zero lies between them."""


@dataclass(frozen=True)
class Method:
    """A way of calibrating.

    Attributes:
        name: What metadata and manifest call it.
        calibrate_method: onnxruntime's name of what finds the ranges.
        options: For it.
        float_ends: Whether the first and the last layer with weights stay in float.
    """

    name: str
    calibrate_method: str = "MinMax"
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    float_ends: bool = False


METHODS = (
    Method("minmax"),
    Method("percentile-99.99", "Percentile", {"percentile": 99.99, "symmetric": False}),
    Method("minmax-float-ends", float_ends=True),
)
"""In the order in which they are tried: the plainest that is good enough on training images is taken."""


@dataclass(frozen=True)
class TrainingSample:
    """Training images for calibrating and, apart from them, for judging that; uint8 ``(n, 28, 28)`` each."""

    calibration: Images
    judged: Images
    judged_labels: npt.NDArray[np.int64]
    seed: int = SEED


def draw_sample(images: Images, labels: npt.NDArray[Any], *, seed: int = SEED) -> TrainingSample:
    """Two disjoint draws from the training images: one to calibrate on, one to judge that on.

    Args:
        images: Training images, uint8 ``(n, 28, 28)``; ``n`` at least 1, and 2 for two draws.
        labels: Integers ``(n,)``.
        seed: Draws.
    """
    order = np.random.Generator(np.random.PCG64(seed)).permutation(len(images))
    count = min(CALIBRATION_IMAGES, (len(images) + 1) // 2)
    judged = order[count : count + JUDGED_IMAGES] if len(images) > 1 else order
    return TrainingSample(
        np.array(images[order[:count]]), np.array(images[judged]), np.asarray(labels, np.int64)[judged], seed
    )


def feed(images: Images, input_dtype: InputDtype) -> npt.NDArray[Any]:
    """Images as a model takes them: ``(n, 1, 28, 28)``, uint8 or float32 from 0 to 1."""
    batch = np.ascontiguousarray(images).reshape(len(images), 1, 28, 28)
    return batch if input_dtype == "uint8" else batch * np.float32(PIXEL_SCALE)


class Batches(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
    """Images as onnxruntime's calibrators ask for them."""

    def __init__(self, images: Images, input_dtype: InputDtype) -> None:
        self._feeds = iter(
            [{"image": feed(images[start : start + _BATCH], input_dtype)} for start in range(0, len(images), _BATCH)]
        )

    def get_next(self) -> dict[str, npt.NDArray[Any]] | None:
        """The next batch by the input's name; ``None`` after the last."""
        return next(self._feeds, None)


def find_ranges(model: onnx.ModelProto, images: Images, method: Method, *, input_dtype: InputDtype) -> Ranges:
    """The values that a float32 model's tensors take on images.

    They are rounded outward, since their last bits differ between processors and
    the same weights must give the same bytes.

    Args:
        model: With float32 weights.
        images: Training images, uint8 ``(n, 28, 28)``.
        method: What counts as the range.
        input_dtype: What the model takes.
    """
    with tempfile.TemporaryDirectory(prefix="mnistbench-") as folder, _quiet():
        file = Path(folder) / "model.onnx"
        onnx.save(model, file)
        calibrator = create_calibrator(
            file,
            [*QUANTIZED_OPS],
            augmented_model_path=str(Path(folder) / "augmented.onnx"),
            calibrate_method=CalibrationMethod[method.calibrate_method],
            extra_options=dict(method.options),
        )
        # Batch by batch: histograms are made of every value, which all at once would not fit into memory.
        for start in range(0, len(images), _BATCH):
            calibrator.collect_data(Batches(images[start : start + _BATCH], input_dtype))
        found = calibrator.compute_data()
    return {name: _rounded(*found[name].range_value) for name in sorted(found.keys())}


def _rounded(low: Any, high: Any) -> tuple[float, float]:
    smallest, largest = min(float(np.min(low)), 0.0), max(float(np.max(high)), 0.0)
    # A layer that is silent on every image still needs a scale, and zero at the end of its range, which is its ReLU.
    return -_outward(-smallest), max(_outward(largest), 1 / _STEPS)


def _outward(value: float) -> float:
    mantissa, exponent = math.frexp(value)
    return math.ldexp(math.ceil(mantissa * _STEPS) / _STEPS, exponent)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the calibrators print to themselves."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield
