from __future__ import annotations

import dataclasses
import hashlib
import json

import pytest
from latency_models import IMAGES, PLAN, TickingClock, measured, write_model, write_other, write_parts
from onnx import TensorProto

from mnistbench.errors import InputError, ModelError, ProcessError, ProviderError
from mnistbench.measure.latency.inputs import parse_shape
from mnistbench.measure.latency.subject import Subject, inspect_model
from mnistbench.measure.latency.sweep import Sweep, make_task, measure_latency
from mnistbench.results import STOPPED, LatencyResult
from mnistbench.runtime.devices import CPU, resolve_device
from mnistbench.runtime.session import SessionSettings
from mnistbench.runtime.untrusted.limits import Limits


def run(path, batch_sizes=(1, 32), **keywords):
    settings = {"images": IMAGES, "plan": PLAN, "clock": TickingClock(), "settings": SessionSettings(1)}
    return measure_latency(path, batch_sizes=batch_sizes, **(settings | keywords))


METADATA = {"mnistbench.notation": "10", "mnistbench.dropout": "0", "mnistbench.test_error_rate": "0.0059"}


def test_every_batch_size_gets_its_row(tmp_path):
    path = write_model(tmp_path / "m.onnx", metadata=METADATA)
    rows = run(path)
    assert [row.batch_size for row in rows] == [1, 32]
    for row in rows:
        assert (row.name, row.device, row.mode, row.provider) == ("m", "cpu", "e2e", "CPUExecutionProvider")
        assert row.error is None
        assert row.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert (row.notation, row.dropout, row.error_rate, row.num_parameters) == ("10", 0.0, 0.0059, 7840)
        assert row.session_seconds == row.first_call_seconds == row.p50_seconds == row.p90_seconds == 0.001
        assert row.throughput == pytest.approx(row.batch_size / 0.001)
        assert row.p99_seconds is None
        assert row.options["intra_op_num_threads"] == 1
        assert (row.options["input"]["layout"], row.options["provider"]) == ("N1HW", "cpu")
        assert LatencyResult.from_dict(json.loads(json.dumps(row.as_dict()))) == row


@pytest.mark.parametrize("text", ["nan", "2", "-1", "much", ""])
def test_an_error_rate_that_is_none_is_left_out(tmp_path, text):
    path = write_model(tmp_path / "m.onnx", metadata={"mnistbench.test_error_rate": text})
    assert run(path, (1,))[0].error_rate is None


@pytest.mark.parametrize("fixed", [1, 4, 8])
@pytest.mark.parametrize("batch_sizes", [(1, 4, 16), (4,), (1,)])
def test_a_fixed_batch_is_measured_once_whatever_was_asked_for(tmp_path, fixed, batch_sizes):
    (row,) = run(write_model(tmp_path / "fixed.onnx", batch=fixed), batch_sizes=batch_sizes)
    assert (row.error, row.batch_size) == (None, fixed)
    assert row.options["input"]["batch_size"] == fixed
    assert row.throughput == pytest.approx(fixed / 0.001)


def test_a_device_that_is_missing_gives_error_rows(tmp_path):
    rows = run(write_model(tmp_path / "m.onnx"), device="cuda:7", name="net")
    assert [(row.name, row.device, row.provider, row.batch_size) for row in rows] == [
        ("net", "cuda:7", None, 1),
        ("net", "cuda:7", None, 32),
    ]
    assert all("cuda:7" in row.error for row in rows)
    assert rows[0].options["provider"] == "cuda"


def test_a_file_that_is_no_model_raises(tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"text")
    with pytest.raises(ModelError, match="not a usable ONNX file"):
        run(tmp_path / "m.onnx")


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"batch_sizes": ()}, "one batch size at least"),
        ({"batch_sizes": (0,)}, "one batch size at least"),
        ({"images": IMAGES[:0]}, "at least one image"),
    ],
)
def test_requests_that_make_no_sense(tmp_path, keywords, message):
    with pytest.raises(InputError, match=message):
        run(write_model(tmp_path / "m.onnx"), **keywords)


def test_a_model_that_reads_no_digits_is_given_tensors(tmp_path):
    path = write_other(tmp_path / "m.onnx", shape=("batch", 3, 5))
    rows = run(path)
    assert [(row.error, row.batch_size) for row in rows] == [(None, 1), (None, 32)]
    assert rows[0].options["input"]["shapes"] == {"x": [None, 3, 5]}
    with pytest.raises(ModelError, match="--shape x=Nx3x8x"):
        inspect_model(write_other(tmp_path / "open.onnx"))
    with pytest.raises(ModelError, match="not the layout"):  # what is said of a layout is about digits
        inspect_model(path, layout="N1HW")
    fixed = inspect_model(write_other(tmp_path / "open.onnx"), shapes=dict([parse_shape("2x3x8x4")]))
    sweep = Sweep([Subject(fixed, CPU, "e2e")], (1, 32, 256), plan=PLAN)
    assert [task.row.batch_size for task in sweep.tasks] == [2]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "no output that is a tensor of numbers or bool"),
        ({"rows": 0}, "no output that is a tensor"),
        ({"dtype": TensorProto.STRING}, r"the input 'x' is a tensor\(string\); only tensors of numbers"),
    ],
)
def test_what_can_be_given_no_tensors_is_not_told_to_take_digits(tmp_path, changes, message):
    with pytest.raises(ModelError, match=message) as caught:
        inspect_model(write_parts(tmp_path / "m.onnx", **changes))
    assert "28x28" not in str(caught.value)


def sweep_of(tmp_path, batches=(1, 2), names=("a", "b")):
    models = [inspect_model(write_model(tmp_path / f"{name}.onnx")) for name in names]
    return Sweep([Subject(model, CPU, "e2e") for model in models], batches, plan=PLAN, settings=SessionSettings(1))


def test_rounds_measure_everything_in_an_order_that_rotates(tmp_path):
    seen, progress = [], []

    def runner(request):
        seen.append((request.name, request.batch_size))
        return measured(*[1.0] * 20)

    sweep = sweep_of(tmp_path)
    rows = sweep.run(runner, rounds=4, on_progress=lambda task, done, total: progress.append((done, total)))
    everything = [("a", 1), ("a", 2), ("b", 1), ("b", 2)]
    assert [seen[i : i + 4] for i in range(0, 16, 4)] == [everything[i:] + everything[:i] for i in range(4)]
    assert [(row.name, row.batch_size) for row in rows] == everything
    assert all(len(row.processes) == 4 and row.num_samples == 80 for row in rows)
    assert progress == [(number, 16) for number in range(16)]


def test_what_the_processes_do_not_agree_on_is_measured_more_often(tmp_path):
    seen, progress = [], []

    def runner(request):
        count = seen.count(request.batch_size)
        seen.append(request.batch_size)
        # Batch 2 is disturbed in every process but the fourth and those after the sixth.
        disturbed = request.batch_size == 2 and count not in (3, 6, 7, 8, 9)
        return measured(*[1.5 + 0.1 * count if disturbed else 1.0] * 20)

    sweep = sweep_of(tmp_path, names=("a",))
    rows = sweep.run(
        runner, rounds=3, most_rounds=20, on_progress=lambda task, done, total: progress.append((done, total))
    )
    assert len(rows[0].processes) == 3
    assert 7 < len(rows[1].processes) < 20
    assert rows[1].undisturbed_seconds == 1.0
    assert all(done < total for done, total in progress)
    assert [done for done, _ in progress] == list(range(len(seen)))


def test_it_ends_where_they_never_agree_and_goes_on_with_nothing_that_failed(tmp_path):
    seen = []

    def runner(request):
        seen.append(request.name)
        if request.name == "b" and seen.count("b") == 4:
            raise ModelError("changed")
        return measured(*[1.0 + len(seen)] * 20)

    rows = sweep_of(tmp_path, batches=(1,)).run(runner, rounds=3, most_rounds=6)
    assert (len(rows[0].processes), rows[1].error) == (6, "changed")
    assert (seen.count("a"), seen.count("b")) == (6, 4)


def test_one_failure_is_one_row_and_is_not_tried_again(tmp_path):
    seen = []

    def runner(request):
        seen.append((request.name, request.batch_size))
        if (request.name, request.batch_size) == ("a", 2) and len(seen) > 4:
            raise ProviderError("out of memory")
        return measured(*[1.0] * 20)

    rows = sweep_of(tmp_path).run(runner, rounds=3)
    assert [row.error for row in rows] == [None, "out of memory", None, None]
    assert rows[1].samples_seconds == ()
    assert seen.count(("a", 2)) == 2
    assert seen.count(("b", 2)) == 3


@pytest.mark.parametrize(
    ("error", "kept"), [(ProcessError("killed"), True), (OSError("no memory"), True), (ModelError("changed"), False)]
)
def test_a_process_that_dies_costs_only_its_own_figures(tmp_path, error, kept):
    seen = []

    def runner(request):
        seen.append(request)
        if len(seen) == 3:
            raise error
        return measured(*[1.0] * 20)

    (row,) = sweep_of(tmp_path, batches=(1,), names=("a",)).run(runner, rounds=5)
    assert len(seen) == 3
    assert (row.num_samples, row.error is None) == ((40, True) if kept else (0, False))
    assert str(error) in str(row.options.get(STOPPED) or row.error)


def test_what_was_measured_before_an_interruption_can_be_had(tmp_path):
    def runner(request):
        if request.batch_size == 2:
            raise KeyboardInterrupt
        return measured(*[1.0] * 20)

    sweep = sweep_of(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        sweep.run(runner)
    rows = sweep.results()
    assert rows[0].p50_seconds == 1.0
    assert {row.error for row in rows[1:]} == {"not measured: it was stopped before"}


def test_a_subject_says_what_its_device_is_given(tmp_path):
    model = inspect_model(write_model(tmp_path / "m.onnx"))
    row = Subject(model, resolve_device("cuda:2"), "graph").blank(8, SessionSettings(1), seed=4)
    assert row.options["provider_options"]["device_id"] == "2"
    assert (row.mode, row.batch_size, row.options["seed"]) == ("graph", 8, 4)


@pytest.mark.parametrize(("seconds", "patience"), [(None, 60.0), (60.0, 10.0), (6000.0, 60.0), (1.5, 0.25)])
def test_a_strangers_slow_model_is_waited_for_less(tmp_path, seconds, patience):
    model = inspect_model(write_model(tmp_path / "m.onnx"))
    model = dataclasses.replace(model, untrusted=None if seconds is None else Limits(seconds=seconds))
    task = make_task(Subject(model, CPU, "e2e"), 1, PLAN, SessionSettings(1), seed=1)
    assert task.request.plan.patience_seconds == patience
    assert dataclasses.replace(task.request.plan, patience_seconds=PLAN.patience_seconds) == PLAN
