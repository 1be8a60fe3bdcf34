from __future__ import annotations

import numpy as np
import pytest

from mnistbench.data import load_dataset, split_validation
from mnistbench.errors import DataError


@pytest.fixture
def dataset(tiny, tmp_path):
    return load_dataset(tiny.write(tmp_path / "tiny"), files=tiny.files)


def test_every_training_image_lands_on_one_side_with_its_label(dataset):
    split = split_validation(dataset, 12, seed=3)
    assert (len(split.train_images), len(split.test_images)) == (18, 12)
    both = {image.tobytes(): label for image, label in zip(split.train_images, split.train_labels, strict=True)}
    both |= {image.tobytes(): label for image, label in zip(split.test_images, split.test_labels, strict=True)}
    assert both == {
        image.tobytes(): label for image, label in zip(dataset.train_images, dataset.train_labels, strict=True)
    }


def test_it_says_what_it_is(dataset):
    split = split_validation(dataset, 12)
    assert (dataset.evaluated_on, split.evaluated_on) == ("test", "validation")
    assert (split.name, split.sha256) == (dataset.name, dataset.sha256)
    assert "12 training images held out" in split.source
    assert not split.test_images.flags.writeable


def test_a_seed_decides_the_choice(dataset):
    first, again, other = (split_validation(dataset, 12, seed=seed).test_images for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("num_images", [-1, 0, 30, 31])
def test_both_sides_must_keep_something(dataset, num_images):
    with pytest.raises(DataError, match=f"hold out {num_images} of 30 training images; choose from 1 to 29"):
        split_validation(dataset, num_images)
