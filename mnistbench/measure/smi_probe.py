"""Looks at an NVIDIA GPU through ``nvidia-smi``, where :mod:`mnistbench.measure.gpu_probe` lacks its package.

A look takes a tenth of a second or more, in which a clock may fall: NVML's says more of the calls that were timed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mnistbench.measure.environment import Runner, run_command
from mnistbench.measure.gpu_probe import others_among, reasons

_FIELDS = {
    "sm_mhz": "clocks.sm",
    "memory_mhz": "clocks.mem",
    "temperature_celsius": "temperature.gpu",
    "power_watts": "power.draw",
}
"""What each figure is called by ``nvidia-smi``."""

_REASONS = ("clocks_event_reasons.active", "clocks_throttle_reasons.active")
"""One mask by its names in newer and in older drivers; a field that a driver does not know fails the whole question."""


class SmiProbe:
    """One GPU.

    Args:
        pci_bus_id: As the CUDA driver says it, since ``nvidia-smi`` counts GPUs in another order than CUDA.
        run: Asks ``nvidia-smi``.
    """

    def __init__(self, pci_bus_id: str, run: Runner = run_command) -> None:
        self._bus, self._run = pci_bus_id, run
        self._known: tuple[str, ...] = _REASONS

    def look(self) -> Mapping[str, Any]:
        """The GPU now, as :meth:`mnistbench.measure.gpu_probe.NvmlProbe.look` says it; empty without ``nvidia-smi``."""
        for name in self._known:
            answer = self._ask(f"--query-gpu={','.join((*_FIELDS.values(), name))}")
            if answer is not None:
                self._known = (name,)
                break
        else:
            return {}
        found = parse_look(answer)
        processes = self._ask("--query-compute-apps=pid")
        if processes is not None:
            numbers = re.findall(r"^\s*([0-9]{1,10})\s*$", processes, re.MULTILINE)
            found["other_processes"] = others_among([int(number) for number in numbers])
        return found

    def _ask(self, question: str) -> str | None:
        return self._run(("nvidia-smi", f"--id={self._bus}", question, "--format=csv,noheader,nounits"))


def smi_probe(pci_bus_id: str | None) -> SmiProbe | None:
    """A probe, or ``None`` without the GPU's address."""
    return SmiProbe(pci_bus_id) if pci_bus_id is not None else None


def parse_look(text: str) -> dict[str, Any]:
    """Figures from the line that ``nvidia-smi`` prints; what it does not say, as ``[N/A]``, is left out."""
    values = [value.strip() for value in text.strip().partition("\n")[0].split(",")]
    if len(values) != len(_FIELDS) + 1:
        return {}
    found: dict[str, Any] = {}
    for key, value in zip(_FIELDS, values[:-1], strict=True):
        if re.fullmatch(r"[0-9]{1,9}", value, re.ASCII):
            found[key] = int(value)
        elif re.fullmatch(r"[0-9]{1,9}\.[0-9]{1,9}", value, re.ASCII):
            found[key] = float(value)
    if re.fullmatch(r"0x[0-9a-fA-F]{1,16}", values[-1]):
        found["throttle_reasons"] = reasons(int(values[-1], 16))
    return found
