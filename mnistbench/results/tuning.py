"""Result of searching the settings with which a model runs fastest on one machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mnistbench.results.base import Result
from mnistbench.results.checks import check_count, check_figures, check_number, check_texts
from mnistbench.results.environment import Environment
from mnistbench.results.verdict import VERDICTS, Verdict

_TEXTS = ("name", "file", "sha256", "device", "provider", "mode")


@dataclass(frozen=True)
class TuningCandidate(Result):
    """Settings that were tried, and what they gave."""

    kind = "tuning_candidate"

    intra_op_num_threads: int
    allow_spinning: bool
    """Whether idle threads wait busily; without meaning for one thread, and where the provider has its own."""
    provider_options: dict[str, str] = field(default_factory=dict)
    """For the execution provider, above what mnistbench gives it anyway."""
    p50_seconds: float | None = None
    """Median of the processes' medians; ``None`` when it failed."""
    p50_low_seconds: float | None = None
    """Lower end of the median's 95% interval by the spread between processes; ``None`` for fewer than three."""
    p50_high_seconds: float | None = None
    process_seconds: tuple[float, ...] = ()
    """Median of each fresh process, in order; fewer than of others where it was dropped because it was slow."""
    error: str | None = None
    """Why it failed."""

    def __post_init__(self) -> None:
        # A session is made with these; a file can be edited by hand.
        check_count("intra_op_num_threads", self.intra_op_num_threads, 1)
        if type(self.allow_spinning) is not bool:
            raise TypeError(f"allow_spinning is {self.allow_spinning!r:.60}; expected true or false")
        options = self.provider_options
        if not isinstance(options, dict) or not all(isinstance(text, str) for pair in options.items() for text in pair):
            raise TypeError(f"provider_options is {options!r:.60}; expected an object of texts")
        check_figures(self, ("p50_seconds", "p50_low_seconds", "p50_high_seconds"))
        for value in self.process_seconds:
            check_number("one of process_seconds", value, least=0)
        if not isinstance(self.error, str | None):
            raise TypeError(f"error is {self.error!r:.60}; expected text or nothing")

    @property
    def settings(self) -> dict[str, Any]:
        """What a session is made with, by the names that ``SessionSettings`` has for it."""
        return {
            "intra_op_num_threads": self.intra_op_num_threads,
            "allow_spinning": self.allow_spinning,
            "provider_options": dict(self.provider_options),
        }

    @classmethod
    def _revive(cls, values: dict[str, Any]) -> dict[str, Any]:
        return values | {"process_seconds": tuple(values.get("process_seconds", ()))}


@dataclass(frozen=True)
class TuningResult(Result):
    """The fastest settings for one file at one batch size on one device of one machine, in one mode."""

    kind = "tuning"

    name: str
    file: str
    sha256: str
    """Of the file: the settings are those of these bytes."""
    device: str
    provider: str
    """Short name, as ``--provider`` takes it."""
    mode: str
    batch_size: int
    environment: Environment
    """The settings are those of this machine."""
    candidates: tuple[TuningCandidate, ...] = ()
    baseline: int | None = None
    """Which of ``candidates``, from 0 on, has the settings that are used without tuning."""
    best: int | None = None
    """Which of them was chosen: the baseline, unless another is faster beyond the noise, or as fast and cheaper."""
    gain: float | None = None
    """The baseline's median over that of the best: 1.25 when it is 1.25 times as fast; ``None`` without a baseline."""
    gain_low: float | None = None
    """Lower end of the gain's 95% interval by the spread between processes; ``None`` where it cannot be told."""
    gain_high: float | None = None
    verdict: Verdict | None = None
    """On the best beside the baseline; ``None`` where they are the same one."""
    reason: str | None = None
    """Why the best is not simply the one with the lowest median."""
    reference: TuningCandidate | None = None
    """Of mode ``graph``: the baseline's settings in the mode ``bound``, which launches the same work call by call."""
    started: str = ""
    """UTC, ISO 8601."""
    asked: dict[str, Any] = field(default_factory=dict)
    """What was asked for: processes, seed, limits of warm-up and measurement."""
    error: str | None = None
    """Why there are no settings; ``None`` when there are."""

    def __post_init__(self) -> None:
        # What a model is loaded with; a file can be edited by hand.
        check_texts(self, _TEXTS)
        check_count("batch_size", self.batch_size, 0)
        for key in ("baseline", "best"):
            position = getattr(self, key)
            if position is None:
                continue
            check_count(key, position, 0)
            if position >= len(self.candidates):
                raise ValueError(f"{key} is {position}; expected less than the {len(self.candidates)} candidates")
        check_figures(self, ("gain", "gain_low", "gain_high"))
        if self.verdict is not None and self.verdict not in VERDICTS:
            raise ValueError(f"verdict is {self.verdict!r:.60}; expected one of {', '.join(VERDICTS)}")
        for key in ("reason", "error"):
            if not isinstance(getattr(self, key), str | None):
                raise TypeError(f"{key} is {getattr(self, key)!r:.60}; expected text or nothing")
        if (self.best is None) != (self.error is not None):
            raise ValueError("expected either a best candidate or an error")

    @property
    def settings(self) -> dict[str, Any] | None:
        """What a session is made with, by the names that ``SessionSettings`` has for it; ``None`` when it failed."""
        return None if self.best is None else self.candidates[self.best].settings

    @classmethod
    def _revive(cls, values: dict[str, Any]) -> dict[str, Any]:
        revived = dict(values)
        if "environment" in values:
            revived["environment"] = Environment(**Environment._known(values["environment"]))
        revived["candidates"] = tuple(
            TuningCandidate(**TuningCandidate._known(entry)) for entry in values.get("candidates", ())
        )
        if values.get("reference") is not None:
            revived["reference"] = TuningCandidate(**TuningCandidate._known(values["reference"]))
        return revived
