"""How one ONNX file takes images and gives its answer: conversion both ways, as plain data.

Knows neither onnxruntime nor how a plan is found.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from mnistbench.errors import ModelError
from mnistbench.runtime.images import Images

Labels = npt.NDArray[np.int64]

LAYOUTS: dict[str, tuple[bool, tuple[int, ...]]] = {
    "N1HW": (True, (1, 28, 28)),
    "NHW1": (True, (28, 28, 1)),
    "NHW": (True, (28, 28)),
    "flat": (True, (784,)),
    "HW": (False, (28, 28)),
    "HW1": (False, (28, 28, 1)),
    "flat1": (False, (784,)),
}
"""Whether there is a batch axis in front, and the shape of one image."""

INVERTED = "-inverted"

RANGES: dict[str, tuple[float, float]] = {
    "0..1": (1 / 255, 0.0),
    "standardised": (1 / 255 / 0.3081, -0.1307 / 0.3081),
    "-1..1": (2 / 255, -1.0),
    "0..255": (1.0, 0.0),
    "-128..127": (1.0, -128.0),
}
"""Factor and offset that turn 0 to 255 into each range; ``standardised`` has MNIST's mean 0 and deviation 1.
Every range also exists with ``-inverted`` behind it: black ink on white paper."""

VALUE_RANGES: tuple[str, ...] = (*RANGES, *(name + INVERTED for name in RANGES))
"""Every value range that a plan may have."""


@dataclass(frozen=True)
class InputPlan:
    """What a model is given for a batch of images, and where its answer is."""

    name: str
    """Of the input."""
    layout: str
    """Key of :data:`LAYOUTS`."""
    dtype: str
    """numpy's name of the element type."""
    value_range: str
    """One of :data:`VALUE_RANGES`."""
    batch_size: int | None
    """Images in every call when the model allows one number only; ``None`` when it takes any."""
    output: str
    """Name of the output that is read."""
    output_kind: Literal["scores", "label"]
    """``scores``: ten numbers an image, the largest wins; ``label``: an integer an image."""
    how_found: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Where ``layout``, ``value_range`` and ``output`` come from, in words."""

    def as_dict(self) -> dict[str, Any]:
        """The fields, for results."""
        return {**vars(self), "how_found": dict(self.how_found)}

    def prepare(self, images: Images) -> npt.NDArray[Any]:
        """Convert images to the array that the model takes.

        Args:
            images: uint8 of shape ``(n, 28, 28)`` or ``(n, 1, 28, 28)``; ``n`` is 1 for a layout
                without a batch axis.

        Returns:
            A contiguous array in the plan's layout, dtype and value range.
        """
        has_batch, shape = LAYOUTS[self.layout]
        values = np.ascontiguousarray(images)
        if (self.dtype, self.value_range) != ("uint8", "0..255"):
            values = value_table(self.value_range, self.dtype)[values]
        return values.reshape((len(images), *shape) if has_batch else shape)

    def chunks(self, images: Images, batch_size: int | None = None) -> Iterator[tuple[npt.NDArray[Any], int]]:
        """What to give the model for ``images``, call by call, and how many answers of each count.

        A fixed batch is filled up with the last image.

        Args:
            images: As :meth:`prepare` takes them; any ``n``.
            batch_size: Images in a call where the model takes any number; all at once when ``None``.
        """
        if len(images) == 0:
            return
        size = self.batch_size or batch_size or len(images)
        for start in range(0, len(images), size):
            part = images[start : start + size]
            count = len(part)
            if count < size and self.batch_size is not None:
                part = np.concatenate([part, np.repeat(part[-1:], size - count, axis=0)])
            yield self.prepare(part), count

    def rows(self, answer: Any, num_images: int) -> npt.NDArray[Any]:
        """The model's output with one row of ten scores, or one label, for each image.

        Args:
            answer: The output's array, in any shape with ten scores or one label an image.
            num_images: How many images the model was given.

        Returns:
            Shape ``(num_images, 10)`` or ``(num_images,)``.

        Raises:
            ModelError: When there are too many or too few numbers.
        """
        values = np.asarray(answer)
        shape = (num_images, 10) if self.output_kind == "scores" else (num_images,)
        expected = math.prod(shape)
        if values.size != expected:
            raise ModelError(
                f"the output {self.output!r} has shape {values.shape} for {num_images} images; "
                f"expected {expected:,} numbers; name another output with --output-name"
            )
        return values.reshape(shape)

    def labels(self, answer: Any, num_images: int) -> Labels:
        """The digits that the model's output means; arguments as :meth:`rows`.

        Raises:
            ModelError: When there are too many or too few numbers, NaN, or labels other than 0 to 9.
        """
        values = self.rows(answer, num_images)
        if self.output_kind == "label":
            labels: Labels = values.astype(np.int64, copy=False)
            # Without a sign, what is below 0 is very large: one look at the labels in place of two.
            if num_images and labels.view(np.uint64).max() > 9:
                raise ModelError(f"the output {self.output!r} has labels beyond 0 to 9; it does not classify digits")
            return labels
        if np.isnan(values).any():
            raise ModelError(f"the output {self.output!r} has scores that are not a number (NaN)")
        winners: Labels = values.argmax(axis=1).astype(np.int64)
        return winners


def value_table(value_range: str, dtype: str) -> npt.NDArray[Any]:
    """What each of the pixel values 0 to 255 becomes, as an array of 256 elements."""
    pixels = np.arange(256, dtype=np.float64)
    if value_range.endswith(INVERTED):
        pixels = 255 - pixels
    factor, offset = RANGES[value_range.removesuffix(INVERTED)]
    return (pixels * factor + offset).astype(dtype)


def ranges_of(dtype: str) -> tuple[str, ...]:
    """Value ranges that an element type can hold, the commonest first."""
    if dtype == "int8":
        return ("-128..127", "-128..127" + INVERTED)
    if not dtype.startswith("float"):
        return ("0..255", "0..255" + INVERTED)
    names = tuple(name for name in RANGES if name != "-128..127")
    return (*names, *(name + INVERTED for name in names))
