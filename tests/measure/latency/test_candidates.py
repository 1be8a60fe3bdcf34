from __future__ import annotations

import pytest

from mnistbench.errors import ProviderError
from mnistbench.measure.latency.candidates import candidate_settings, thread_counts
from mnistbench.runtime.devices import CPU, resolve_device
from mnistbench.runtime.session import SessionSettings, provider_options


@pytest.mark.parametrize(
    ("most", "counts"),
    [
        (1, (1,)),
        (2, (1, 2)),
        (3, (1, 2, 3)),
        (4, (1, 2, 4)),
        (12, (1, 2, 4, 8, 12)),
        (64, (1, 2, 4, 8, 16, 32, 64)),
    ],
)
def test_threads_double_up_to_all(most, counts):
    assert thread_counts(most) == counts


def pairs(device, settings):
    return [(one.intra_op_num_threads, one.allow_spinning) for one in candidate_settings(device, settings)]


def test_threads_and_spinning_on_the_cpu_the_default_first():
    assert pairs(CPU, SessionSettings(6)) == [
        (6, True),
        (1, True),
        (2, True),
        (2, False),
        (4, True),
        (4, False),
        (6, False),
    ]


def test_one_thread_has_nobody_to_wait_for():
    assert pairs(CPU, SessionSettings(1)) == [(1, True)]


def test_openvino_has_threads_only():
    assert pairs(resolve_device("cpu", "openvino"), SessionSettings(4)) == [(4, True), (1, True), (2, True)]


def test_cuda_searches_algorithms_and_starts_with_what_it_has_anyway():
    device, default = resolve_device("cuda:1"), SessionSettings(8)
    tried = candidate_settings(device, default)
    key = "cudnn_conv_algo_search"
    assert [settings.provider_options[key] for settings in tried] == ["HEURISTIC", "EXHAUSTIVE", "DEFAULT"]
    assert provider_options(device, tried[0]) == provider_options(device, default)
    assert provider_options(device, tried[1]) == provider_options(device, default) | {key: "EXHAUSTIVE"}
    assert {settings.intra_op_num_threads for settings in tried} == {8}


@pytest.mark.parametrize(("device", "provider"), [("cuda:0", "tensorrt"), ("gpu:0", "openvino"), ("npu:0", "openvino")])
def test_where_nothing_is_known_to_tune(device, provider):
    with pytest.raises(ProviderError, match=f"nothing is known to tune for {device} {provider}"):
        candidate_settings(resolve_device(device, provider), SessionSettings(2))


@pytest.mark.parametrize("device", [CPU, resolve_device("cuda"), resolve_device("cpu", "openvino")])
def test_no_candidate_is_tried_twice(device):
    for most in (1, 2, 5, 16):
        tried = candidate_settings(device, SessionSettings(most, allow_spinning=False))
        assert all(tried.count(settings) == 1 for settings in tried)
        assert not tried[0].allow_spinning
