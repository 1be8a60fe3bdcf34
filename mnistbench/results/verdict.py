"""Result of comparing one row of two runs of the benchmark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

from mnistbench.results.base import Result
from mnistbench.results.checks import check_count, check_number

Verdict = Literal["FASTER", "SLOWER", "SAME", "UNCLEAR"]

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
"""What can be said of the second of two rows beside the first, the baseline."""

Judged = Literal["undisturbed", "p50"]

JUDGED_BY: tuple[Judged, ...] = get_args(Judged)
"""The time of a row that is compared: its undisturbed call, or its median."""


@dataclass(frozen=True)
class LatencyComparison(Result):
    """One model's latency in a run beside that in the baseline, on the same kind of device, mode and batch size."""

    kind = "latency_comparison"

    baseline: str
    """File of the first run, A, as it was named."""
    other: str
    """File of the second run, B; the same one when models of one run are compared."""
    baseline_name: str
    """Model in A."""
    other_name: str
    """Model in B."""
    device: str
    """Of A where it has the row, as the next three."""
    mode: str
    batch_size: int
    provider: str | None
    """Execution provider that really ran; ``None`` when nothing did."""
    threshold: float
    """Change that matters in practice, as a fraction: 0.05 for 5%."""
    baseline_seconds: float | None = None
    """Of A, as ``judged_by`` says, and as if it had no more undisturbed processes than B; ``None`` where there is no
    row or it failed."""
    other_seconds: float | None = None
    """Of B, in the same way."""
    change: float | None = None
    """Of B against A, as a fraction: 0.1 when B takes 10% longer."""
    floor: float | None = None
    """Change that two runs of the same thing show by noise alone, as a fraction; 95% of them stay below."""
    verdict: Verdict | None = None
    """``None`` where the rows were not compared."""
    reason: str | None = None
    """Why it is ``UNCLEAR``, or was not compared."""
    notes: tuple[str, ...] = ()
    """What differs between the two and does not prevent a comparison: the file, the machine, versions."""
    extra: bool = False
    """Whether A lacks the row, so that nothing is missing that was asked for."""
    judged_by: Judged = "undisturbed"
    """Which time of a row the verdict and the figures are about."""
    p50_change: float | None = None
    """Of B's median against A's, as a fraction, whatever the verdict is about."""

    def __post_init__(self) -> None:
        # What sheets and exit codes count with; a file can be edited by hand.
        if self.verdict is not None and self.verdict not in VERDICTS:
            raise ValueError(f"verdict is {self.verdict!r:.60}; expected one of {', '.join(VERDICTS)}")
        if self.judged_by not in JUDGED_BY:
            raise ValueError(f"judged_by is {self.judged_by!r:.60}; expected one of {', '.join(JUDGED_BY)}")
        check_count("batch_size", self.batch_size, 0)
        check_number("threshold", self.threshold, least=0)
        times = {"baseline_seconds": 0, "other_seconds": 0, "floor": 0}
        for key, least in {**times, "change": -1, "p50_change": -1}.items():
            if getattr(self, key) is not None:
                check_number(key, getattr(self, key), least=least)

    @classmethod
    def _revive(cls, values: dict[str, Any]) -> dict[str, Any]:
        return values | {"notes": tuple(values.get("notes", ()))}
