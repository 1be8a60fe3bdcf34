"""Inference by family, batch size and provider, one warm session each.

For a figure to believe, with fresh processes and intervals: ``mnistbench bench``.
This suite is for seeing what a change of the code does: ``--benchmark-compare``.
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from mnistbench.artifacts import bundled_zoo
from mnistbench.data.dataset import load_dataset
from mnistbench.errors import ProviderError
from mnistbench.locate import locate
from mnistbench.measure.latency.inputs import Inputs
from mnistbench.measure.latency.modes import make_call
from mnistbench.measure.latency.workload import make_workload
from mnistbench.runtime.classifier import load_classifier
from mnistbench.runtime.devices import expand_devices

FAMILIES = {
    "dense": "64-64-10",
    "LeNet-5": "lenet5",
    "two convolutions": "32-P-32-P-100-50-10-dropout",
    "largest": "largest-dropout",
}
BATCHES = (1, 32, 256, 1024)


@pytest.mark.parametrize("batch_size", BATCHES)
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("provider", ["cpu", "openvino", "cuda"])
def test_inference(provider: str, family: str, batch_size: int, benchmark: Any, request: pytest.FixtureRequest) -> None:
    wanted = request.config.getoption("--device")
    if (provider == "cuda") != wanted.startswith("cuda"):
        pytest.skip("for another device than --device")
    (device,) = expand_devices(wanted, [provider])
    try:
        classifier = load_classifier(locate(FAMILIES[family], [bundled_zoo()]).path, device=device)
    except ProviderError as error:
        pytest.skip(str(error))
    plan = classifier.input_plan
    workload = make_workload(Inputs((plan.output,), plan), batch_size, load_dataset().test_images)
    call = make_call("e2e", classifier.session, device, workload, [])
    numbers = itertools.count()
    benchmark.group = f"{family}, batch {batch_size}"
    benchmark(lambda: call(next(numbers)))
    benchmark.extra_info.update({"provider": classifier.provider, "images": batch_size, "network": classifier.name})
