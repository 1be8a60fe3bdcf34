from __future__ import annotations

import numpy as np
import pytest
from onnx_models import contract_model, digits, foreign_model, save

from mnistbench.errors import InputError, ModelError
from mnistbench.runtime.classifier import load_classifier, metadata_number

IMAGES, LABELS = digits(45)


@pytest.mark.parametrize(
    "model",
    [contract_model(), foreign_model(["n", 28, 28, 1]), foreign_model([32, 784]), foreign_model([1, 1, 28, 28])],
)
def test_any_batch_of_images_whatever_the_model_takes(tmp_path, model):
    classifier = load_classifier(save(model, tmp_path / "m.onnx"), calibration=digits(100, seed=5))
    assert (classifier.name, classifier.provider) == ("m", "CPUExecutionProvider")
    for count in (0, 1, 32, 45):
        assert np.array_equal(classifier.predict(IMAGES[:count]), LABELS[:count])


@pytest.mark.parametrize(
    ("model", "progress"),
    [(foreign_model(["n", 28, 28, 1]), [20, 40, 45]), (foreign_model([32, 784]), [32, 45])],
)
def test_batches_and_progress(tmp_path, model, progress):
    classifier = load_classifier(save(model, tmp_path / "m.onnx"), calibration=digits(100, seed=5))
    seen = []
    labels = classifier.predict(IMAGES, batch_size=20, on_progress=lambda done, total: seen.append((done, total)))
    assert np.array_equal(labels, LABELS)
    assert seen == [(done, 45) for done in progress]


def test_an_answer_beyond_the_digits_is_found_in_any_batch(tmp_path):
    classifier = load_classifier(save(contract_model(), tmp_path / "m.onnx"))

    class LastIsNoDigit:
        def run(self, _outputs, feeds):
            return [np.full(len(feeds["image"]), 10 if len(feeds["image"]) == 5 else 1)]

    object.__setattr__(classifier, "session", LastIsNoDigit())
    assert classifier.predict(IMAGES[:40], batch_size=20).tolist() == [1] * 40
    with pytest.raises(ModelError, match="beyond 0 to 9"):
        classifier.predict(IMAGES, batch_size=20)


def test_images_are_checked(tmp_path):
    classifier = load_classifier(save(contract_model(), tmp_path / "m.onnx"))
    with pytest.raises(InputError, match="expected uint8"):
        classifier.predict(IMAGES / 255)


def test_messages_name_the_file(tmp_path):
    path = save(foreign_model(["n", 784]), tmp_path / "m.onnx")
    with pytest.raises(ModelError, match=r"m\.onnx: nothing says which values"):
        load_classifier(path)


def test_a_failing_run_is_a_model_error(tmp_path):
    classifier = load_classifier(save(contract_model(), tmp_path / "m.onnx"))

    class Failing:
        def run(self, *_args):
            raise ValueError("bad shape")

    object.__setattr__(classifier, "session", Failing())
    with pytest.raises(ModelError, match="m fails on a batch of 45: bad shape"):
        classifier.predict(IMAGES)


@pytest.mark.parametrize(("said", "number"), [("0.5", 0.5), ("12", 12), ("nan", None), ("inf", None), ("x", None)])
def test_numbers_in_metadata(said, number):
    assert metadata_number({"key": said}, "key") == number
    assert metadata_number({}, "key") is None
