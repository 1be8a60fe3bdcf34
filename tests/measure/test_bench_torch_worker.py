"""The script that times torch beside onnxruntime fetches what onnxruntime is asked for, and no more."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from mnistbench.artifacts import bundled_zoo
from mnistbench.measure.breakdown.arithmetic import spec_of
from mnistbench.measure.latency.inputs import Inputs
from mnistbench.measure.latency.workload import make_workload
from mnistbench.runtime.classifier import load_classifier

SCRIPT = Path(__file__).parent.parent.parent / "bench" / "torch_worker.py"
IMAGES = np.random.default_rng(3).integers(0, 256, (40, 28, 28), dtype=np.uint8)


@pytest.fixture(scope="module")
def worker() -> ModuleType:
    pytest.importorskip("torch", reason="the extra 'train' is not installed")
    spec = importlib.util.spec_from_file_location("bench_torch_worker", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["bench_torch_worker"] = module
    spec.loader.exec_module(module)
    return module


class Output:
    """Stands for an output on a device, and remembers that it was fetched."""

    def __init__(self, name: str, fetched: list[str]) -> None:
        self.name, self.fetched = name, fetched

    def cpu(self) -> Output:
        self.fetched.append(self.name)
        return self

    def numpy(self) -> str:
        return self.name


@pytest.mark.parametrize("outputs", [("label",), ("logits",), ("label", "probabilities")])
def test_only_what_is_asked_for_is_fetched(worker, outputs) -> None:
    import torch

    fetched: list[str] = []

    def module(_image: Any) -> tuple[Output, ...]:
        return tuple(Output(name, fetched) for name in worker.OUTPUTS)

    feeds = [np.zeros((2, 1, 28, 28), np.uint8)]
    call = worker.make_call(module, feeds, torch.device("cpu"), "e2e", outputs)
    assert call(0) == call(1) == list(outputs)
    assert fetched == [*outputs, *outputs]
    bound = worker.make_call(module, feeds, torch.device("cpu"), "bound", outputs)
    assert [part.name for part in bound(0)] == list(outputs)
    assert len(fetched) == 2 * len(outputs)


@pytest.mark.parametrize("mode", ["e2e", "bound"])
def test_both_sides_answer_the_same_question(worker, mode) -> None:
    import torch

    path = bundled_zoo() / "64-64-10.onnx"
    classifier = load_classifier(path)
    plan = classifier.input_plan
    workload = make_workload(Inputs((plan.output,), plan), 8, IMAGES)
    feeds = [np.ascontiguousarray(feed[plan.name]) for feed in workload.feeds]
    module = worker.Contract(worker.load_network(path, spec_of(classifier.metadata)))
    call = worker.make_call(module, feeds, torch.device("cpu"), mode, workload.outputs)
    for number, feed in enumerate(workload.feeds):
        with torch.no_grad():
            found = [np.asarray(part) for part in call(number)]
        right = classifier.session.run(list(workload.outputs), dict(feed))
        assert [(part.shape, part.dtype) for part in found] == [(part.shape, part.dtype) for part in right]
        assert np.mean(workload.digest(found)[0] == workload.digest(right)[0]) >= 0.75
    assert {output.name for output in classifier.session.get_outputs()} == set(worker.OUTPUTS)
