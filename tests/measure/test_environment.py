from __future__ import annotations

import getpass
import importlib.metadata
import json
import os
import platform
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from mnistbench import __file__ as package_file
from mnistbench._version import __version__
from mnistbench.measure import environment
from mnistbench.measure.environment import (
    CPU_FEATURES,
    collect_environment,
    cpu_features,
    package_versions,
    parse_gpus,
    run_command,
)
from mnistbench.results import Environment
from mnistbench.runtime.machine import Machine

X86 = """\
processor\t: 0
vendor_id\t: GenuineIntel
model\t\t: 143
model name\t: Intel(R)  Xeon(R) Platinum 8488C
flags\t\t: fpu sse4_1 sse4_2 avx avx2 fma avx512f avx512_vnni amx_tile amx_bf16 hypervisor
vmx flags\t: avx_vnni
bugs\t\t: spectre_v1

processor\t: 1
model name\t: another
flags\t\t: fpu
"""
ARM = "processor\t: 0\nBogoMIPS\t: 243.75\nFeatures\t: fp asimd evtstrm sve i8mm bf16\nCPU part\t: 0xd40\n"
LSCPU = "Architecture:  aarch64\nVendor ID:     ARM\n  BIOS Model name:  virtual\n  Model name:    Neoverse-V1\n"
MEMINFO = "MemTotal:       24683896 kB\nMemFree:         1234 kB\n"
SMI = """\
0, NVIDIA H200, GPU-7d1b8ce8-0000-0000-0000-000000000000, 570.133.20, 143771
1, NVIDIA GB10, Desktop, GPU-00000000-1111-2222-3333-444444444444, 580.95.05, [N/A]
"""


def reader(files: dict[str, str]) -> environment.Reader:
    return files.get


def runner(outputs: dict[str, str]) -> environment.Runner:
    def run(command: Sequence[str]) -> str | None:
        return outputs.get(command[0])

    return run


def no_version(package: str) -> str:
    raise importlib.metadata.PackageNotFoundError(package)


def test_a_linux_machine_with_gpus() -> None:
    found = collect_environment(
        run=runner({"nvidia-smi": SMI}),
        read=reader({"/proc/cpuinfo": X86, "/proc/meminfo": MEMINFO}),
        system="Linux",
    )
    assert found.cpu == "Intel(R) Xeon(R) Platinum 8488C"
    assert found.cpu_features == ("sse4_2", "avx", "avx2", "fma", "avx512f", "avx512_vnni", "amx_tile", "amx_bf16")
    assert found.memory_bytes == 24_683_896 * 1024
    assert [gpu["name"] for gpu in found.gpus] == ["NVIDIA H200", "NVIDIA GB10, Desktop"]
    assert found.python == platform.python_version()


def test_arm_is_named_by_lscpu() -> None:
    found = collect_environment(
        run=runner({"lscpu": LSCPU}), read=reader({"/proc/cpuinfo": ARM}), system="Linux", version_of=no_version
    )
    assert found.cpu == "Neoverse-V1"
    assert found.cpu_features == ("asimd", "bf16", "i8mm", "sve")
    assert found.memory_bytes is None
    assert found.packages == {"mnistbench": __version__}


def test_macos_asks_sysctl() -> None:
    answers = {"machdep.cpu.brand_string": "Apple M3 Pro\n", "hw.memsize": "19327352832\n"}
    found = collect_environment(
        run=lambda command: answers.get(command[-1]), read=reader({"/proc/cpuinfo": X86}), system="Darwin"
    )
    assert (found.cpu, found.memory_bytes) == ("Apple M3 Pro", 19_327_352_832)
    assert found.cpu_features == found.gpus == ()


@pytest.mark.parametrize("system", ["Linux", "Darwin", "Windows", ""])
def test_a_machine_that_tells_nothing_is_still_described(system: str) -> None:
    found = collect_environment(run=lambda _: None, read=lambda _: None, system=system, version_of=no_version)
    assert found.cpu == (platform.processor() or platform.machine())
    assert (found.cpu_features, found.memory_bytes, found.gpus) == ((), None, ())
    assert found.cpus_usable >= 1


@pytest.mark.parametrize("system", ["Linux", "Darwin"])
def test_garbage_is_not_believed(system: str) -> None:
    found = collect_environment(run=lambda _: "\x00 garbage: ,,,\n", read=lambda _: "MemTotal: lots\n", system=system)
    assert (found.memory_bytes, found.gpus, found.cpu_features) == (None, (), ())


def test_features_keep_the_documented_order() -> None:
    text = "flags : " + " ".join(reversed(CPU_FEATURES)) + "\n"
    assert cpu_features(text) == CPU_FEATURES


def test_gpus_are_read_field_by_field() -> None:
    assert parse_gpus(SMI) == (
        {
            "index": 0,
            "name": "NVIDIA H200",
            "uuid": "GPU-7d1b8ce8-0000-0000-0000-000000000000",
            "driver": "570.133.20",
            "memory_bytes": 143_771 * 2**20,
        },
        {
            "index": 1,
            "name": "NVIDIA GB10, Desktop",
            "uuid": "GPU-00000000-1111-2222-3333-444444444444",
            "driver": "580.95.05",
            "memory_bytes": None,
        },
    )


@pytest.mark.parametrize("text", ["", "No devices were found\n", "a, b, c, d, 5\n", "0, name, uuid\n", "\n\n"])
def test_other_lines_of_nvidia_smi_are_passed_over(text: str) -> None:
    assert parse_gpus(text) == ()


def test_versions_come_from_the_metadata_as_found() -> None:
    installed = {"numpy": "2.0.0", "onnxruntime": "1.30.0"}

    def version_of(package: str) -> str:
        return installed[package] if package in installed else no_version(package)

    found = environment.package_versions(version_of)
    assert found == {"mnistbench": __version__, "numpy": "2.0.0", "onnxruntime": "1.30.0"}
    assert environment.package_versions()["numpy"] == importlib.metadata.version("numpy")


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system has no processor affinity")
def test_only_processors_this_process_may_use_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5, 7})
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    assert environment.cpus_usable() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    assert environment.cpus_usable() == 64


def test_a_program_that_is_absent_fails_or_hangs_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_command(["mnistbench-no-such-program"]) is None
    assert run_command([sys.executable, "-c", "print('out'); raise SystemExit(3)"]) is None
    assert run_command([sys.executable, "-c", "print('out')"]) == f"out{os.linesep}"
    monkeypatch.setattr(environment, "COMMAND_TIMEOUT_SECONDS", 0.05)
    assert run_command([sys.executable, "-c", "import time; time.sleep(60)"]) is None


def test_unreadable_files_say_nothing(tmp_path: Path) -> None:
    assert environment.read_text(str(tmp_path / "absent")) is None
    assert environment.read_text(str(tmp_path)) is None
    (tmp_path / "bytes").write_bytes(b"model name : \xff\n")
    assert environment.read_text(str(tmp_path / "bytes")) == "model name : �\n"


def test_this_machine_round_trips_and_names_nobody() -> None:
    found = collect_environment(run=lambda _: None)
    text = json.dumps(found.as_dict())
    assert Environment.from_dict(json.loads(text)) == found
    values = {str(value) for value in found.as_dict().values()}
    assert not values & {socket.gethostname(), getpass.getuser(), str(Path.home())}


def test_looking_at_the_machine_imports_neither_torch_nor_onnxruntime() -> None:
    code = (
        "import sys; from mnistbench.measure.environment import collect_environment; collect_environment(); "
        "print([name for name in ('torch', 'onnx', 'onnxruntime', 'rich', 'click') if name in sys.modules])"
    )
    root = Path(package_file).parent.parent
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "[]"


def test_every_build_of_onnxruntime_and_every_plug_in_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Machine, "plugin_packages", lambda _: ["onnxruntime-ep-acme"])
    versions = {"onnxruntime-openvino": "1.24.1", "onnxruntime-ep-acme": "3", "numpy": "2"}

    def version_of(package: str) -> str:
        if package not in versions:
            raise importlib.metadata.PackageNotFoundError(package)
        return versions[package]

    assert package_versions(version_of) == {"mnistbench": __version__, **versions}
