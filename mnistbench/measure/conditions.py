"""What the machine was like around a measurement: looked at before and after it, never while it runs.

A figure says more when one knows that the clock was throttled, that another
program had the processor, or that the host of a virtual machine took it away.
What cannot be found out is left out, and never an error.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from mnistbench.measure.environment import Reader, read_text

Conditions = dict[str, Any]


class GpuProbe(Protocol):
    """Looks at one GPU."""

    def look(self) -> Mapping[str, Any]:
        """Clocks, temperature, power, reasons for throttling, other processes; empty when it cannot be asked."""
        ...


@dataclass(frozen=True)
class Watch:
    """The counters of a machine at one moment; :meth:`until_now` says what happened since."""

    cpu_ticks: tuple[int, ...] | None
    """Of all processors: user, nice, system, idle, iowait, irq, softirq, steal; a hundredth of a second each."""
    own_seconds: float
    switches: int | None
    read: Reader = field(repr=False)
    own_time: Callable[[], float] = field(repr=False)
    gpu: GpuProbe | None = field(repr=False, default=None)
    gpu_before: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def start(
        cls, *, gpu: GpuProbe | None = None, read: Reader = read_text, own_time: Callable[[], float] | None = None
    ) -> Watch:
        """Look for the first time.

        Args:
            gpu: Asked as well.
            read: Reads a file of ``/proc``.
            own_time: Processor seconds of this process so far.
        """
        own_time = own_time or _own_time
        before = dict(gpu.look()) if gpu is not None else {}
        return cls(_cpu_ticks(read), own_time(), _switches(), read, own_time, gpu, before)

    def until_now(self) -> Conditions:
        """What happened since the start.

        Returns:
            ``cpu_mhz`` (mean over the processors, now); ``cpu_steal_fraction`` of all processor time taken by the
            host; ``cpu_others_fraction`` used by other processes; ``involuntary_switches`` of this process;
            ``load_1min``; ``gpu``, with the looks before and after.
        """
        found: Conditions = {}
        after = _cpu_ticks(self.read)
        own = self.own_time() - self.own_seconds
        if self.cpu_ticks is not None and after is not None:
            passed = [now - then for now, then in zip(after, self.cpu_ticks, strict=True)]
            total = sum(passed)
            if total > 0 and min(passed) >= 0:
                idle, steal = passed[3] + passed[4], passed[7]
                others = (total - idle - steal) / _TICKS_PER_SECOND - own
                found["cpu_steal_fraction"] = round(steal / total, 4)
                found["cpu_others_fraction"] = round(max(0.0, others * _TICKS_PER_SECOND / total), 4)
        switches = _switches()
        if switches is not None and self.switches is not None:
            found["involuntary_switches"] = switches - self.switches
        clock = _cpu_mhz(self.read)
        if clock is not None:
            found["cpu_mhz"] = clock
        if match := re.match(r"[0-9.]+", self.read("/proc/loadavg") or ""):
            found["load_1min"] = float(match[0])
        if self.gpu is not None:
            now = dict(self.gpu.look())
            if now or self.gpu_before:
                found["gpu"] = {"before": dict(self.gpu_before), "after": now}
        return found


MOST_STOLEN = 0.02
MOST_USED_BY_OTHERS = 0.10
"""Parts of all processor time above which a figure is doubtful."""

_TICKS_PER_SECOND = 100
"""``USER_HZ``, which is 100 wherever Linux shows ``/proc/stat`` to programs."""


def worries(conditions: Mapping[str, Any]) -> dict[str, str]:
    """What of the conditions makes a figure doubtful, in words, with how much of it.

    Returns:
        Such as ``{"other programs used the processors": "45%"}``.
    """
    found: dict[str, str] = {}
    steal, others = (_number(conditions, f"cpu_{who}_fraction") for who in ("steal", "others"))
    if steal > MOST_STOLEN:
        found["the host took the processors away"] = f"{steal:.0%}"
    if others > MOST_USED_BY_OTHERS:
        found["other programs used the processors"] = f"{others:.0%}"
    gpu = conditions.get("gpu")
    for look in gpu.values() if isinstance(gpu, Mapping) else ():
        if not isinstance(look, Mapping):
            continue
        reasons = look.get("throttle_reasons")
        if isinstance(reasons, list) and (held := [str(reason) for reason in reasons if reason != "gpu_idle"]):
            found["the GPU's clock was held down"] = ", ".join(held)
        if others := _number(look, "other_processes"):
            found["other processes were on the GPU"] = f"{others:g}"
    return found


def _number(values: Mapping[str, Any], key: str) -> float:
    """A number of at least 0; 0 for anything else, since files can be edited by hand."""
    value = values.get(key)
    return value if isinstance(value, int | float) and value > 0 else 0


def _cpu_ticks(read: Reader) -> tuple[int, ...] | None:
    match = re.match(r"cpu +([0-9 ]+)", read("/proc/stat") or "")
    ticks = tuple(map(int, match[1].split()[:8])) if match else ()
    return ticks if len(ticks) == 8 else None


def _own_time() -> float:
    times = os.times()
    return times.user + times.system


def _switches() -> int | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw


def _cpu_mhz(read: Reader) -> float | None:
    clocks = [float(mhz) for mhz in re.findall(r"^cpu MHz\s*:\s*([0-9.]+)", read("/proc/cpuinfo") or "", re.MULTILINE)]
    return round(sum(clocks) / len(clocks), 1) if clocks else None
