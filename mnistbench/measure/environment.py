"""Describes the machine and the software that a figure was measured on.

Reads ``/proc``, asks a few programs and the installed packages' metadata; it
imports neither torch nor onnxruntime and notes no name of host or user. What
cannot be found out is left empty, and never an error.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mnistbench._version import __version__
from mnistbench.results import Environment
from mnistbench.runtime.machine import ONNXRUNTIMES, Machine

CPU_FEATURES: tuple[str, ...] = (
    "sse4_2",
    "avx",
    "avx2",
    "fma",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "avx_vnni",
    "amx_tile",
    "amx_bf16",
    "amx_int8",
    "asimd",
    "bf16",
    "i8mm",
    "sve",
)
"""Instruction sets that decide how fast a small network runs, as Linux names them: x86, then ARM."""

PACKAGES: tuple[str, ...] = (
    "numpy",
    *ONNXRUNTIMES,
    "torch",
    "onnx",
    "pillow",
    "nvidia-ml-py",
    "nvidia-cuda-runtime",
    "nvidia-cuda-runtime-cu12",
    "nvidia-cudnn-cu13",
    "nvidia-cudnn-cu12",
)
"""Packages whose version is noted when they are installed, beside plug-ins of onnxruntime; the last four are the CUDA
that pip brought."""

COMMAND_TIMEOUT_SECONDS = 10.0
"""A driver that hangs must not hang the measurement."""

Runner = Callable[[Sequence[str]], str | None]
"""Runs a command; its standard output, or None when it is absent, fails or takes too long."""

Reader = Callable[[str], str | None]
"""Reads a text file, or None when it cannot be read."""

_GPU_QUERY = (
    "nvidia-smi",
    "--query-gpu=index,name,uuid,driver_version,memory.total",
    "--format=csv,noheader,nounits",
)


def run_command(command: Sequence[str]) -> str | None:
    """Standard output of a program found on the PATH; None when it is absent, fails or takes too long."""
    program = shutil.which(command[0])
    if program is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603 - the commands are the literals of this file
            [program, *command[1:]],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=COMMAND_TIMEOUT_SECONDS,
            env={**os.environ, "LC_ALL": "C"},
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode(errors="replace")


def read_text(path: str) -> str | None:
    """Contents of a text file; None when it cannot be read."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def collect_environment(
    *,
    run: Runner = run_command,
    read: Reader = read_text,
    system: str | None = None,
    version_of: Callable[[str], str] = importlib.metadata.version,
) -> Environment:
    """Look at this machine, once.

    Args:
        run: Asks a program.
        read: Reads a file of ``/proc``.
        system: As ``platform.system()`` says it; ``None`` asks that.
        version_of: Version of an installed package, or
            ``importlib.metadata.PackageNotFoundError``.
    """
    system = platform.system() if system is None else system
    cpuinfo = (read("/proc/cpuinfo") or "") if system == "Linux" else ""
    return Environment(
        python=platform.python_version(),
        platform=platform.platform(),
        cpu=_cpu_name(system, cpuinfo, run),
        cpu_features=cpu_features(cpuinfo),
        cpus_usable=cpus_usable(),
        memory_bytes=_memory_bytes(system, run, read),
        gpus=parse_gpus(run(_GPU_QUERY) or ""),
        packages=package_versions(version_of),
    )


def cpu_features(cpuinfo: str) -> tuple[str, ...]:
    """Those of :data:`CPU_FEATURES`, in that order, that ``/proc/cpuinfo`` lists for its first processor."""
    flags = set((_field(cpuinfo, "flags") or _field(cpuinfo, "Features") or "").split())
    return tuple(feature for feature in CPU_FEATURES if feature in flags)


def cpus_usable() -> int:
    """Processors that this process may run on; all of the machine's where the system does not say."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def parse_gpus(text: str) -> tuple[dict[str, Any], ...]:
    """Read what ``nvidia-smi`` prints: index, name, UUID, driver and memory in MiB, a GPU a line.

    Lines of another shape are passed over, and memory that is not a number is ``None``.
    """
    gpus = []
    for line in text.splitlines():
        # From both ends, since a name may hold a comma.
        index, _, rest = line.partition(",")
        name, *others = (part.strip() for part in rest.rsplit(",", 3))
        if not index.strip().isdecimal() or len(others) != 3:
            continue
        uuid, driver, memory = others
        memory_bytes = int(memory) * 2**20 if memory.isdecimal() else None
        gpus.append({"index": int(index), "name": name, "uuid": uuid, "driver": driver, "memory_bytes": memory_bytes})
    return tuple(gpus)


def package_versions(version_of: Callable[[str], str] = importlib.metadata.version) -> dict[str, str]:
    """Versions of mnistbench, and of the :data:`PACKAGES` and plug-ins that are installed, without importing them."""
    versions = {"mnistbench": __version__}
    for package in (*PACKAGES, *Machine().plugin_packages()):
        try:
            versions[package] = version_of(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def _cpu_name(system: str, cpuinfo: str, run: Runner) -> str:
    if system == "Darwin":
        name = run(("sysctl", "-n", "machdep.cpu.brand_string"))
    else:
        name = _field(cpuinfo, "model name")
        # ARM's cpuinfo has numbers in place of a name; lscpu knows what they mean.
        if not name and system == "Linux":
            name = _field(run(("lscpu",)) or "", "Model name")
    return " ".join((name or platform.processor() or platform.machine()).split())


def _memory_bytes(system: str, run: Runner, read: Reader) -> int | None:
    if system == "Darwin":
        size = (run(("sysctl", "-n", "hw.memsize")) or "").strip()
        return int(size) if size.isdecimal() else None
    total = _field((read("/proc/meminfo") or "") if system == "Linux" else "", "MemTotal") or ""
    kibibytes = total.removesuffix("kB").strip()
    return int(kibibytes) * 1024 if kibibytes.isdecimal() else None


def _field(text: str, name: str) -> str | None:
    """Value of the first ``name : value`` line."""
    match = re.search(rf"^[ \t]*{re.escape(name)}[ \t]*:[ \t]*(.*)$", text, re.MULTILINE)
    return match[1].strip() if match else None
