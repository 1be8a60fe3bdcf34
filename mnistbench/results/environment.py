"""The machine and the software that a figure was measured on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mnistbench.results.base import Result
from mnistbench.results.checks import check_count, check_texts


@dataclass(frozen=True)
class Environment(Result):
    """The machine and the software that a figure was measured on."""

    kind = "environment"

    python: str
    """Version of Python, such as ``3.11.7``."""
    platform: str
    """Operating system and architecture."""
    cpu: str
    """Name of the processor model."""
    cpu_features: tuple[str, ...]
    """Instruction sets that matter here: ``avx2``, ``avx512f``, ``avx512_bf16``, ``amx_bf16`` ..."""
    cpus_usable: int
    """Processors this process may run on, which can be fewer than the machine has."""
    memory_bytes: int | None
    """Physical memory."""
    gpus: tuple[dict[str, Any], ...]
    """One entry a GPU: ``index, name, uuid, driver, memory_bytes``; empty without one."""
    packages: dict[str, str]
    """Versions of mnistbench and of the packages that do its work."""

    def __post_init__(self) -> None:
        # What machines are told apart by; a file can be edited by hand.
        check_texts(self, ("python", "platform", "cpu"))
        check_count("cpus_usable", self.cpus_usable, 0)
        if not isinstance(self.packages, dict) or not all(isinstance(gpu, dict) for gpu in self.gpus):
            raise TypeError("expected packages as an object and gpus as a list of objects")

    @classmethod
    def _revive(cls, values: dict[str, Any]) -> dict[str, Any]:
        return values | {key: tuple(values[key]) for key in ("cpu_features", "gpus") if key in values}
