"""Results of taking a call apart: its parts, its operators, and the batch size at which another device overtakes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from mnistbench.results.base import Result, revive_parts
from mnistbench.results.checks import check_count, check_figures, check_number, check_optional_texts, check_texts
from mnistbench.results.environment import Environment
from mnistbench.results.verdict import VERDICTS, Verdict

KernelClock = Literal["host", "launch", "device"]
"""Whose time an operator's is: of the processor that computed it, of the processor that only launched it on a GPU,
or of the GPU."""

Overtaking = Literal["from the start", "between", "not yet"]

_SECONDS = (
    "p50_seconds",
    "bound_p50_seconds",
    "floor_seconds",
    "call_floor_seconds",
    "operators_seconds",
    "profiled_seconds",
)


@dataclass(frozen=True)
class OperatorTime(Result):
    """One node of the graph that onnxruntime ran, which may be several of the file's in one."""

    kind = "operator"

    name: str
    """onnxruntime's, such as ``relu1_nchwc`` for a convolution with its ReLU."""
    op_type: str
    """Such as ``Conv`` or ``FusedGemm``."""
    provider: str
    """Execution provider that ran it; empty where the profile does not tell."""
    seconds: float
    """In one run of the model; median over the profiled runs."""
    calls: int = 1
    """In one run of the model."""
    layer: str | None = None
    """Layer of the network that it computes: ``conv1``, ``fc2``; ``None`` where that is not known."""
    macs: int | None = None
    """Multiply-accumulates for one image; ``None`` where the layer is not known."""
    flops_per_second: float | None = None
    """Two operations a multiply-accumulate; ``None`` on a clock that does not see the computation."""

    def __post_init__(self) -> None:
        check_texts(self, ("name", "op_type", "provider"))
        check_number("seconds", self.seconds, least=0)
        check_count("calls", self.calls, 0)
        if self.macs is not None:
            check_count("macs", self.macs, 0)
        if self.flops_per_second is not None:
            check_number("flops_per_second", self.flops_per_second, least=0)


@dataclass(frozen=True)
class BreakdownResult(Result):
    """Where the time of one model at one batch size on one device goes.

    Floor, operators and the rest add up to ``p50_seconds``; the copies lie within these.
    """

    kind = "breakdown"

    name: str
    file: str
    sha256: str
    device: str
    """As asked for: ``cpu`` or ``cuda:0``."""
    batch_size: int
    provider: str | None = None
    """Execution provider that really ran; ``None`` when nothing did."""
    error: str | None = None
    """Why there is not even a latency; ``None`` when there is."""
    problems: tuple[str, ...] = ()
    """Why single parts are missing."""
    p50_seconds: float | None = None
    """Of a call in the mode ``e2e`` without a profiler: what is taken apart."""
    bound_p50_seconds: float | None = None
    """Of a call whose inputs and outputs lie on the device."""
    copies_seconds: float | None = None
    """``e2e`` less ``bound``, as measured: on a CPU binding may cost more than it saves, and this is negative."""
    floor_seconds: float | None = None
    """Of a model that does nothing, at the same batch size: Python, the session and the copy of the batch."""
    call_floor_seconds: float | None = None
    """Of the same at batch 1, where there is next to nothing to copy."""
    floor_copy_seconds: float | None = None
    """What the floor grows by from batch 1: the copy of the batch. Negative where noise is larger."""
    operators_seconds: float | None = None
    """Sum over the operators, which ran more slowly than usual since they were profiled."""
    other_seconds: float | None = None
    """``p50_seconds`` less floor and operators: gaps, allocation, waiting; negative where profiling slows operators."""
    profiled_seconds: float | None = None
    """Median of a whole run while it was profiled; what it has above ``p50_seconds`` is the profiler's."""
    kernel_clock: KernelClock | None = None
    """Whose time the operators' is: ``host``, ``launch`` (the GPU computes later) or ``device``."""
    num_runs: int = 0
    """Profiled runs after the warm-up."""
    operators: tuple[OperatorTime, ...] = ()
    """In the order of execution."""
    seconds_by_op_type: dict[str, float] = field(default_factory=dict)
    """Sums over the operators, the longest first."""
    options: dict[str, Any] = field(default_factory=dict)
    """As of ``latency`` results."""
    notation: str | None = None
    dropout: float | None = None
    gpu_uuid: str | None = None
    """Of the GPU that ran the call, as of ``latency`` results; likewise the next one."""
    gpu_name: str | None = None

    def __post_init__(self) -> None:
        check_texts(self, ("name", "file", "sha256", "device"))
        check_optional_texts(self, ("gpu_uuid", "gpu_name"))
        check_count("batch_size", self.batch_size, 0)
        check_count("num_runs", self.num_runs, 0)
        check_figures(self, _SECONDS)
        for key in ("copies_seconds", "floor_copy_seconds", "other_seconds"):
            if getattr(self, key) is not None:
                check_number(key, getattr(self, key))
        for seconds in self.seconds_by_op_type.values():
            check_number("a time in seconds_by_op_type", seconds, least=0)
        if self.kernel_clock not in (None, *get_args(KernelClock)):
            raise ValueError(f"kernel_clock is {self.kernel_clock!r:.40}; expected {', '.join(get_args(KernelClock))}")

    @classmethod
    def _revive(cls, values: dict[str, Any]) -> dict[str, Any]:
        operators = tuple(OperatorTime(**OperatorTime._known(one)) for one in values.get("operators", ()))
        return values | {"operators": operators, "problems": tuple(values.get("problems", ()))}


@dataclass(frozen=True)
class CrossingResult(Result):
    """From which batch size on a device is faster than another, by the medians at several and the noise of them."""

    kind = "crossing"

    name: str
    """The model."""
    device: str
    """The one that is overtaken, with its provider where that does not go without saying."""
    faster_device: str
    """The one that overtakes, or does not."""
    mode: str
    batch_sizes: tuple[int, ...] = ()
    """Measured on both, in order."""
    speedups: tuple[float, ...] = ()
    """How many times as fast the overtaking device is, at each."""
    overtaking: Overtaking | None = None
    """``from the start``: clearly ahead somewhere and behind nowhere; ``between`` two batches; ``not yet`` at the
    largest where it is clear; ``None`` where nothing was measured on both, or nothing is clear."""
    batch_size: float | None = None
    """Where both take the same time, interpolated; for ``from the start`` the smallest measured at which it is clearly
    faster, else ``None``."""
    is_clean: bool = True
    """Whether it is slower below and faster above; otherwise the lead changes more often, ``batch_size`` being the
    last time."""
    reason: str | None = None
    """Why nothing can be said; ``None`` where something is."""
    verdicts: tuple[Verdict | None, ...] = ()
    """On the overtaking device at each batch size, as ``mnistbench compare --by p50`` gives them; ``None`` where one
    has too few fresh processes to tell noise, so that the medians alone decide. Empty in files from before."""

    @property
    def unclear(self) -> tuple[int, ...]:
        """Batch sizes without a clear difference."""
        judged = zip(self.batch_sizes, self.verdicts, strict=False)
        return tuple(size for size, verdict in judged if verdict in ("SAME", "UNCLEAR"))

    def __post_init__(self) -> None:
        check_texts(self, ("name", "device", "faster_device", "mode"))
        if self.overtaking not in (None, *get_args(Overtaking)):
            raise ValueError(f"overtaking is {self.overtaking!r:.40}; expected {', '.join(get_args(Overtaking))}")
        if len(self.batch_sizes) != len(self.speedups):
            raise ValueError(f"{len(self.speedups)} speedups for {len(self.batch_sizes)} batch sizes")
        if len(self.verdicts) not in (0, len(self.batch_sizes)):
            raise ValueError(f"{len(self.verdicts)} verdicts for {len(self.batch_sizes)} batch sizes")
        for verdict in self.verdicts:
            if verdict not in (None, *VERDICTS):
                raise ValueError(f"a verdict is {verdict!r:.40}; expected one of {', '.join(VERDICTS)}, or nothing")
        for size in self.batch_sizes:
            check_count("a batch size", size, 1)
        for speedup in self.speedups:
            check_number("a speedup", speedup, least=0, below=math.inf)
        if self.batch_size is not None:
            check_number("batch_size", self.batch_size, least=1)

    @classmethod
    def _revive(cls, values: dict[str, Any]) -> dict[str, Any]:
        return values | {key: tuple(values.get(key, ())) for key in ("batch_sizes", "speedups", "verdicts")}


@dataclass(frozen=True)
class BreakdownRun(Result):
    """One run of ``mnistbench breakdown`` on one machine."""

    kind = "breakdown_run"

    environment: Environment
    breakdowns: tuple[BreakdownResult, ...]
    """In the order asked for."""
    crossings: tuple[CrossingResult, ...] = ()
    no_crossings_because: str | None = None
    """Why nothing could overtake; ``None`` where there was a second device."""

    def as_dict(self) -> dict[str, Any]:
        """As of any result; each part keeps its own ``schema_version`` and ``kind``, as before there was a whole."""
        return super().as_dict() | {
            "environment": self.environment.as_dict(),
            "breakdowns": [one.as_dict() for one in self.breakdowns],
            "crossings": [one.as_dict() for one in self.crossings],
        }

    @classmethod
    def _revive(cls, values: dict[str, Any]) -> dict[str, Any]:
        return revive_parts(
            values, one={"environment": Environment}, rows={"breakdowns": BreakdownResult, "crossings": CrossingResult}
        )
