from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from mnistbench.errors import InputError
from mnistbench.measure.accuracy import evaluate
from mnistbench.measure.stats import wilson_interval
from mnistbench.results import EvaluationResult
from mnistbench.runtime.input_plan import InputPlan

LABELS = np.arange(25) % 10
IMAGES = np.arange(25, dtype=np.uint8)[:, None, None] * np.ones((28, 28), np.uint8)


@dataclass
class Fake:
    """Answers with the number that its images show, except for those it is told to get wrong."""

    path: Path
    wrong: tuple[int, ...] = ()
    metadata: dict[str, str] = field(default_factory=dict)
    name: str = "fake"
    num_parameters: int = 7
    size_bytes: int = 3
    provider: str = "CPUExecutionProvider"
    input_plan: InputPlan = InputPlan("x", "flat", "uint8", "0..255", None, "y", "label")
    asked: tuple = ()

    @property
    def sha256(self):
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    def predict(self, images, *, batch_size=None, on_progress=None):
        self.asked = (batch_size, on_progress)
        shown = images[:, 0, 0].astype(np.int64)
        return np.where(np.isin(shown, self.wrong), (shown + 1) % 10, shown % 10)


@pytest.fixture
def path(tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"abc")
    return tmp_path / "m.onnx"


def run(classifier, images=IMAGES, labels=LABELS, **keywords):
    return evaluate(classifier, images, labels, dataset="tiny", dataset_sha256="00", **keywords)


def test_errors_interval_and_facts(path):
    result = run(Fake(path, wrong=(3, 13, 24)))
    assert (result.num_errors, result.num_images, result.error_rate) == (3, 25, 3 / 25)
    assert (result.error_rate_low, result.error_rate_high) == wilson_interval(3, 25)
    assert result.sha256 == hashlib.sha256(b"abc").hexdigest()
    assert (result.size_bytes, result.num_parameters, result.provider) == (3, 7, "CPUExecutionProvider")
    assert (result.dataset, result.dataset_sha256, result.file) == ("tiny", "00", str(path))
    assert result.input["layout"] == "flat"
    assert EvaluationResult.from_dict(result.as_dict()) == result


def test_rows_of_the_confusion_are_true_digits(path):
    confusion = np.array(run(Fake(path, wrong=(3, 13))).confusion)
    assert confusion.shape == (10, 10)
    assert confusion.sum() == 25
    assert confusion[3, 4] == 2
    assert np.array_equal(confusion.sum(axis=1), np.bincount(LABELS, minlength=10))


def test_the_confusion_is_whole_also_for_few_digits(path):
    confusion = run(Fake(path), IMAGES[:1], LABELS[:1]).confusion
    assert [len(row) for row in confusion] == [10] * 10


def test_batches_and_progress_reach_the_model(path):
    fake, seen = Fake(path), []
    run(fake, batch_size=10, on_progress=lambda done, total: seen.append((done, total)))
    assert fake.asked[0] == 10
    fake.asked[1](25, 25)
    assert seen == [(25, 25)]


def test_metadata_fills_what_the_file_says_of_its_network(path):
    said = {"mnistbench.notation": "64-10", "mnistbench.dropout": "0.5", "mnistbench.macs": "50816"}
    result = run(Fake(path, metadata=said))
    assert (result.notation, result.dropout, result.macs) == ("64-10", 0.5, 50816)
    nothing = run(Fake(path, metadata={"mnistbench.macs": "many", "mnistbench.dropout": "nan"}))
    assert (nothing.notation, nothing.dropout, nothing.macs) == (None, None, None)


@pytest.mark.parametrize(
    ("images", "labels", "keywords"),
    [
        (IMAGES[:0], LABELS[:0], {}),
        (IMAGES, LABELS[:-1], {}),
        (IMAGES, LABELS[:, None], {}),
        (IMAGES, LABELS + 1, {}),
        (IMAGES, LABELS - 1, {}),
    ],
)
def test_arrays_that_do_not_fit(path, images, labels, keywords):
    with pytest.raises(InputError, match="expected"):
        run(Fake(path), images, labels, **keywords)
