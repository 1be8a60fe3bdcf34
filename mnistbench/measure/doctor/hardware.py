"""Findings on processors and GPUs, by what the system says of them; nothing is run on them."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from mnistbench.measure.environment import Reader, Runner
from mnistbench.results import Environment, Finding

FEATURES = {
    "avx2": "AVX2",
    "avx512f": "AVX-512",
    "avx512_vnni": "AVX-512 VNNI",
    "avx_vnni": "AVX-VNNI",
    "avx512_bf16": "AVX-512 BF16",
    "amx_bf16": "AMX BF16",
    "amx_int8": "AMX INT8",
    "asimd": "NEON",
    "bf16": "BF16",
    "i8mm": "I8MM",
    "sve": "SVE",
}
"""Instruction sets as people write them; the others of an environment are implied by these."""

BUSY_PERCENT = 10
"""Use of a GPU from which figures are doubtful."""

AREA = "hardware"

_GPU_USE = ("nvidia-smi", "--query-gpu=index,utilization.gpu,memory.used", "--format=csv,noheader,nounits")


def check_cpu(environment: Environment, processors: int | None, read: Reader) -> list[Finding]:
    """The processor, how much of it this process may use, and at which clock it is kept.

    Args:
        environment: The machine.
        processors: Of the whole machine, ``None`` when unknown.
        read: Reads a file of ``/proc`` or ``/sys``.
    """
    usable = environment.cpus_usable
    share = f"{usable} of {processors} processors usable" if processors else f"{usable} processors usable"
    features = ", ".join(name for flag, name in FEATURES.items() if flag in environment.cpu_features)
    found = [Finding(AREA, "CPU", "ok", "; ".join(filter(None, (environment.cpu, share, features))))]
    if "sse4_2" in environment.cpu_features and "avx2" not in environment.cpu_features:
        found.append(Finding(AREA, "CPU", "note", "no AVX2, which the fast kernels of onnxruntime need"))
    quota = cpu_quota(read)
    if quota is not None and quota < usable:
        threads = max(1, int(quota))
        text = f"its control group grants the time of {quota:g} of {usable} processors; more threads are throttled"
        found.append(Finding(AREA, "CPU quota", "note", text, f"mnistbench bench lenet5 --threads {threads}"))
    governor = (read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") or "").strip()
    if governor and governor != "performance":
        text = f"the frequency governor is {governor!r:.40}: clocks rise and fall while figures are taken"
        found.append(Finding(AREA, "CPU clock", "note", text, "sudo cpupower frequency-set -g performance"))
    return found


def cpu_quota(read: Reader) -> float | None:
    """How many processors' time the control groups of this process grant; ``None`` without a limit.

    Source: Linux, "Control Group v2", ``cpu.max``: microseconds of time in a period, or ``max``. A limit of any
    group above counts too.
    """
    match = re.search(r"^0::(/.*)$", read("/proc/self/cgroup") or "", re.MULTILINE)
    group = PurePosixPath(match[1] if match else "/")
    quotas = []
    for folder in (group, *group.parents):
        name = "" if folder == PurePosixPath("/") else str(folder)
        limit = re.match(r"([0-9]{1,15}) ([1-9][0-9]{0,14})\b", read(f"/sys/fs/cgroup{name}/cpu.max") or "")
        if limit:
            quotas.append(int(limit[1]) / int(limit[2]))
    return min(quotas, default=None)


def check_gpus(environment: Environment, run: Runner) -> list[Finding]:
    """Each NVIDIA GPU that its driver knows, and whether something runs on it now.

    Args:
        environment: The machine.
        run: Asks a program.
    """
    if not environment.gpus:
        return [Finding(AREA, "GPU", "note", "no NVIDIA GPU found (nvidia-smi lists none)")]
    used = _gpu_use(run(_GPU_USE) or "")
    found = []
    for gpu in environment.gpus:
        memory = gpu.get("memory_bytes")
        size = f", {memory / 2**30:.0f} GiB" if isinstance(memory, int) else ""
        subject = f"GPU {gpu.get('index')}"
        found.append(Finding(AREA, subject, "ok", f"{gpu.get('name')}{size}, driver {gpu.get('driver')}"))
        percent, mebibytes = used.get(gpu.get("index"), (0, 0))
        if percent >= BUSY_PERCENT:
            text = f"{percent}% in use now, {mebibytes:,} MiB taken: figures taken on it are doubtful"
            found.append(Finding(AREA, subject, "note", text))
    return found


def _gpu_use(text: str) -> dict[object, tuple[int, int]]:
    """Percent of use and MiB by index; what the driver does not say is left out."""
    lines = (re.match(r"([0-9]+), ([0-9]+), ([0-9]+)\s*$", line) for line in text.splitlines())
    return {int(line[1]): (int(line[2]), int(line[3])) for line in lines if line}
