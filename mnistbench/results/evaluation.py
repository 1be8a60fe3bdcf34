"""Results on labelled images: of one model, of two beside each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mnistbench.results.base import Result


@dataclass(frozen=True)
class EvaluationResult(Result):
    """Answers of one ONNX file on one set of labelled images."""

    kind = "evaluation"

    name: str
    file: str
    sha256: str
    size_bytes: int
    num_parameters: int | None
    """From the file's initialisers."""
    macs: int | None
    """Multiply-accumulates for one image; ``None`` when the file does not say."""
    dataset: str
    dataset_sha256: str
    num_errors: int
    num_images: int
    error_rate: float
    error_rate_low: float
    """Lower end of the Wilson 95% interval."""
    error_rate_high: float
    provider: str
    """Execution provider that really ran, such as ``CPUExecutionProvider``."""
    input: dict[str, Any]
    """How images were given: ``name, layout, dtype, value_range, batch_size`` and how that was found."""
    notation: str | None = None
    dropout: float | None = None
    table: int | None = None
    paper_error: float | None = None
    confusion: tuple[tuple[int, ...], ...] | None = None
    """Rows are true digits, columns answers."""

    @classmethod
    def _revive(cls, values: dict[str, Any]) -> dict[str, Any]:
        if values.get("confusion") is None:
            return values
        return values | {"confusion": tuple(tuple(row) for row in values["confusion"])}


@dataclass(frozen=True)
class ComparisonResult(Result):
    """Two models on the same labelled images."""

    kind = "comparison"

    a: EvaluationResult
    b: EvaluationResult
    both_right: int
    """Images that both models get right."""
    only_a_wrong: int
    only_b_wrong: int
    both_wrong: int
    answers_differ: int
    """Images that get different answers, both wrong ones among them."""
    p_value: float
    """Of McNemar's exact test, two-sided: that two equally good models differ so much or more."""
    better: str | None
    """``a`` or ``b`` where the p-value is below 0.05, else ``None``: no difference shown."""

    @classmethod
    def _revive(cls, values: dict[str, Any]) -> dict[str, Any]:
        return values | {k: EvaluationResult(**EvaluationResult._known(values[k])) for k in "ab" if k in values}
