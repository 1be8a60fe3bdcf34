from __future__ import annotations

import json

import pytest
from breakdown_rows import kernel_event, node_event, run_event, trace

from mnistbench.errors import ModelError
from mnistbench.measure.breakdown import profile as module
from mnistbench.measure.breakdown.profile import Profile, parse_profile, read_profile


def micro(seconds: float) -> float:
    return round(seconds * 1e6, 6)


def test_medians_by_node_over_the_last_runs():
    # The first of four runs is warm-up; of 11, 30 and 12 the median is 12.
    found = parse_profile(trace(500, 11, 30, 12), 3)
    assert [(node.name, node.op_type, node.calls) for node in found.nodes] == [
        ("cast", "Cast", 1),
        ("fused fc1", "FusedGemm", 1),
    ]
    assert {node.provider for node in found.nodes} == {"CPUExecutionProvider"}
    # Rounded down by onnxruntime: 12 is the middle of 12 to 13, and a lone one of its microsecond.
    assert [micro(node.seconds) for node in found.nodes] == [2.5, 12.5]
    assert (micro(found.run_seconds), found.num_runs, found.by_gpu) == (32.5, 3, False)


@pytest.mark.parametrize(
    ("times", "expected"),
    [((3,), 3.5), ((3, 3, 4, 4), 4.0), ((3, 3, 3, 4), 3.666667), ((0, 0, 0), 0.5), ((3, 900, 3), 3.75)],
)
def test_a_median_lies_within_its_microsecond(times, expected):
    (_, node) = parse_profile(trace(*times), 10).nodes
    assert micro(node.seconds) == expected


def test_a_node_that_runs_several_times_is_summed_and_the_one_around_it_left_out():
    events = [
        run_event(0, 100),
        node_event("loop", "Loop", 1, 90),
        node_event("inner", "Add", 2, 10, 3),
        node_event("inner", "Add", 20, 10, 3),
        node_event("inner", "Add", 40, 5, 4),
    ]
    found = parse_profile(events, 1)
    assert [(node.name, node.calls, micro(node.seconds)) for node in found.nodes] == [
        ("inner", 2, 21.0),
        ("inner", 1, 5.5),
    ]


def test_a_node_that_most_runs_pass_by_takes_no_time():
    events = [run_event(0, 10), node_event("then", "Add", 1, 5), run_event(100, 10), run_event(200, 10)]
    (node,) = parse_profile(events, 3).nodes
    assert (node.calls, micro(node.seconds)) == (0, 0.25)


def test_events_outside_the_runs_do_not_count_whatever_their_order():
    events = [node_event("early", "Add", 5, 1), *trace(7), node_event("late", "Add", 5000, 1)]
    assert [node.name for node in parse_profile(events[::-1], 1).nodes] == ["cast", "fused fc1"]


def test_unknown_events_and_missing_arguments_are_borne():
    events = [
        *trace(7),
        {"cat": "Counter", "name": "memory", "dur": "much"},
        {"cat": "Node", "name": "x_fence_before", "dur": -1},
        {"cat": "Node", "name": None},
        {},
        node_event("bare", "", 110, 3, args={}),
        node_event("none", "", 112, 3, args=None),
        node_event("odd", "", 114, 3, args={"op_name": {"a": 1}, "provider": 3}),
    ]
    found = {node.name: node for node in parse_profile(events, 1).nodes}
    assert (found["bare"].op_type, found["bare"].provider) == ("?", "")
    assert found["none"].op_type == "?"
    assert (found["odd"].op_type, found["odd"].provider) == ("{'a': 1}", "3")


def test_a_run_with_a_negative_time_does_not_count():
    assert parse_profile(trace(10, -5, 20), 3).num_runs == 2
    with pytest.raises(ValueError, match="without a negative time"):
        parse_profile(trace(-5), 1)


def test_the_gpus_own_times_take_the_place_of_launches():
    events = [
        run_event(0, 100),
        node_event("conv1", "Conv", 1, 4),
        kernel_event("sgemm", 10, 30, op_name="Conv", parent_name="conv1_kernel_time"),
        kernel_event("bias", 45, 5, op_name="Conv", parent_name="conv1_kernel_time"),
        kernel_event("Memcpy HtoD", 0, 8),
    ]
    found = parse_profile(events, 1)
    assert found.by_gpu
    assert [(node.name, node.op_type, node.calls, micro(node.seconds)) for node in found.nodes] == [
        ("Memcpy HtoD", "Memcpy HtoD", 1, 8.5),
        ("conv1", "Conv", 2, 36.0),
    ]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({}, "expected a list"),
        (None, "expected a list"),
        ([], "no run of the model"),
        ([3], "expected an object"),
        ([node_event("a", "Add", 1, 1)], "no run of the model"),
        ([run_event(0, 10), node_event("a", "Add", "1", 1)], "expected a number"),
        ([run_event(0, 10), node_event("a", "Add", 1, None)], "expected a number"),
        ([run_event(0, 10), node_event("a", "Add", 1, True)], "expected a number"),
        ([run_event(0, 10), node_event("a", "Add", 1, float("nan"))], "finite"),
        ([run_event(0, 10), node_event("a", "Add", 1, float("inf"))], "finite"),
        ([run_event(0, 10), node_event("a", "Add", 1, 10**400)], "finite"),
        ([run_event(0, 10, args="text")], "expected an object"),
        ([run_event(float("nan"), 10)], "finite"),
    ],
)
def test_a_damaged_profile_is_an_error_of_its_own_kind(tmp_path, document, message):
    with pytest.raises((TypeError, ValueError), match=message):
        parse_profile(document, 5)
    path = tmp_path / "profile.json"
    path.write_text(json.dumps(document))
    with pytest.raises(ModelError, match=f"{message}|is no number of JSON|too large"):
        read_profile(path, 5)


@pytest.mark.parametrize(
    "content",
    [b"", b"[", b"\xff", b'[{"name": "a "quoted" node"}]', b'["a\nb"]', b"[" * 5000, b"[" * 200 + b"]" * 200],
    ids=["empty", "cut", "no UTF-8", "quotation marks", "line break", "deep and cut", "deep"],
)
def test_a_file_that_is_no_json_is_an_error_that_says_what_to_do(tmp_path, content):
    path = tmp_path / "profile.json"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="rename the node"):
        read_profile(path, 1)
    with pytest.raises(ModelError, match="No such file"):
        read_profile(tmp_path / "nothing.json", 1)


def test_a_file_is_read_up_to_a_limit(tmp_path, monkeypatch):
    path = tmp_path / "profile.json"
    path.write_text(json.dumps(trace(7)))
    assert read_profile(path, 1).num_runs == 1
    monkeypatch.setattr(module, "LARGEST_PROFILE", 100)
    with pytest.raises(ModelError, match="larger than 100 bytes"):
        read_profile(path, 1)


def test_no_runs_asked_for_is_none_found():
    with pytest.raises(ValueError, match="no run"):
        parse_profile(trace(7), 0)


def test_a_profile_comes_back_from_json():
    found = parse_profile(trace(7, 8), 2)
    assert Profile.from_dict(json.loads(json.dumps(found.as_dict()))) == found
