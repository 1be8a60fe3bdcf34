from __future__ import annotations

import dataclasses

import pytest
from doctor_machines import CPU, GPU, WITH_GPU

from mnistbench.measure.doctor.hardware import check_cpu, check_gpus, cpu_quota

GOVERNOR = "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"


def files(cgroup=None, **limits):
    """Files of a control group: ``limits`` by path below the root, ``root`` for its own."""
    found = {f"/sys/fs/cgroup{'' if path == 'root' else path}/cpu.max": text for path, text in limits.items()}
    if cgroup is not None:
        found["/proc/self/cgroup"] = cgroup
    return found.get


@pytest.mark.parametrize(
    ("read", "quota"),
    [
        (files(), None),
        (files("0::/\n", root="max 100000\n"), None),
        (files("0::/\n", root="150000 100000\n"), 1.5),
        (files(root="200000 100000"), 2.0),
        (files("0::/a/b\n", **{"/a/b": "max 100000", "/a": "50000 100000", "root": "max 1"}), 0.5),
        (files("0::/a/b\n", **{"/a/b": "400000 100000", "/a": "300000 100000"}), 3.0),
        (files("4:memory:/x\n0::/../..\n", root="100000 100000"), 1.0),
        (files("0::/\n", root="100000 0"), None),
        (files("0::/\n", root="-1 100000"), None),
        (files("0::/\n", root="100000"), None),
        (files("0::/\n", root=f"{'9' * 400} 1"), None),
        (files("garbage", root="\x00"), None),
    ],
)
def test_the_quota_is_the_tightest_of_all_groups_above(read, quota):
    assert cpu_quota(read) == quota


@pytest.mark.parametrize(
    ("limit", "remedies"),
    [
        ("100000 100000", ["mnistbench bench lenet5 --threads 1"]),
        ("50000 100000", ["mnistbench bench lenet5 --threads 1"]),
        ("199000 100000", ["mnistbench bench lenet5 --threads 1"]),
        ("200000 100000", []),
        ("max 100000", []),
    ],
)
def test_a_quota_below_the_usable_processors_is_a_note(limit, remedies):
    found = [one for one in check_cpu(CPU, 8, files(root=limit)) if one.subject == "CPU quota"]
    assert [one.remedy for one in found] == remedies
    assert all(one.severity == "note" for one in found)


@pytest.mark.parametrize(("governor", "notes"), [("powersave\n", 1), ("performance\n", 0), ("", 0), (None, 0)])
def test_a_governor_that_changes_clocks_is_a_note(governor, notes):
    found = [one for one in check_cpu(CPU, 8, {GOVERNOR: governor}.get) if one.subject == "CPU clock"]
    assert [one.severity for one in found] == ["note"] * notes


def test_the_cpu_and_its_instruction_sets():
    (cpu,) = check_cpu(CPU, 8, {}.get)
    assert cpu.text == "Intel Xeon; 2 of 8 processors usable; AVX2, AVX-512, AMX BF16"
    (cpu,) = check_cpu(dataclasses.replace(CPU, cpu_features=("asimd",)), None, {}.get)
    assert cpu.text == "Intel Xeon; 2 processors usable; NEON"
    _, old = check_cpu(dataclasses.replace(CPU, cpu_features=("sse4_2", "avx")), 2, {}.get)
    assert (old.severity, "no AVX2" in old.text) == ("note", True)


@pytest.mark.parametrize(
    ("said", "severities"),
    [
        (None, ["ok"]),
        ("0, 3, 500\n", ["ok"]),
        ("0, 97, 81000\n", ["ok", "note"]),
        ("1, 97, 81000\n", ["ok"]),
        ("0, [N/A], [N/A]\ngarbage, , \n", ["ok"]),
    ],
)
def test_a_gpu_in_use_is_a_note(said, severities):
    found = check_gpus(WITH_GPU, lambda command: said)
    assert [one.severity for one in found] == severities
    assert found[0].text == "H200, 139 GiB, driver 580.1"
    assert found[0].subject == "GPU 0"


def test_no_gpu_is_a_note_and_one_that_says_little_is_no_error():
    assert [one.severity for one in check_gpus(CPU, lambda command: None)] == ["note"]
    silent = dataclasses.replace(CPU, gpus=({**GPU, "memory_bytes": None}, {}))
    assert [one.severity for one in check_gpus(silent, lambda command: None)] == ["ok", "ok"]
