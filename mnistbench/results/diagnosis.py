"""Result of looking over a machine: what is installed, what runs where, and what is missing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from mnistbench.results.base import Result
from mnistbench.results.checks import check_count, check_figures, check_texts
from mnistbench.results.environment import Environment

Severity = Literal["ok", "note", "missing", "problem"]

SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""As it should be; worth knowing; optional and not there; broken."""


@dataclass(frozen=True)
class Finding(Result):
    """One thing that was looked at."""

    kind = "finding"

    area: str
    """``software``, ``hardware``, ``devices``, ``files`` or ``surroundings``."""
    subject: str
    """What was looked at: ``onnxruntime``, ``cuda:0``, ``data``."""
    severity: Severity
    """``ok``, ``note`` (worth knowing), ``missing`` (optional and not there) or ``problem`` (broken)."""
    text: str
    """What was found."""
    remedy: str = ""
    """The command that mends it, on one line; empty where there is none."""

    def __post_init__(self) -> None:
        check_texts(self, ("area", "subject", "text", "remedy"))
        _check_severity(self.severity)


@dataclass(frozen=True)
class ProbeResult(Result):
    """One model really run, or refused, on one device by one provider."""

    kind = "probe"

    device: str
    """``cpu``, ``cuda:N``, ``gpu:N`` or ``npu:N``; ``unknown`` of a provider that nothing tells the hardware of."""
    provider: str
    """Short name of the execution provider that was asked for."""
    severity: Severity
    """As in a finding."""
    model: str | None = None
    """What was run; ``None`` where the device could not be used at all."""
    session_seconds: float | None = None
    """Making the session, in a fresh process: the first model's has what happens once in a process in it."""
    node_placement: dict[str, int] = field(default_factory=dict)
    """Nodes of the optimised graph by execution provider; empty where nothing ran or onnxruntime does not say."""
    num_images: int = 0
    """Images that it answered."""
    label_differences: int | None = None
    """Answers other than the CPU provider's; of the CPU provider, other than what the images show."""
    max_logit_difference: float | None = None
    """Largest distance of a logit from the CPU provider's; 0 for itself."""
    error: str | None = None
    """Why nothing ran, or what is wrong with its answers."""

    def __post_init__(self) -> None:
        check_texts(self, ("device", "provider"))
        _check_severity(self.severity)
        check_count("num_images", self.num_images, 0)
        if self.label_differences is not None:
            check_count("label_differences", self.label_differences, 0)
        check_figures(self, ("session_seconds", "max_logit_difference"))
        if not isinstance(self.node_placement, dict):
            raise TypeError(f"node_placement is {self.node_placement!r:.60}; expected an object")
        for count in self.node_placement.values():
            check_count("node_placement", count, 0)


@dataclass(frozen=True)
class Diagnosis(Result):
    """What was found on one machine."""

    kind = "diagnosis"

    environment: Environment
    findings: tuple[Finding, ...]
    """Software first, then hardware, devices, files, surroundings."""
    probes: tuple[ProbeResult, ...]
    """A row for each model on each device by each provider."""

    @property
    def is_sound(self) -> bool:
        """Whether nothing is broken; what is optional may be missing."""
        severities = [found.severity for found in self.findings] + [row.severity for row in self.probes]
        return "problem" not in severities

    @classmethod
    def _revive(cls, values: dict[str, Any]) -> dict[str, Any]:
        revived = dict(values)
        if "environment" in values:
            revived["environment"] = Environment(**Environment._known(values["environment"]))
        if "findings" in values:
            revived["findings"] = tuple(Finding(**Finding._known(row)) for row in values["findings"])
        if "probes" in values:
            revived["probes"] = tuple(ProbeResult(**ProbeResult._known(row)) for row in values["probes"])
        return revived


def _check_severity(severity: str) -> None:
    if severity not in SEVERITIES:
        raise ValueError(f"severity is {severity!r:.60}; expected one of {', '.join(SEVERITIES)}")
