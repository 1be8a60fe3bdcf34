"""What the wrapper adds to onnxruntime: ``predict`` beside ``session.run``, ``evaluate`` beside a bare loop."""

from __future__ import annotations

from statistics import median
from typing import Any

import numpy as np
import pytest
from turns import alternate, median_difference

import mnistbench
from mnistbench.data.dataset import load_dataset
from mnistbench.measure.accuracy import BATCH_SIZE, evaluate
from mnistbench.runtime.classifier import load_classifier

ROUNDS = 200
NETWORKS = ("64-64-10", "lenet5", "largest-dropout")


@pytest.mark.parametrize("name", NETWORKS)
def test_predict_beside_a_bare_call(name: str, benchmark: Any, ratios: list[dict[str, Any]]) -> None:
    model = mnistbench.load(name, num_threads=1)
    image = load_dataset().test_images[:1, None]
    run, outputs, feed = model._session.run, ["label"], {"image": image}
    calls = 100 if name == "largest-dropout" else 500

    def bare() -> Any:
        return run(outputs, feed)

    def ours() -> Any:
        return model.predict(image)

    assert np.array_equal(bare()[0], ours())
    seconds = alternate(bare, ours, rounds=ROUNDS, calls=calls // 10)
    benchmark(ours)
    row = _row(f"predict of {name}, one image", "session.run", seconds)
    ratios.append(row | {"ours_extra_seconds": median_difference(seconds)})
    benchmark.extra_info.update(row)


@pytest.mark.parametrize("name", NETWORKS)
def test_evaluate_beside_a_bare_loop(name: str, benchmark: Any, ratios: list[dict[str, Any]]) -> None:
    dataset = load_dataset()
    classifier = load_classifier(mnistbench.load(name).path)
    images, labels = np.ascontiguousarray(dataset.test_images[:, None]), dataset.test_labels
    run = classifier.session.run

    def bare() -> int:
        starts = range(0, len(images), BATCH_SIZE)
        answers = [run(["label"], {"image": images[start : start + BATCH_SIZE]})[0] for start in starts]
        return int((np.concatenate(answers) != labels).sum())

    def ours() -> int:
        result = evaluate(classifier, dataset.test_images, labels, dataset="mnist", dataset_sha256=dataset.sha256)
        return result.num_errors

    assert bare() == ours()
    seconds = alternate(bare, ours, rounds=15 if name == "largest-dropout" else 61, calls=1)
    benchmark.pedantic(ours, rounds=3, iterations=1)
    row = _row(f"evaluate {name} on 10,000 images", "bare loop", seconds)
    ratios.append(row)
    benchmark.extra_info.update(row)


def _row(name: str, baseline: str, seconds: tuple[list[float], list[float]]) -> dict[str, Any]:
    one, other = map(median, seconds)
    return {
        "name": name,
        "baseline": baseline,
        "baseline_seconds": one,
        "ours_seconds": other,
        # Round by round: what disturbs one turn mostly disturbs the next one too.
        "ratio": median(a / b for a, b in zip(*seconds, strict=True)),
    }
