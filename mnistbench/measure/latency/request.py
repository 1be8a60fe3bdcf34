"""What one process is to measure, and what it answers, as plain data between processes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from mnistbench.errors import MnistbenchError
from mnistbench.measure.latency.inputs import Inputs
from mnistbench.measure.latency.modes import Mode
from mnistbench.measure.latency.workload import SEED
from mnistbench.measure.steady import Plan
from mnistbench.results import ProcessResult
from mnistbench.runtime.devices import Device
from mnistbench.runtime.session import SessionSettings, run_error
from mnistbench.runtime.untrusted.limits import Limits


@dataclass(frozen=True)
class Request:
    """One model, at one batch size, on one device, in one mode."""

    path: str
    """The ONNX file."""
    name: str
    device: str
    """Text of the device."""
    provider: str
    """Short name of its provider."""
    mode: Mode
    batch_size: int
    inputs: Inputs
    settings: SessionSettings
    plan: Plan
    seed: int = SEED
    allow_external_data: bool = False
    untrusted: Limits | None = None
    """What the process may take that measures it."""

    def failure(self, error: Exception, device: Device) -> MnistbenchError:
        """What to raise for an exception of ``session.run`` on the inputs, on the resolved device."""
        return run_error(error, name=self.name, device=device, batch_size=self.batch_size, advice=self.inputs.advice)

    def as_dict(self) -> dict[str, Any]:
        """The fields as JSON types."""
        return {**dataclasses.asdict(self), "inputs": self.inputs.as_dict()}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        """What :meth:`as_dict` gave."""
        changes = {
            "inputs": Inputs.from_dict(document["inputs"]),
            "settings": SessionSettings(**document["settings"]),
            "plan": Plan(**document["plan"]),
            "untrusted": Limits(**document["untrusted"]) if document.get("untrusted") is not None else None,
        }
        return cls(**{**document, **changes})


@dataclass(frozen=True)
class Measured:
    """What a process found."""

    figures: ProcessResult
    samples_seconds: tuple[float, ...]
    provider: str
    """Execution provider that really ran."""
    node_placement: dict[str, int]
    distinct_inputs: int
    provider_options: dict[str, str]
    gpu_uuid: str | None = None
    """Of the NVIDIA GPU that ran it, as the driver says it; ``None`` on any other device."""
    gpu_name: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The fields as JSON types."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        """What :meth:`as_dict` gave."""
        changes = {
            "figures": ProcessResult(**document["figures"]),
            "samples_seconds": tuple(document["samples_seconds"]),
        }
        return cls(**{**document, **changes})
