"""GPUs that nobody has: what nvidia-smi would print of them, which are alike, and which one is measured."""

from __future__ import annotations

import dataclasses
import random

import pytest

from mnistbench.measure.gpus import find_gpus, group_gpus, label_of, parse_gpus, plan_gpus, why_busy
from mnistbench.results import GpuFacts

LISTED = """GPU-a, NVIDIA H200, 700.00, 590.10, 5, 143771, Disabled
GPU-b, Tesla, the first, [N/A], 590.10, 4000, 16384, [N/A]
GPU-c, NVIDIA A100, 400.00, 590.10, 5, 81920, Enabled
"""
INSTANCES = """GPU 0: NVIDIA H200 (UUID: GPU-a)
GPU 1: Tesla, the first (UUID: GPU-b)
GPU 2: NVIDIA A100 (UUID: GPU-c)
  MIG 1g.10gb     Device  0: (UUID: MIG-1)
  MIG 2g.20gb     Device  1: (UUID: MIG-2)
"""


def parse(listed: str = LISTED, processes: str = "", instances: str = INSTANCES) -> tuple[GpuFacts, ...]:
    return parse_gpus(listed, processes, instances, node="n", cuda="13.0", onnxruntime="1.31.1")


def gpu(uuid: str = "GPU-1", **changes) -> GpuFacts:
    return GpuFacts(
        **(
            {
                "node": "",
                "uuid": uuid,
                "name": "X",
                "mig": "",
                "power_limit_watts": 300.0,
                "driver": "590",
                "cuda": "13.0",
                "onnxruntime": "1.31",
            }
            | changes
        )
    )


def test_what_nvidia_smi_prints_is_understood():
    h200, tesla, *parts = parse(processes="GPU-a, 4711\nGPU-a, 4712\nGPU-c, 1\n")
    assert h200 == GpuFacts(
        "n", "GPU-a", "NVIDIA H200", "", 700.0, "590.10", "13.0", "1.31.1", 2, 5 << 20, 143771 << 20
    )
    assert (tesla.name, tesla.power_limit_watts, tesla.memory_used_bytes) == ("Tesla, the first", None, 4000 << 20)
    # A divided GPU is its instances, which are busy when it is.
    assert [(part.uuid, part.name, part.mig, part.processes) for part in parts] == [
        ("MIG-1", "NVIDIA A100", "1g.10gb", 1),
        ("MIG-2", "NVIDIA A100", "2g.20gb", 1),
    ]
    assert [one.parent for one in (h200, tesla, *parts)] == ["", "", "GPU-c", "GPU-c"]


@pytest.mark.parametrize(
    ("processes", "count"), [("MIG-2, 1\n", 1), ("GPU-c, 1\nMIG-1, 2\nMIG-2, 3", 3), ("MIG-9, 1", 0)]
)
def test_an_instance_is_busy_when_any_part_of_its_gpu_is(processes, count):
    assert [part.processes for part in parse(processes=processes)] == [0, 0, count, count]


@pytest.mark.parametrize(
    "text",
    ["", "\n", "No devices were found\n", "GPU-a, X\n", "a,b,c,d,e,f,g\n", "NVIDIA-SMI has failed, 1, 2, 3, 4, 5, 6"],
)
def test_other_words_are_no_gpu(text):
    assert parse(text) == ()


@pytest.mark.parametrize("text", ["nan", "-1", "1e99", "", "x"])
def test_numbers_that_are_none_are_unknown(text):
    (found,) = parse(f"GPU-a, X, {text}, 590, {text}, {text}, Disabled")
    assert (found.power_limit_watts, found.memory_used_bytes, found.memory_bytes) == (None, 0, 0)


def test_a_divided_gpu_without_instances_is_nothing_to_measure():
    assert parse("GPU-c, NVIDIA A100, 400.00, 590.10, 5, 81920, Enabled") != ()
    assert parse("GPU-c, NVIDIA A100, 400.00, 590.10, 5, 81920, Enabled", instances="") == ()


def test_a_machine_without_a_driver_has_none():
    assert find_gpus(run=lambda _command: None) == ()


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Y"},
        {"mig": "1g.10gb"},
        {"power_limit_watts": 250.0},
        {"power_limit_watts": None},
        {"driver": "591"},
        {"cuda": "12.8"},
        {"onnxruntime": "1.30"},
    ],
)
def test_gpus_that_differ_in_anything_that_matters_are_measured_each(change):
    assert len(group_gpus([gpu(), gpu("GPU-2", **change)])) == 2


@pytest.mark.parametrize(
    "change", [{"node": "other"}, {"memory_used_bytes": 1 << 29}, {"power_limit_watts": 300.2}, {"memory_bytes": 7}]
)
def test_gpus_that_differ_in_nothing_that_matters_are_one_kind(change):
    assert len(group_gpus([gpu(), gpu("GPU-2", **change)])) == 1


def test_no_gpus_are_no_groups():
    assert group_gpus([]) == ()
    assert plan_gpus([], allow_busy=True) == ()


def test_the_order_in_which_they_were_found_does_not_matter():
    gpus = [
        gpu(f"GPU-{number}", name="XYZ"[number % 3], processes=number % 2, node=f"n{number % 5}")
        for number in range(30)
    ]
    expected = group_gpus(gpus)
    random.Random(1).shuffle(gpus)
    assert group_gpus(gpus) == expected
    assert sorted(one.uuid for group in expected for one in group) == sorted(one.uuid for one in gpus)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({}, None),
        ({"memory_used_bytes": 1 << 30}, None),
        ({"processes": 1}, "1 other process on it"),
        ({"processes": 2}, "2 other processes on it"),
        ({"memory_used_bytes": 3 << 30}, "3.0 GiB of its memory are in use"),
    ],
)
def test_who_else_uses_a_gpu(change, text):
    assert why_busy(gpu(**change)) == text


def test_an_idle_gpu_of_a_kind_is_taken_and_a_busy_kind_is_refused_or_flagged():
    busy, idle = gpu("GPU-1", processes=1), gpu("GPU-2")
    other = gpu("GPU-3", name="Y", processes=1)
    first, second = plan_gpus([busy, idle, other], allow_busy=False)
    assert ([one.uuid for one in first.gpus], first.error, first.caution) == (["GPU-2", "GPU-1"], None, None)
    assert second.error is not None
    assert "--allow-busy" in second.error
    first, second = plan_gpus([busy, idle, other], allow_busy=True)
    assert (first.caution, second.error) == (None, None)
    assert second.caution == "measured while busy: 1 other process on it"


def test_a_label_says_what_tells_it_apart():
    assert label_of(gpu()) == "X, 300 W"
    assert label_of(dataclasses.replace(gpu(), mig="1g.10gb", node="n1", power_limit_watts=None)) == "X (1g.10gb), n1"
