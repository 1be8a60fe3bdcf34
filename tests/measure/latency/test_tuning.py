from __future__ import annotations

import contextlib

import pytest
from latency_models import IMAGES, PLAN, measured, write_model, write_other
from test_results import ENVIRONMENT

from mnistbench.errors import ModelError, ProviderError
from mnistbench.measure.latency.bench import Bench
from mnistbench.measure.latency.tuning import run_tuning
from mnistbench.results import TuningResult
from mnistbench.runtime.devices import CPU, resolve_device
from mnistbench.runtime.session import SessionSettings

FASTEST = {(1, True): 0.9, (2, True): 0.5, (2, False): 0.7, (4, True): 1.0, (4, False): 3.0}


class Runner:
    """Stands for processes: the time depends on the settings, and a little on how often it was asked."""

    def __init__(self, seconds) -> None:
        self.seconds = seconds
        self.asked: list = []

    def __call__(self, request):
        self.asked.append(request)
        found = self.seconds(request)
        if isinstance(found, Exception):
            raise found
        found *= 1 + 0.002 * (len(self.asked) % 3)
        return measured(*[found] * 5, p50_seconds=found)


def by_threads(request):
    return FASTEST[request.settings.intra_op_num_threads, request.settings.allow_spinning]


def tune(files, seconds=by_threads, **changes):
    values = {
        "devices": [CPU],
        "modes": ["e2e"],
        "batch_sizes": (1,),
        "plan": PLAN,
        "processes": 5,
        "settings": SessionSettings(4),
        "images": IMAGES,
    }
    callbacks = {key: changes.pop(key) for key in ("on_progress", "on_note") if key in changes}
    runner, kept = Runner(seconds), []
    found = run_tuning(
        Bench(**(values | changes)),
        files,
        ENVIRONMENT,
        keep=kept.append,
        make_runner=lambda _images: contextlib.nullcontext(runner),
        **callbacks,
    )
    assert kept == found
    return found, runner


@pytest.fixture
def file(tmp_path):
    return (write_model(tmp_path / "m.onnx"), "m")


def test_the_fastest_settings_are_found(file):
    (result,), runner = tune([file])
    assert (result.name, result.device, result.provider, result.mode, result.batch_size) == (
        "m",
        "cpu",
        "cpu",
        "e2e",
        1,
    )
    assert (result.baseline, result.candidates[0].intra_op_num_threads) == (0, 4)
    assert result.settings == {"intra_op_num_threads": 2, "allow_spinning": True, "provider_options": {}}
    assert (result.verdict, result.error, result.reference) == ("FASTER", None, None)
    assert result.gain == pytest.approx(2, rel=0.01)
    assert result.environment == ENVIRONMENT
    assert result.asked["processes"] == 5
    assert TuningResult.from_dict(result.as_dict()) == result
    assert {request.plan for request in runner.asked} == {PLAN}


def test_slow_candidates_are_dropped_and_the_default_stays(file):
    (result,), runner = tune([file])
    rounds = {(one.intra_op_num_threads, one.allow_spinning): len(one.process_seconds) for one in result.candidates}
    assert rounds == {(4, True): 5, (1, True): 1, (2, True): 5, (2, False): 2, (4, False): 1}
    assert len(runner.asked) == sum(rounds.values())


def test_the_order_rotates_from_round_to_round(file):
    _, runner = tune([file], lambda _request: 1.0)
    order = [(request.settings.intra_op_num_threads, request.settings.allow_spinning) for request in runner.asked]
    first = order[:5]
    assert [order[start : start + 5] for start in range(0, 25, 5)] == [first[i:] + first[:i] for i in range(5)]


def test_where_all_are_alike_the_cheapest_is_taken(file):
    (result,), _ = tune([file], lambda _request: 1.0)
    assert (result.settings["intra_op_num_threads"], result.verdict) == (1, "SAME")


def test_it_is_said_what_is_measured_next_and_how_much_is_left(file):
    seen = []
    tune([file], on_progress=lambda task, done, total: seen.append((task.request.settings, done, total)))
    assert [done for _, done, _ in seen] == list(range(len(seen)))
    assert seen[0] == (SessionSettings(4), 0, 25)
    assert seen[-1][2] == len(seen)


def test_every_device_and_batch_is_tuned_by_itself(tmp_path, file):
    other = (write_model(tmp_path / "other.onnx"), "other")
    devices = [CPU, resolve_device("cpu", "openvino")]
    found, _ = tune([file, other], lambda _request: 1.0, devices=devices, batch_sizes=(1, 32))
    assert [(one.name, one.provider, one.batch_size) for one in found] == [
        (name, provider, size) for name in ("m", "other") for provider in ("cpu", "openvino") for size in (1, 32)
    ]


def test_a_fixed_batch_is_tuned_once_and_that_is_said(tmp_path, file):
    notes = []
    files = [(write_model(tmp_path / "four.onnx", batch=4), "four"), file]
    found, _ = tune(files, lambda _request: 1.0, batch_sizes=(1, 32), on_note=notes.append)
    assert [(one.name, one.batch_size, one.error) for one in found] == [
        ("four", 4, None),
        ("m", 1, None),
        ("m", 32, None),
    ]
    assert notes == ["four takes batches of 4 only"]


@pytest.mark.parametrize("mode", ["e2e", "bound"])
def test_cuda_searches_the_algorithm(file, mode):
    times = {"HEURISTIC": 1.0, "EXHAUSTIVE": 0.8, "DEFAULT": 2.0}
    (result,), runner = tune(
        [file],
        lambda request: times[request.settings.provider_options["cudnn_conv_algo_search"]],
        devices=[resolve_device("cuda:1")],
        modes=[mode],
    )
    assert result.settings["provider_options"] == {"cudnn_conv_algo_search": "EXHAUSTIVE"}
    assert {(request.device, request.mode) for request in runner.asked} == {("cuda:1", mode)}
    assert result.reference is None


def test_a_graph_is_compared_with_bound_but_not_ranked_with_it(file):
    def seconds(request):
        return {"graph": 1.0, "bound": 0.1}[request.mode]

    (result,), runner = tune([file], seconds, devices=[resolve_device("cuda")], modes=["graph"])
    assert result.best == result.baseline == 0
    assert [len(one.process_seconds) for one in result.candidates] == [5, 5, 5]
    assert result.reference.p50_seconds == pytest.approx(0.1, rel=0.01)
    bound = [request for request in runner.asked if request.mode == "bound"]
    assert len(bound) == 5
    assert {request.settings for request in bound} == {runner.asked[0].settings}


def test_a_candidate_that_fails_is_left_out(file):
    def seconds(request):
        return ProviderError("no memory") if request.settings.intra_op_num_threads == 2 else by_threads(request)

    (result,), runner = tune([file], seconds)
    assert [one.error for one in result.candidates].count("no memory") == 2
    assert result.settings["intra_op_num_threads"] == 1
    assert sum(request.settings.intra_op_num_threads == 2 for request in runner.asked) == 2


def test_the_default_may_fail_and_another_not(file):
    def seconds(request):
        return ProviderError("no memory") if request.settings == SessionSettings(4) else 1.0

    (result,), _ = tune([file], seconds)
    assert (result.gain, result.error, result.settings["intra_op_num_threads"]) == (None, None, 1)
    assert result.candidates[0].error == "no memory"


def test_what_fails_everywhere_is_a_result_with_the_error(file):
    (result,), runner = tune([file], lambda _request: ProviderError("no memory"))
    assert (result.error, result.best, result.settings) == ("no memory", None, None)
    assert len(runner.asked) == 5
    assert TuningResult.from_dict(result.as_dict()) == result


def test_where_nothing_can_be_tuned_nothing_is_measured(file):
    (result,), runner = tune([file], devices=[resolve_device("cuda", "tensorrt")])
    assert "nothing is known to tune" in result.error
    assert runner.asked == []


def test_a_broken_file_is_a_result_unless_it_is_the_only_one(tmp_path, file):
    bad = tmp_path / "bad.onnx"
    bad.write_bytes(b"text")
    found, _ = tune([(bad, "bad"), file])
    assert [(one.name, one.error is None) for one in found] == [("m", True), ("bad", False)]
    with pytest.raises(ModelError, match="not a usable ONNX file"):
        tune([(bad, "bad")])


def test_a_model_with_one_batch_size_is_tuned_for_that(tmp_path):
    notes = []
    found, _ = tune([(write_other(tmp_path / "o.onnx", shape=(7, 3)), "o")], on_note=notes.append, batch_sizes=(1, 32))
    assert [one.batch_size for one in found] == [7]
    assert "does not read digits" in notes[0]


def test_a_mode_that_no_device_has(file):
    with pytest.raises(ProviderError, match="CUDA graph"):
        tune([file], modes=["graph"])


def test_what_was_found_before_an_interruption_is_kept(file):
    kept = []

    def runner(request):
        if request.batch_size == 2:
            raise KeyboardInterrupt
        return measured(*[1.0] * 5)

    bench = Bench([CPU], ["e2e"], (1, 2), PLAN, 3, SessionSettings(2), images=IMAGES)
    with pytest.raises(KeyboardInterrupt):
        run_tuning(
            bench,
            [file],
            ENVIRONMENT,
            keep=kept.append,
            make_runner=lambda _images: contextlib.nullcontext(runner),
        )
    assert [one.batch_size for one in kept] == [1]


def test_a_process_is_given_the_options_of_the_candidate(file):
    from mnistbench.measure.latency.request import Request

    _, runner = tune([file], lambda _request: 1.0, devices=[resolve_device("cuda")])
    request = runner.asked[1]
    again = Request.from_dict(request.as_dict())
    assert again == request
    assert dict(again.settings.provider_options) == {"cudnn_conv_algo_search": "EXHAUSTIVE"}


def test_a_device_without_the_mode_is_a_result_that_says_so(file):
    found, _ = tune([file], lambda _request: 1.0, devices=[CPU, resolve_device("cuda:0")], modes=["graph"])
    assert [(one.device, one.mode, one.batch_size, one.error is None) for one in found] == [
        ("cuda:0", "graph", 1, True),
        ("cpu", "graph", 0, False),
    ]
    assert "which cpu does not have" in found[1].error


def test_every_result_names_its_file_from_the_current_folder_on(tmp_path, file, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.onnx").write_bytes(b"text")
    devices = [CPU, resolve_device("cuda")]
    found, _ = tune([(tmp_path / "bad.onnx", "bad"), file], lambda _request: 1.0, devices=devices, modes=["graph"])
    assert [(one.name, one.file, one.error is None) for one in found] == [
        ("m", "m.onnx", True),
        ("bad", "bad.onnx", False),
        ("m", "m.onnx", False),
    ]
