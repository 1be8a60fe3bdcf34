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
