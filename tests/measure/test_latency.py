from __future__ import annotations

import dataclasses
import hashlib
import json

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from mnistbench.errors import InputError, ModelError, ProviderError
from mnistbench.measure import latency
from mnistbench.measure.latency import draw_inputs, measure_latency, with_figures
from mnistbench.measure.steady import Plan, SteadySample
from mnistbench.results import LatencyResult
from mnistbench.runtime.input_plan import InputPlan
from mnistbench.runtime.session import SessionSettings

IMAGES = np.random.default_rng(3).integers(0, 256, (40, 28, 28), dtype=np.uint8)
PLAN = Plan(min_warmup_seconds=0.001, min_samples=70, min_seconds=0.01, max_samples=100)
OWN = InputPlan("image", "N1HW", "uint8", "0..255", None, "label", "label")


class TickingClock:
    """A millisecond passes with every look."""

    def __init__(self):
        self.now = 0

    def now_ns(self):
        self.now += 1_000_000
        return self.now


def write_model(path, batch="batch", metadata=None):
    """A random linear network with the contract's input and outputs, or a fixed batch."""
    weights = np.random.default_rng(0).standard_normal((784, 10)).astype(np.float32)
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["pixels"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"]),
        helper.make_node("ArgMax", ["logits"], ["label"], axis=1, keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, [batch, 1, 28, 28])],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, [batch, 10]),
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [batch, 10]),
            helper.make_tensor_value_info("label", TensorProto.INT64, [batch]),
        ],
        [numpy_helper.from_array(weights, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    helper.set_model_props(model, metadata or {})
    path.write_bytes(model.SerializeToString())
    return path


def run(path, batch_sizes=(1, 32), **keywords):
    settings = {"images": IMAGES, "plan": PLAN, "clock": TickingClock(), "settings": SessionSettings(1)}
    return measure_latency(path, batch_sizes=batch_sizes, **(settings | keywords))


def test_every_batch_size_gets_its_row(tmp_path):
    path = write_model(tmp_path / "m.onnx", metadata={"mnistbench.notation": "10", "mnistbench.dropout": "0"})
    seen, progress = [], []
    rows = run(path, on_result=seen.append, on_progress=lambda done, total: progress.append((done, total)))
    assert seen == rows
    assert progress == [(1, 2), (2, 2)]
    assert [row.batch_size for row in rows] == [1, 32]
    for row in rows:
        assert (row.name, row.device, row.mode, row.provider) == ("m", "cpu", "e2e", "CPUExecutionProvider")
        assert row.error is None
        assert row.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert (row.notation, row.dropout) == ("10", 0.0)
        # The clock ticks once between each pair of looks, whatever the machine does.
        assert row.session_seconds == row.first_call_seconds == row.p50_seconds == row.p90_seconds == 0.001
        assert row.throughput == pytest.approx(row.batch_size / 0.001)
        assert row.p99_seconds is None
        assert row.options["intra_op_num_threads"] == 1
        assert row.options["input"]["layout"] == "N1HW"
        assert LatencyResult.from_dict(json.loads(json.dumps(row.as_dict()))) == row


def test_a_fixed_batch_gives_an_error_row_for_the_others(tmp_path):
    rows = run(write_model(tmp_path / "fixed.onnx", batch=4), batch_sizes=(1, 4, 8))
    assert [row.error is None for row in rows] == [False, True, False]
    assert rows[0].error == "fixed takes batches of 4 only, not of 1"
    assert rows[0].provider is rows[0].p50_seconds is None


def test_a_device_that_is_missing_gives_error_rows(tmp_path, monkeypatch):
    def refuse(*_args, **_keywords):
        raise ProviderError("cuda:0 cannot be used: there is no NVIDIA driver")

    monkeypatch.setattr(latency, "load_classifier", refuse)
    rows = run(write_model(tmp_path / "m.onnx"), device="cuda", name="net")
    assert [(row.name, row.device, row.provider, row.batch_size) for row in rows] == [
        ("net", "cuda:0", None, 1),
        ("net", "cuda:0", None, 32),
    ]
    assert all("no NVIDIA driver" in row.error for row in rows)


class Session:
    """Fails or changes its mind at one batch size."""

    def __init__(self, batch_size, failure):
        self.batch_size, self.failure, self.calls = batch_size, failure, 0

    def get_providers(self):
        return ["CPUExecutionProvider"]

    def run(self, _outputs, feed):
        images = feed["image"]
        self.calls += 1
        if len(images) == self.batch_size:
            if isinstance(self.failure, Exception):
                raise self.failure
            return [np.full(len(images), self.calls % 10)]
        return [np.zeros(len(images), np.int64)]


@pytest.mark.parametrize(
    ("failure", "message"),
    [
        (RuntimeError("Failed to allocate memory"), "cpu has not enough memory for m at batch 32"),
        (MemoryError(), "not enough memory"),
        (RuntimeError("kernel exploded"), "m fails on a batch of 32: kernel exploded"),
        ("changes", "answers to the same images changed"),
    ],
)
def test_one_failure_is_one_row(tmp_path, monkeypatch, failure, message):
    monkeypatch.setattr(latency, "create_session", lambda *_args, **_keywords: Session(32, failure))
    rows = run(write_model(tmp_path / "m.onnx"), batch_sizes=(1, 32, 3))
    assert [row.error is None for row in rows] == [True, False, True]
    assert message in rows[1].error
    assert rows[1].samples_seconds == ()


def test_a_file_that_is_no_model_raises(tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"text")
    with pytest.raises(ModelError, match="not a usable ONNX file"):
        run(tmp_path / "m.onnx")


@pytest.mark.parametrize("keywords", [{"batch_sizes": ()}, {"batch_sizes": (0,)}, {"images": IMAGES[:0]}])
def test_requests_that_make_no_sense(tmp_path, keywords):
    with pytest.raises(InputError, match="at least one image"):
        run(write_model(tmp_path / "m.onnx"), **keywords)


@pytest.mark.parametrize(("batch_size", "count"), [(1, 16), (32, 16), (4096, 4), (20_000, 2)])
def test_inputs_are_distinct_and_the_same_for_a_seed(batch_size, count):
    images = IMAGES[:, None]
    inputs = draw_inputs(images, batch_size, OWN, seed=1)
    assert len(inputs) == count
    assert {given.shape for given in inputs} == {(batch_size, 1, 28, 28)}
    assert all(np.array_equal(a, b) for a, b in zip(inputs, draw_inputs(images, batch_size, OWN, seed=1), strict=True))
    assert len({given.tobytes() for given in inputs[:4]}) > 1


def test_figures_show_only_what_the_sample_supports():
    row = LatencyResult(name="m", file="m.onnx", sha256="", device="cpu", mode="e2e", batch_size=10)
    few = with_figures(row, SteadySample(10, True, (0.5, 1.0, 1.5), "time"))
    assert (few.p50_seconds, few.p90_seconds, few.percentile_bounds) == (None, None, {})
    assert (few.mean_seconds, few.min_seconds, few.throughput, few.num_samples) == (1.0, 0.5, 10.0, 3)
    many = with_figures(row, SteadySample(12, False, tuple(i / 1000 for i in range(1, 1001)), "noise"))
    assert (many.p50_seconds, many.p90_seconds, many.p99_seconds) == (0.5, 0.9, 0.99)
    assert all(low < high for low, high in many.percentile_bounds.values())
    assert (many.warmup_calls, many.warmup_settled, many.stop_reason) == (12, False, "noise")
    still = with_figures(row, SteadySample(1, True, (0.0,), "count"))
    assert still.throughput is None
    assert dataclasses.asdict(still)["samples_seconds"] == (0.0,)
