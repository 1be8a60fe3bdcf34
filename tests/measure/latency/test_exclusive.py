"""What is sent to a GPU's machine, and what comes back; the measuring itself is played."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest
from latencies import row, run

from mnistbench.errors import BusyGpuError
from mnistbench.measure.latency import exclusive
from mnistbench.measure.latency.bench import Bench
from mnistbench.measure.latency.exclusive import GpuTask, SentModel, measure_gpu
from mnistbench.measure.steady import Plan
from mnistbench.results import GpuFacts
from mnistbench.runtime.session import SessionSettings

GPU = GpuFacts("10.0.0.1", "GPU-1", "Fast", "", 700.0, "590", "13.0", "1.31")
WANTED = Bench((), ("e2e",), (1,), Plan.quick(), 1, SessionSettings())
MODELS = (SentModel("a", "zoo/a.onnx", b"first"), SentModel("b", "zoo/b.onnx", b"second"))


@pytest.fixture
def played(monkeypatch):
    """What was asked of the benchmark in place of measuring, and which GPU nvidia-smi shows."""
    asked = {"gpu": GPU}

    def run_bench(bench, files, environment, clock, *, keep):
        asked["visible"] = os.environ["CUDA_VISIBLE_DEVICES"]
        asked["devices"] = [device.text for device in bench.devices]
        asked["contents"] = {name: path.read_bytes() for path, name in files}
        asked["paths"] = [path for path, _ in files]
        rows = [row(name, file=str(path)) for path, name in files]
        keep(run(*rows[:1]))
        return run(*rows, row("floor", file="elsewhere"))

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")  # put back afterwards
    monkeypatch.setattr(exclusive, "run_bench", run_bench)
    monkeypatch.setattr(exclusive, "find_gpus", lambda _node: (asked["gpu"],))
    return asked


def test_models_are_sent_along_and_rows_name_the_files_of_who_asked(played):
    parts = []
    result = measure_gpu(GpuTask(WANTED, ("cuda",), MODELS, GPU, allow_busy=False), parts.append)
    assert (played["visible"], played["devices"]) == ("GPU-1", ["cuda:0"])
    assert played["contents"] == {"a": b"first", "b": b"second"}
    assert [one.file for one in result.results] == ["zoo/a.onnx", "zoo/b.onnx", "elsewhere"]
    assert [[one.file for one in part.results] for part in parts] == [["zoo/a.onnx"]]
    assert not any(Path(path).exists() for path in played["paths"])


def test_an_instance_is_measured_in_the_environment_of_its_gpu(played, monkeypatch):
    listed = tuple({"index": number, "name": "X", "uuid": f"GPU-{number}"} for number in range(3))
    here = dataclasses.replace(run().environment, gpus=listed)
    monkeypatch.setattr(exclusive, "collect_environment", lambda: here)
    monkeypatch.setattr(
        exclusive,
        "run_bench",
        lambda _bench, _files, environment, *_, **__: dataclasses.replace(run(), environment=environment),
    )
    part = dataclasses.replace(GPU, uuid="MIG-7", mig="1g.10gb", parent="GPU-2")
    for gpu, name in ((part, "GPU-2"), (GPU, "GPU-1")):
        played["gpu"] = gpu
        result = measure_gpu(GpuTask(WANTED, ("cuda",), (), gpu, allow_busy=False), print)
        assert result.environment.gpus == ({"index": 0, "name": "X", "uuid": name},)
        assert os.environ["CUDA_VISIBLE_DEVICES"] == gpu.uuid


def test_a_gpu_that_has_become_busy_is_refused_unless_that_is_allowed(played):
    played["gpu"] = dataclasses.replace(GPU, processes=1)
    with pytest.raises(BusyGpuError, match="busy: 1 other process"):
        measure_gpu(GpuTask(WANTED, ("cuda",), MODELS, GPU, allow_busy=False), print)
    assert measure_gpu(GpuTask(WANTED, ("cuda",), MODELS, GPU, allow_busy=True), print).results
