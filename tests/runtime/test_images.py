from __future__ import annotations

import numpy as np
import pytest

from mnistbench.errors import InputError
from mnistbench.runtime.images import as_batch


@pytest.mark.parametrize(
    ("shape", "count"), [((28, 28), 1), ((5, 28, 28), 5), ((5, 1, 28, 28), 5), ((0, 28, 28), 0), ((0, 1, 28, 28), 0)]
)
def test_what_is_taken(shape, count):
    images = np.arange(np.prod(shape), dtype=np.uint64).astype(np.uint8).reshape(shape)
    batch = as_batch(images)
    assert batch.shape == (count, 1, 28, 28)
    assert np.array_equal(batch.ravel(), images.ravel())


@pytest.mark.parametrize(
    ("images", "advice"),
    [
        (np.zeros((5, 784), np.uint8), r"reshape\(-1, 28, 28\)"),
        (np.zeros((5, 28, 28, 1), np.uint8), "images\\[..., 0\\]"),
        (np.zeros((5, 28, 28, 3), np.uint8), "grey"),
        (np.zeros((5, 3, 28, 28), np.uint8), "grey"),
        (np.zeros((280, 280), np.uint8), "28x28 pixels"),
        (np.zeros((0,), np.uint8), "whole images"),
        (np.zeros((1, 1, 1, 28, 28), np.uint8), "expected uint8"),
        (np.ones((28, 28), np.float32), "multiply by 255 and cast"),
        (np.full((28, 28), 200.0), "cast: images.astype"),
        (np.full((28, 28), -0.42), "undo the normalisation"),
        (np.full((28, 28), np.nan), "undo the normalisation"),
        (np.zeros((28, 28), np.int64), "cast: images.astype"),
        (np.zeros((28, 28), bool), r"\* 255"),
        (np.zeros((28, 28), complex), "numbers from 0 to 255"),
        (np.zeros((0, 28, 28), np.float32), "astype"),
        ([[0] * 28] * 28, "numpy.asarray"),
        (None, "NoneType"),
    ],
)
def test_what_is_not_taken_says_what_to_do(images, advice):
    with pytest.raises(InputError, match=advice):
        as_batch(images)
