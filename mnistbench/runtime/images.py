"""What a caller may hand to a model: 28x28 grey images, 0 to 255, white ink on black.

An array that is not that gets a message that says what it is and what to do.
Knows nothing of models.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mnistbench.errors import InputError

Images = npt.NDArray[np.uint8]

_EXPECTED = "expected uint8 of shape (28, 28), (n, 28, 28) or (n, 1, 28, 28), white ink on black"


def as_batch(images: Any) -> Images:
    """Check ``images`` and give them the shape of a batch, without a copy.

    Args:
        images: uint8 of shape ``(28, 28)``, ``(n, 28, 28)`` or ``(n, 1, 28, 28)``; ``n`` may be 0.

    Returns:
        The same numbers with shape ``(n, 1, 28, 28)``.

    Raises:
        InputError: When shape or dtype are others; the message says how to convert them.
    """
    if not isinstance(images, np.ndarray):
        raise InputError(f"images are a {type(images).__name__}, not a numpy array; {_EXPECTED}; try numpy.asarray()")
    shape = images.shape
    if shape[-2:] != (28, 28) or len(shape) > 4 or (len(shape) == 4 and shape[1] != 1):
        raise InputError(f"images have shape {shape}; {_EXPECTED}; {_shape_advice(shape)}")
    if images.dtype != np.uint8:
        raise InputError(f"images have dtype {images.dtype}; {_EXPECTED}; {_dtype_advice(images)}")
    return images.reshape(-1, 1, 28, 28) if images.size else images.reshape(0, 1, 28, 28)


def check_batch_size(batch_size: int | None) -> None:
    """Refuse what is no number of images; ``None``, all at once, is one.

    Raises:
        InputError: When it is below 1.
    """
    if batch_size is not None and batch_size < 1:
        raise InputError(f"a batch of {batch_size} images is not possible; expected at least 1")


def _shape_advice(shape: tuple[int, ...]) -> str:
    if shape[-1:] == (784,):
        return "call images.reshape(-1, 28, 28)"
    if len(shape) in (3, 4) and shape[-3:] == (28, 28, 1):
        return "drop the last axis: images[..., 0]"
    if len(shape) in (3, 4) and (shape[-1] in (3, 4) or shape[-3] in (3, 4)):
        return "convert colours to grey first, for example with PIL's image.convert('L')"
    if len(shape) >= 2:
        return "crop, scale and centre each digit to 28x28 pixels first"
    return "give whole images, not single rows or pixels"


def _dtype_advice(images: npt.NDArray[Any]) -> str:
    if images.dtype == np.bool_:
        return "call images.astype(numpy.uint8) * 255"
    if images.dtype.kind not in "fiu":
        return "give numbers from 0 to 255"
    if images.size == 0:
        return "call images.astype(numpy.uint8)"
    low, high = float(images.min()), float(images.max())
    if not 0 <= low <= high <= 255:
        return f"values from {low:g} to {high:g} must become 0 to 255 again: undo the normalisation first"
    if images.dtype.kind == "f" and high <= 1:
        return "multiply by 255 and cast: (images * 255).round().astype(numpy.uint8)"
    return "cast: images.astype(numpy.uint8)"
