"""The GPUs of one machine or of a cluster, and one run of the benchmark on each kind of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mnistbench.results.base import Result
from mnistbench.results.checks import check_count, check_number, check_texts
from mnistbench.results.latency import BenchRun


@dataclass(frozen=True)
class GpuFacts(Result):
    """One GPU, or one instance of a GPU that is divided (MIG)."""

    kind = "gpu"

    node: str
    """Address of its machine in the cluster; empty for this one."""
    uuid: str
    """What CUDA knows it by, whatever else is hidden or how it counts."""
    name: str
    mig: str
    """Profile of the instance, such as ``1g.10gb``; empty for a whole GPU."""
    power_limit_watts: float | None
    driver: str
    cuda: str
    """CUDA that onnxruntime was built for; empty when unknown."""
    onnxruntime: str
    """Its version; empty where it is not installed."""
    processes: int = 0
    """That compute on it; of the whole GPU for an instance."""
    memory_used_bytes: int = 0
    memory_bytes: int = 0
    parent: str = ""
    """UUID of the GPU that an instance is part of; empty for a whole GPU."""

    def __post_init__(self) -> None:
        check_texts(self, ("node", "uuid", "name", "mig", "driver", "cuda", "onnxruntime", "parent"))
        check_count("processes", self.processes, 0)
        if self.power_limit_watts is not None:
            check_number("power_limit_watts", self.power_limit_watts, least=0)


@dataclass(frozen=True)
class GpuRun(Result):
    """One kind of GPU: all that are alike, and the run of the benchmark on one of them."""

    kind = "bench_gpu"

    gpus: tuple[GpuFacts, ...]
    """Alike; the first is the one that is measured."""
    run: BenchRun | None = None
    error: str | None = None
    """Why there is no run, or only a part of one."""
    caution: str | None = None
    """What makes its figures doubtful."""

    def __post_init__(self) -> None:
        if not self.gpus:
            raise ValueError("gpus is empty; expected one or more that are alike")
        for key in ("error", "caution"):
            if not isinstance(getattr(self, key), str | None):
                raise TypeError(f"{key} is {getattr(self, key)!r:.60}; expected text or nothing")

    @classmethod
    def _revive(cls, values: dict[str, Any]) -> dict[str, Any]:
        revived = dict(values)
        revived["gpus"] = tuple(GpuFacts(**GpuFacts._known(gpu)) for gpu in values["gpus"])
        if values.get("run") is not None:
            revived["run"] = BenchRun(**BenchRun._known(values["run"]))
        return revived


@dataclass(frozen=True)
class GpusRun(Result):
    """A run of the benchmark on every kind of GPU that was found."""

    kind = "bench_gpus"

    started: str
    """UTC, ISO 8601."""
    kinds: tuple[GpuRun, ...]

    @classmethod
    def _revive(cls, values: dict[str, Any]) -> dict[str, Any]:
        return values | {"kinds": tuple(GpuRun(**GpuRun._known(one)) for one in values["kinds"])}
