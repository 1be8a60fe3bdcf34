from __future__ import annotations

import sys

import pytest

from mnistbench.measure.conditions import Watch, worries


class Proc:
    """/proc, whose counters move on at each look."""

    def __init__(self, *stats, cpuinfo="cpu MHz\t: 2000.000\ncpu MHz\t: 3000.000\n", loadavg="0.50 0.4 0.3 1/2 3\n"):
        self.stats, self.cpuinfo, self.loadavg = list(stats), cpuinfo, loadavg

    def __call__(self, path):
        if path == "/proc/stat":
            return self.stats.pop(0) if self.stats else None
        return {"/proc/cpuinfo": self.cpuinfo, "/proc/loadavg": self.loadavg}[path]


def watch(*stats, own=(0.0, 0.0), gpu=None, **proc):
    times = list(own)
    return Watch.start(read=Proc(*stats, **proc), own_time=lambda: times.pop(0), gpu=gpu)


def test_what_others_and_the_host_took():
    # 1000 ticks: 500 busy, 400 idle, 100 stolen; 3 s of the 5 s busy were ours.
    before, after = "cpu  100 0 100 1000 0 0 0 50 0 0\ncpu0 ...", "cpu  500 0 200 1300 100 0 0 150 0 0\n"
    found = watch(before, after, own=(1.0, 4.0)).until_now()
    assert found["cpu_steal_fraction"] == 0.1
    assert found["cpu_others_fraction"] == 0.2
    assert (found["cpu_mhz"], found["load_1min"]) == (2500.0, 0.5)


@pytest.mark.parametrize(
    "stats",
    [
        (),
        ("cpu  1 2 3\n", "cpu  4 5 6\n"),
        ("text", "text"),
        ("cpu  1 0 0 1 0 0 0 0\n", "cpu  1 0 0 1 0 0 0 0\n"),
        ("cpu  9 0 0 9 0 0 0 0\n", "cpu  1 0 0 99 0 0 0 0\n"),
    ],
)
def test_what_cannot_be_found_out_is_left_out(stats):
    found = watch(*stats, cpuinfo=None, loadavg=None).until_now()
    assert not {"cpu_steal_fraction", "cpu_others_fraction", "cpu_mhz", "load_1min", "gpu"} & found.keys()
    assert worries(found) == {}


def test_more_time_of_our_own_than_all_is_no_negative_part():
    found = watch("cpu  0 0 0 0 0 0 0 0\n", "cpu  50 0 0 50 0 0 0 0\n", own=(0.0, 9.0)).until_now()
    assert found["cpu_others_fraction"] == 0.0


class Gpu:
    def __init__(self, *looks):
        self.looks = list(looks)

    def look(self):
        return self.looks.pop(0)


def test_a_gpu_is_looked_at_before_and_after():
    found = watch(gpu=Gpu({"sm_mhz": 1980}, {"sm_mhz": 1200, "throttle_reasons": ["power_cap"]})).until_now()
    assert found["gpu"]["before"] == {"sm_mhz": 1980}
    assert worries(found) == {"the GPU's clock was held down": "power_cap"}
    assert "gpu" not in watch(gpu=Gpu({}, {})).until_now()


@pytest.mark.parametrize(
    ("conditions", "worry"),
    [
        ({}, {}),
        ({"cpu_steal_fraction": 0.01, "cpu_others_fraction": 0.05}, {}),
        ({"cpu_steal_fraction": 0.12}, {"the host took the processors away": "12%"}),
        ({"cpu_others_fraction": 0.456}, {"other programs used the processors": "46%"}),
        ({"gpu": {"before": {"throttle_reasons": ["gpu_idle"]}, "after": {}}}, {}),
        ({"gpu": {"before": {"other_processes": 2}}}, {"other processes were on the GPU": "2"}),
    ],
)
def test_worries(conditions, worry):
    assert worries(conditions) == worry


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_the_real_machine():
    found = Watch.start().until_now()
    assert found["involuntary_switches"] >= 0
    assert found["load_1min"] >= 0
