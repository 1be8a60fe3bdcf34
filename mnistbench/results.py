"""What was measured, as plain data: one class a stage, JSON with a schema version.

Error rates are fractions, times seconds, sizes bytes. A new field is added with
a default, so that older files still load; a field that changes its meaning
raises ``SCHEMA_VERSION``. Nothing here measures, formats or knows a path.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any, Literal, Self, get_args

from mnistbench.errors import ArtifactError

SCHEMA_VERSION = 1

State = Literal["finished", "running", "unfinished", "diverged", "failed", "damaged"]

STATES: tuple[State, ...] = get_args(State)
"""What can have become of a training run."""


class Result:
    """Base of the result classes: to a JSON document and back."""

    kind = "result"

    def as_dict(self) -> dict[str, Any]:
        """A document of JSON types with ``schema_version`` and ``kind`` in front."""
        assert dataclasses.is_dataclass(self)
        return {"schema_version": SCHEMA_VERSION, "kind": self.kind, **dataclasses.asdict(self)}

    @classmethod
    def from_dict(cls, document: Any) -> Self:
        """Read what :meth:`as_dict` wrote; fields that are not known are passed over.

        Raises:
            ArtifactError: When the document is of another kind or a newer schema,
                or lacks a field.
        """
        if not isinstance(document, dict) or document.get("kind") != cls.kind:
            raise ArtifactError(f'not a {cls.kind} result; expected a JSON object with "kind": "{cls.kind}"')
        version = document.get("schema_version")
        if type(version) is not int or not 1 <= version <= SCHEMA_VERSION:
            raise ArtifactError(
                f"schema version {version!r} is not known here (newest: {SCHEMA_VERSION}); update mnistbench"
            )
        try:
            return cls(**cls._known(document))
        except (TypeError, AttributeError, ValueError) as error:
            raise ArtifactError(f"a {cls.kind} result lacks a field or has a wrong one: {error}") from None

    @classmethod
    def _known(cls, document: dict[str, Any]) -> dict[str, Any]:
        """Those values that this class has fields for, revived."""
        assert dataclasses.is_dataclass(cls)
        names = {f.name for f in dataclasses.fields(cls)}
        return cls._revive({key: value for key, value in document.items() if key in names})

    @classmethod
    def _revive(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Turn the JSON types of single fields back into theirs."""
        return values


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

    @classmethod
    def _revive(cls, values: dict[str, Any]) -> dict[str, Any]:
        return values | {key: tuple(values[key]) for key in ("cpu_features", "gpus") if key in values}


@dataclass(frozen=True)
class EpochResult(Result):
    """One pass over the training images."""

    kind = "epoch"

    epoch: int
    """Counted from 1."""
    loss: float
    """Mean cross-entropy over the epoch, in nats, with dropout active."""
    num_errors: int
    """Wrong answers on the evaluation images after the epoch."""
    num_images: int
    """Evaluation images."""
    seconds: float
    """Wall time of the training steps; evaluation and checkpoint excluded."""

    def __post_init__(self) -> None:
        for key, least in (("epoch", 1), ("num_images", 1), ("num_errors", 0)):
            _check_count(key, getattr(self, key), least)
        if self.num_errors > self.num_images:
            raise ValueError(f"{self.num_errors} errors of {self.num_images} images")
        _check_number("loss", self.loss)
        _check_number("seconds", self.seconds, least=0)

    @property
    def error_rate(self) -> float:
        """Wrong answers as a fraction."""
        return self.num_errors / self.num_images


@dataclass(frozen=True)
class TrainingResult(Result):
    """One finished training run."""

    kind = "training"

    name: str
    notation: str
    dropout: float
    recipe: str
    seed: int
    epochs: int
    batch_size: int
    device: str
    """Such as ``cpu`` or ``cuda:0``."""
    precision: str
    """``float32`` or ``bfloat16`` (mixed, weights stay float32)."""
    num_threads: int
    dataset: str
    """``mnist``, or the name of the user's own folder."""
    dataset_sha256: str
    evaluated_on: str
    """``test``, or ``validation`` when training images were held out."""
    selection: str
    """``last`` epoch, or ``best_on_test`` as the paper does."""
    selected_epoch: int
    num_errors: int
    """Of the selected epoch's weights."""
    num_images: int
    error_rate: float
    error_rate_low: float
    """Lower end of the Wilson 95% interval."""
    error_rate_high: float
    epoch_seconds: float
    """Median over the epochs after the first (of the only one, if there is one)."""
    first_epoch_seconds: float
    """Carries what happens once: capture, compilation, allocation."""
    history: tuple[EpochResult, ...]
    weights_sha256: str
    job: str
    """Hash of the configuration, which names the folder."""
    environment: Environment
    learning_rate: float | None = None
    """Constant, or the peak of the cycle; ``None`` in results of before it was noted."""
    max_shift: int = 0
    """Random shift of each training image along each axis, at most so many pixels; 0 for none."""
    label_smoothing: float = 0.0
    """Part of each target that was spread evenly over the classes; the loss counts it in."""
    initialization: str = "torch"
    """Distribution of the initial weights: ``torch``, ``glorot`` or ``he``."""
    max_rotation: float = 0.0
    """Random turn of each training image either way, at most so many degrees; 0 for none."""
    max_scaling: float = 0.0
    """Random change of each training image's width and height, to ``1/(1+s)`` to ``1/(1-s)`` of them; 0 for none."""
    captured: bool | None = None
    """Whether the steps were replayed from a CUDA graph; ``None`` when an earlier process trained all of them."""

    def __post_init__(self) -> None:
        # What is shown as soon as a run is found to be finished; a file can be edited by hand.
        _check_count("num_images", self.num_images, 1)
        _check_count("num_errors", self.num_errors, 0)
        if self.num_errors > self.num_images:
            raise ValueError(f"num_errors is more than the {self.num_images} images")
        for key in ("error_rate", "error_rate_low", "error_rate_high", "epoch_seconds", "first_epoch_seconds"):
            _check_number(key, getattr(self, key), least=0)

    @classmethod
    def _revive(cls, values: dict[str, Any]) -> dict[str, Any]:
        revived = dict(values)
        if "history" in values:
            revived["history"] = tuple(EpochResult(**EpochResult._known(entry)) for entry in values["history"])
        if "environment" in values:
            revived["environment"] = Environment(**Environment._known(values["environment"]))
        return revived


@dataclass(frozen=True)
class RunRecord(Result):
    """What is worth keeping of one finished training run: small enough to be committed."""

    kind = "run"

    name: str
    recipe: str
    seed: int
    epochs: int
    batch_size: int
    learning_rate: float | None
    """Constant, or the peak of the cycle; ``None`` when the run did not note it."""
    max_shift: int
    """Random shift of each training image along each axis, at most so many pixels; 0 for none."""
    dropout: float
    selection: str
    """``last`` epoch, or ``best_on_test`` as the paper does."""
    selected_epoch: int
    num_errors: int
    """Of the selected epoch's weights, on the test images."""
    num_images: int
    epoch_errors: tuple[int, ...]
    """Wrong answers on the test images after each epoch."""
    epoch_losses: tuple[float, ...]
    """Mean cross-entropy over each epoch in nats, with dropout active; five digits behind the point."""
    epoch_seconds: float
    """Median over the epochs after the first."""
    device: str
    precision: str
    num_threads: int
    dataset: str
    job: str
    """Hash of the configuration."""
    weights_sha256: str
    environment: str
    """Key of the machine among the ``environments`` of the file."""
    label_smoothing: float = 0.0
    """Part of each target that was spread evenly over the classes."""
    initialization: str = "torch"
    """Distribution of the initial weights: ``torch``, ``glorot`` or ``he``."""
    max_rotation: float = 0.0
    """Random turn of each training image either way, at most so many degrees; 0 for none."""
    max_scaling: float = 0.0
    """Random change of each training image's width and height, to ``1/(1+s)`` to ``1/(1-s)`` of them; 0 for none."""

    def __post_init__(self) -> None:
        # What the tables count with; a file can be edited by hand, and NaN cannot be saved as JSON.
        for key in _TEXTS:
            if not isinstance(getattr(self, key), str):
                raise TypeError(f"{key} is {getattr(self, key)!r}; expected text")
        for key, least in _LEAST_COUNTS.items():
            _check_count(key, getattr(self, key), least)
        if self.selected_epoch > self.epochs:
            raise ValueError(f"selected_epoch is {self.selected_epoch}; expected 1 to {self.epochs}")
        for errors in (self.num_errors, *self.epoch_errors):
            if type(errors) is not int or not 0 <= errors <= self.num_images:
                raise ValueError(f"{errors!r} errors of {self.num_images} images")
        if len(self.epoch_errors) != len(self.epoch_losses):
            raise ValueError(f"errors of {len(self.epoch_errors)} epochs, losses of {len(self.epoch_losses)}")
        for loss in self.epoch_losses:
            _check_number("an epoch's loss", loss)
        _check_number("epoch_seconds", self.epoch_seconds, least=0)
        if self.learning_rate is not None:
            _check_number("learning_rate", self.learning_rate, least=0)
        for key in ("dropout", "label_smoothing", "max_scaling"):
            _check_number(key, getattr(self, key), least=0, below=1)
        _check_number("max_rotation", self.max_rotation, least=0, below=360)

    @property
    def error_rate(self) -> float:
        """Wrong answers as a fraction."""
        return self.num_errors / self.num_images

    @classmethod
    def _revive(cls, values: dict[str, Any]) -> dict[str, Any]:
        return values | {key: tuple(values[key]) for key in ("epoch_errors", "epoch_losses") if key in values}


_TEXTS = (
    "name",
    "recipe",
    "selection",
    "device",
    "precision",
    "dataset",
    "job",
    "weights_sha256",
    "environment",
    "initialization",
)

_LEAST_COUNTS = {
    "seed": 0,
    "epochs": 1,
    "batch_size": 1,
    "max_shift": 0,
    "selected_epoch": 1,
    "num_errors": 0,
    "num_images": 1,
    "num_threads": 0,
}


def _check_count(what: str, value: Any, least: int) -> None:
    """Refuse what is no whole number, or too small a one."""
    if type(value) is not int:
        raise TypeError(f"{what} is {value!r}; expected a whole number")
    if value < least:
        raise ValueError(f"{what} is {value}; expected {least} or more")


def _check_number(what: str, value: Any, *, least: float = -math.inf, below: float = math.inf) -> None:
    """Refuse what is no number, and NaN and infinity among the numbers."""
    if type(value) not in (int, float):
        raise TypeError(f"{what} is {value!r}; expected a number")
    if not least <= value < below or not _is_finite(value):
        raise ValueError(f"{what} is {repr(value)[:20]}; expected a finite number from {least} to below {below}")


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond every float
        return False


@dataclass(frozen=True)
class RunState(Result):
    """One run folder; ``None`` where its files do not say."""

    kind = "run_state"

    name: str
    """The network's, as the folder above says it."""
    job: str
    """Hash of the configuration: the folder's name."""
    folder: str
    state: State
    """``running`` while a living process holds the folder; ``damaged`` when a file cannot be read."""
    recipe: str | None = None
    seed: int | None = None
    epochs: int | None = None
    """As many as the configuration asks for."""
    learning_rate: float | None = None
    """Constant, or the peak of the cycle."""
    batch_size: int | None = None
    max_shift: int | None = None
    """Random shift of each training image along each axis, at most so many pixels."""
    label_smoothing: float | None = None
    """Part of each target that is spread evenly over the ten classes."""
    initialization: str | None = None
    """Distribution of the initial weights: ``torch``, ``glorot`` or ``he``."""
    max_rotation: float | None = None
    """Random turn of each training image either way, at most so many degrees."""
    max_scaling: float | None = None
    """Random change of each training image's width and height, to ``1/(1+s)`` to ``1/(1-s)`` of them."""
    dropout: float | None = None
    """Rate of the hidden fully connected layers."""
    epochs_done: int = 0
    """Trained, evaluated and saved."""
    evaluated_on: str | None = None
    """``test``, or ``validation`` when training images were held out."""
    error_rate: float | None = None
    """Of the result; before there is one, of the last epoch done."""
    seconds: float | None = None
    """Sum over the epochs done, evaluation and checkpoints excluded."""
    epoch_seconds: float | None = None
    """Median over the epochs after the first (of the only one, if there is one)."""
    when: str | None = None
    """Last change, in UTC, ISO 8601."""
    error: str | None = None
    """Why it diverged or failed, or what is damaged."""


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


@dataclass(frozen=True)
class LatencyResult(Result):
    """Time of one model at one batch size on one device."""

    kind = "latency"

    name: str
    file: str
    sha256: str
    device: str
    """As asked for: ``cpu`` or ``cuda:0``."""
    mode: str
    """``e2e``: numpy in, numpy out."""
    batch_size: int
    provider: str | None = None
    """Execution provider that really ran; ``None`` when nothing did."""
    error: str | None = None
    """Why there are no figures; ``None`` when there are."""
    session_seconds: float | None = None
    """Creation of the session: load, optimise, allocate."""
    first_call_seconds: float | None = None
    warmup_calls: int = 0
    warmup_settled: bool = False
    """Whether the last three windows of the warm-up agreed within 10%."""
    num_samples: int = 0
    """Timed calls in steady state."""
    stop_reason: str | None = None
    """``noise``, ``plateau``, ``time`` or ``count``: why the measurement ended."""
    mean_seconds: float | None = None
    min_seconds: float | None = None
    p50_seconds: float | None = None
    p90_seconds: float | None = None
    """Only where the sample supports it, as for every percentile."""
    p99_seconds: float | None = None
    percentile_bounds: dict[str, tuple[float, float]] = field(default_factory=dict)
    """95% confidence bounds by percentile: ``{"p50": (low, high)}``, in seconds."""
    num_outliers: int = 0
    """Samples beyond 1.5 interquartile ranges of the quartiles; counted, never removed."""
    throughput: float | None = None
    """Images per second: batch size over the mean."""
    samples_seconds: tuple[float, ...] = ()
    """Every timed call, in order."""
    options: dict[str, Any] = field(default_factory=dict)
    """Session options: threads, spinning, graph optimisation level, provider options."""
    notation: str | None = None
    dropout: float | None = None
    table: int | None = None
    paper_error: float | None = None

    @classmethod
    def _revive(cls, values: dict[str, Any]) -> dict[str, Any]:
        revived = dict(values)
        revived["samples_seconds"] = tuple(values.get("samples_seconds", ()))
        revived["percentile_bounds"] = {key: tuple(pair) for key, pair in values.get("percentile_bounds", {}).items()}
        return revived
