from __future__ import annotations

import numpy as np
import pytest
from onnx_models import contract_model, digits, foreign_model, save

from mnistbench.errors import InputError, ModelError, ProviderError
from mnistbench.runtime.model import Model
from mnistbench.runtime.session import SessionSettings

IMAGES, LABELS = digits(30)


@pytest.fixture
def model(tmp_path):
    metadata = {"mnistbench.notation": "10"}
    return Model.load(save(contract_model(metadata=metadata), tmp_path / "tiny.onnx"), settings=SessionSettings(1))


def test_what_it_says_of_itself(model, tmp_path):
    assert (model.name, model.path, model.num_parameters) == ("tiny", tmp_path / "tiny.onnx", 7850)
    assert (model.device, model.provider) == ("cpu", "CPUExecutionProvider")
    assert model.metadata == {"mnistbench.notation": "10"}
    assert repr(model) == "Model('tiny', 7,850 parameters, cpu)"
    with pytest.raises(TypeError):
        model.metadata["more"] = "text"


def test_every_shape_gives_the_same_answers(model):
    for images in (IMAGES, IMAGES[:, None], np.asfortranarray(IMAGES), IMAGES[::-1][::-1]):
        labels = model.predict(images)
        assert (labels.dtype, labels.shape) == (np.int64, (30,))
        assert np.array_equal(labels, LABELS)
    assert model.predict(IMAGES[4]).tolist() == [LABELS[4]]


@pytest.mark.parametrize("batch_size", [1, 7, 30, 100])
def test_batches_and_progress(model, batch_size):
    seen = []
    labels = model.predict(IMAGES, batch_size=batch_size, on_progress=lambda done, total: seen.append((done, total)))
    assert np.array_equal(labels, LABELS)
    assert seen == [(min(done + batch_size, 30), 30) for done in range(0, 30, batch_size)]


def test_a_batch_of_nothing(model):
    with pytest.raises(InputError, match="a batch of 0 images is not possible; expected at least 1"):
        model.predict(IMAGES, batch_size=0)


def test_strided_and_read_only_images(model):
    strided = np.zeros((60, 1, 28, 56), np.uint8)[::2, :, :, ::2]
    strided[:, 0] = IMAGES
    strided.flags.writeable = False
    assert not strided.flags.c_contiguous
    assert np.array_equal(model.predict(strided), LABELS)


def test_probabilities_and_logits(model):
    probabilities, logits = model.predict_proba(IMAGES), model.predict_logits(IMAGES)
    assert probabilities.dtype == logits.dtype == np.float32
    assert probabilities.shape == logits.shape == (30, 10)
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert np.array_equal(probabilities.argmax(axis=1), LABELS)
    assert np.array_equal(logits.argmax(axis=1), LABELS)


@pytest.mark.parametrize("shape", [(0, 28, 28), (0, 1, 28, 28)])
def test_no_images_no_answers(model, shape):
    nothing = np.zeros(shape, np.uint8)
    assert (model.predict(nothing).shape, model.predict(nothing).dtype) == ((0,), np.int64)
    assert model.predict_proba(nothing).shape == model.predict_logits(nothing).shape == (0, 10)


@pytest.mark.parametrize(
    "images", [np.zeros((1, 1, 28, 28)), np.zeros((28, 28, 3), np.uint8), np.zeros((1, 784), np.uint8), [[1]]]
)
def test_other_images_are_refused(model, images):
    for method in (model.predict, model.predict_proba, model.predict_logits):
        with pytest.raises(InputError, match="expected uint8"):
            method(images)


def test_a_foreign_model_is_refused(tmp_path):
    with pytest.raises(ModelError, match="not a model of mnistbench"):
        Model.load(save(foreign_model(["n", 784]), tmp_path / "m.onnx"))


def test_an_unknown_device_and_a_missing_file(tmp_path):
    with pytest.raises(ProviderError, match="tpu"):
        Model.load(tmp_path / "none.onnx", device="tpu")
    with pytest.raises(ModelError, match="no file"):
        Model.load(tmp_path / "none.onnx")


class Failing:
    """Stands for a session whose device ran out of memory."""

    def run(self, *_args):
        raise RuntimeError("Failed to allocate memory")


def test_failures_name_the_model_and_the_batch(model):
    model._session = Failing()
    for images in (IMAGES, IMAGES[:, None]):
        with pytest.raises(ProviderError, match="cpu has not enough memory for tiny at batch 30"):
            model.predict(images)
    with pytest.raises(ProviderError, match="at batch 7"):
        model.predict(IMAGES, batch_size=7)
