from __future__ import annotations

import numpy as np
import pytest

from mnistbench.pictures.morphology import averaged, grown, opened, shrunk
from mnistbench.pictures.regions import find_regions, label_regions


def flooded(mask):
    """Regions by flooding, pixel by pixel."""
    labels, count = np.zeros(mask.shape, int), 0
    for start in zip(*np.nonzero(mask), strict=True):
        if labels[start]:
            continue
        count += 1
        stack = [start]
        while stack:
            row, column = stack.pop()
            if not (0 <= row < mask.shape[0] and 0 <= column < mask.shape[1]):
                continue
            if labels[row, column] or not mask[row, column]:
                continue
            labels[row, column] = count
            stack += [(row + i, column + j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    return labels, count


@pytest.mark.parametrize("seed", range(40))
def test_regions_are_those_of_flooding(seed):
    generator = np.random.default_rng(seed)
    ink = (generator.random(generator.integers(1, 14, 2)) > generator.random()) * 200.0
    labels, regions = label_regions(ink, 1.0)
    assert find_regions(ink, 1.0) == regions
    expected, count = flooded(ink > 0)
    assert len(regions) == count
    assert len(set(zip(labels.ravel(), expected.ravel(), strict=True))) == len(set(labels.ravel()))
    for region in regions:
        rows, columns = np.nonzero(labels == region.number)
        assert (region.top, region.bottom) == (rows.min(), rows.max() + 1)
        assert (region.left, region.right) == (columns.min(), columns.max() + 1)
        assert region.mass == pytest.approx(len(rows) * 200 / 255)
        assert region.peak == 200


def test_no_ink_has_no_regions():
    labels, regions = label_regions(np.zeros((3, 4)), 1.0)
    assert regions == ()
    assert not labels.any()


@pytest.mark.parametrize("radius", [0, 1, 2, 3, 7, 30])
def test_windows_are_those_of_a_plain_loop(radius):
    image = np.random.default_rng(radius).uniform(0, 9, (11, 8))
    for fast, slow in ((grown, np.max), (shrunk, np.min), (averaged, np.mean)):
        expected = [
            [slow(image[max(0, i - radius) : i + radius + 1, max(0, j - radius) : j + radius + 1]) for j in range(8)]
            for i in range(11)
        ]
        np.testing.assert_allclose(fast(image, radius), expected)


def test_opening_takes_thin_strokes_away_and_keeps_blots():
    image = np.zeros((30, 30))
    image[:, 5] = image[10:20, 15:25] = 9
    kept = opened(image, 2)
    assert not kept[:, :10].any()
    np.testing.assert_array_equal(kept[:, 10:], image[:, 10:])
