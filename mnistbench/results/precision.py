"""One network in one precision, on one device, at one batch size: what it costs and what it gains against fp32."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mnistbench.results.base import Result, revive_parts
from mnistbench.results.checks import check_figures
from mnistbench.results.environment import Environment
from mnistbench.results.verdict import VERDICTS, Verdict


@dataclass(frozen=True)
class PrecisionResult(Result):
    """Accuracy, size and latency of a model beside those of the same weights in fp32."""

    kind = "precision"

    name: str
    """Of the network."""
    precision: str
    file: str
    sha256: str
    size_bytes: int
    device: str
    """As asked for: ``cpu`` or ``cuda:0``."""
    provider: str
    """Short name of the execution provider that was asked for, and is the one that ran where there are figures."""
    batch_size: int
    """Images in a timed call."""
    num_images: int | None = None
    """Test images; ``None``, as the next five, where the model could not be evaluated."""
    num_errors: int | None = None
    error_rate: float | None = None
    error_rate_low: float | None = None
    """Lower end of the Wilson 95% interval."""
    error_rate_high: float | None = None
    error_difference: float | None = None
    """Error rate above that in fp32 on this device; below 0 where it errs less. ``None`` where fp32 or its figure is
    missing, or has other weights."""
    p50_seconds: float | None = None
    """Median of a call; ``None``, as the next three, where it could not be timed."""
    p50_low_seconds: float | None = None
    p50_high_seconds: float | None = None
    speed: float | None = None
    """Median of a call in fp32 over this one: above 1 is faster. ``None`` as ``error_difference``."""
    error: str | None = None
    """Why figures are missing."""
    undisturbed_speed: float | None = None
    """``undisturbed_seconds`` in fp32 over that of this one, as if of equally many processes: above 1 is faster.
    ``None`` as ``speed``."""
    verdict: Verdict | None = None
    """Beside fp32, as ``mnistbench compare`` gives it by the undisturbed call; ``None`` as ``undisturbed_speed``."""
    undisturbed_seconds: float | None = None
    """Of a call that nothing disturbs, as ``mnistbench compare`` takes it; ``None`` where it could not be timed."""

    def __post_init__(self) -> None:
        check_figures(self, ("undisturbed_seconds",))
        if self.verdict is not None and self.verdict not in VERDICTS:
            raise ValueError(f"verdict is {self.verdict!r:.60}; expected one of {', '.join(VERDICTS)}")


@dataclass(frozen=True)
class PrecisionRun(Result):
    """One run of ``mnistbench precisions`` on one machine: what ``--output FILE`` holds."""

    kind = "precision_run"

    started: str
    """UTC, ISO 8601."""
    environment: Environment
    results: tuple[PrecisionResult, ...]
    """By device and provider, then in the order asked for."""
    settings: dict[str, Any] = field(default_factory=dict)
    """What was asked for: batch sizes, modes, fresh processes, seed, limits of warm-up and measurement, threads."""

    @classmethod
    def _revive(cls, values: dict[str, Any]) -> dict[str, Any]:
        return revive_parts(values, one={"environment": Environment}, rows={"results": PrecisionResult})
