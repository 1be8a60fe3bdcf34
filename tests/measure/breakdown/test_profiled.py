from __future__ import annotations

import dataclasses
import tempfile

import numpy as np
import pytest

from mnistbench.artifacts import bundled_zoo
from mnistbench.errors import MnistbenchError, ModelError, ProviderError
from mnistbench.measure.breakdown import profiled as module
from mnistbench.measure.breakdown.profiled import profile_once
from mnistbench.measure.breakdown.runners import fresh_runners
from mnistbench.measure.latency.inputs import Inputs
from mnistbench.measure.latency.request import Request
from mnistbench.measure.steady import Plan
from mnistbench.runtime.input_plan import InputPlan
from mnistbench.runtime.session import SessionSettings

IMAGES = np.random.default_rng(3).integers(0, 256, (40, 28, 28), dtype=np.uint8)
OWN = InputPlan("image", "N1HW", "uint8", "0..255", None, "label", "label")
PLAN = Plan(min_warmup_seconds=0.001, min_samples=5, min_seconds=0.01, max_samples=100)
REQUEST = Request(
    path=str(bundled_zoo() / "64-64-10.onnx"),
    name="64-64-10",
    device="cpu",
    provider="cpu",
    mode="e2e",
    batch_size=2,
    inputs=Inputs(("label",), OWN),
    settings=SessionSettings(1),
    plan=PLAN,
)


class Clock:
    """So many nanoseconds pass with every look."""

    def __init__(self, step: int = 0) -> None:
        self.now, self.step = 0, step

    def now_ns(self) -> int:
        self.now += self.step
        return self.now


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """Where temporary folders lie: nothing may stay there."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield tmp_path
    assert list(tmp_path.iterdir()) == []


def test_a_real_model_shows_its_nodes_by_name(capfd):
    found = profile_once(REQUEST, IMAGES, Clock())
    assert found.num_runs == module.RUNS
    names = [node.name for node in found.nodes]
    assert names[:3] == ["cast", "scale", "flatten"]
    assert [name.removeprefix("fused ") for name in names[3:6]] == ["fc1", "fc2", "fc3"]
    assert {node.provider for node in found.nodes} == {"CPUExecutionProvider"}
    assert {node.calls for node in found.nodes} == {1}
    assert sum(node.seconds for node in found.nodes) > 0
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("step", "runs"), [(0, 40), (10**12, module.FEWEST_RUNS)])
def test_runs_end_by_number_or_time(monkeypatch, step, runs):
    monkeypatch.setattr(module, "RUNS", 40)
    assert profile_once(REQUEST, IMAGES, Clock(step)).num_runs == runs


def test_a_model_of_very_many_nodes_runs_less_often(monkeypatch):
    monkeypatch.setattr(module, "MOST_EVENTS", 1)
    assert profile_once(REQUEST, IMAGES, Clock()).num_runs == module.FEWEST_RUNS


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"path": "/nowhere/m.onnx"}, ModelError, "/nowhere/m.onnx"),
        ({"device": "cuda:99", "provider": "cuda"}, ProviderError, "cuda:99"),
        ({"inputs": Inputs(("nothing",), OWN)}, ModelError, "fails on a batch of 2"),
    ],
)
def test_what_fails_is_one_error(changes, error, message):
    with pytest.raises(error, match=message):
        profile_once(dataclasses.replace(REQUEST, **changes), IMAGES, Clock())


def test_a_damaged_profile_is_an_error(monkeypatch):
    monkeypatch.setattr("mnistbench.measure.breakdown.profile.LARGEST_PROFILE", 10)
    with pytest.raises(ModelError, match="profile that onnxruntime wrote cannot be used: it is larger"):
        profile_once(REQUEST, IMAGES, Clock())


def test_a_fresh_process_profiles_and_another_times():
    with fresh_runners(IMAGES) as (run, profile):
        assert profile(REQUEST).nodes[0].name == "cast"
        assert run(REQUEST).figures.num_samples >= 1
        with pytest.raises(MnistbenchError, match="/nowhere"):
            profile(dataclasses.replace(REQUEST, path="/nowhere/m.onnx"))
