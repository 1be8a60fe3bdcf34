from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from records import record

from mnistbench.errors import ArtifactError
from mnistbench.results import (
    SCHEMA_VERSION,
    BenchRun,
    ComparisonResult,
    Environment,
    EpochResult,
    EvaluationResult,
    LatencyComparison,
    LatencyResult,
    ProcessResult,
    Result,
    RunRecord,
    TrainingResult,
)

ENVIRONMENT = Environment(
    python="3.12.1",
    platform="Linux-6.1-x86_64",
    cpu="Some CPU",
    cpu_features=("avx2", "amx_bf16"),
    cpus_usable=2,
    memory_bytes=None,
    gpus=({"index": 0, "name": "GPU", "uuid": "GPU-1", "driver": "570.1", "memory_bytes": 1 << 30},),
    packages={"mnistbench": "0.1.0", "numpy": "2.0.0"},
)
EPOCHS = (EpochResult(1, 0.25, 400, 10_000, 1.5), EpochResult(2, 0.125, 300, 10_000, 1.25))
TRAINING = TrainingResult(
    name="16-10",
    notation="16-10",
    dropout=0.0,
    recipe="paper",
    seed=1,
    epochs=2,
    batch_size=128,
    device="cpu",
    precision="float32",
    num_threads=2,
    dataset="mnist",
    dataset_sha256="ab" * 32,
    evaluated_on="test",
    selection="last",
    selected_epoch=2,
    num_errors=300,
    num_images=10_000,
    error_rate=0.03,
    error_rate_low=0.0268,
    error_rate_high=0.0335,
    epoch_seconds=1.25,
    first_epoch_seconds=1.5,
    history=EPOCHS,
    weights_sha256="cd" * 32,
    job="0123456789ab",
    environment=ENVIRONMENT,
)
EVALUATION = EvaluationResult(
    name="16-10",
    file="16-10.onnx",
    sha256="ef" * 32,
    size_bytes=52_000,
    num_parameters=12_730,
    macs=None,
    dataset="mnist",
    dataset_sha256="ab" * 32,
    num_errors=300,
    num_images=10_000,
    error_rate=0.03,
    error_rate_low=0.0268,
    error_rate_high=0.0335,
    provider="CPUExecutionProvider",
    input={"name": "image", "layout": "NCHW", "dtype": "float32", "value_range": [0.0, 1.0], "batch_size": None},
    paper_error=0.0501,
    confusion=((9, 1), (2, 8)),
)
LATENCY = LatencyResult(
    name="16-10",
    file="16-10.onnx",
    sha256="ef" * 32,
    device="cpu",
    mode="e2e",
    batch_size=1,
    provider="CPUExecutionProvider",
    num_samples=3,
    stop_reason="noise",
    p50_seconds=2e-5,
    percentile_bounds={"p50": (1e-5, 3e-5)},
    samples_seconds=(1e-5, 2e-5, 3e-5),
    options={"intra_op_num_threads": 1},
)
PROCESS = ProcessResult(0.01, 0.002, 12, True, 2, "noise", 1e-5, 1.5e-5, 0.8e-5, conditions={"cpu_mhz": 2400.0})
FRESH = dataclasses.replace(
    LATENCY,
    processes=(PROCESS, dataclasses.replace(PROCESS, num_samples=1)),
    p50_low_seconds=1e-5,
    p50_high_seconds=3e-5,
    node_placement={"CPUExecutionProvider": 16},
    gpu_uuid="GPU-1",
    gpu_name="GPU",
)
FAILED = LatencyResult("16-10", "16-10.onnx", "ef" * 32, "cuda:0", "e2e", 1, error="no CUDA libraries")

COMPARISON = ComparisonResult(EVALUATION, EVALUATION, 9, 1, 2, 3, 4, 1.0, None)
RUN = record("16-10", 300)

BENCH = BenchRun("2026-11-23T04:00:00+00:00", ENVIRONMENT, {"processes": 2}, (FRESH, FAILED))

VERDICT = LatencyComparison(
    "a.json", "b.json", "16-10", "16-10", "cpu", "e2e", 1, None, 0.05, 2e-5, 2.2e-5, 0.1, 0.02, "SLOWER", notes=("gpu",)
)

RESULTS = (
    *(ENVIRONMENT, EPOCHS[0], TRAINING, RUN, EVALUATION, COMPARISON, PROCESS, LATENCY, FRESH, FAILED, BENCH),
    VERDICT,
)
CLASSES = (
    Environment,
    EpochResult,
    TrainingResult,
    RunRecord,
    EvaluationResult,
    ComparisonResult,
    ProcessResult,
    LatencyResult,
    BenchRun,
    LatencyComparison,
)

each = pytest.mark.parametrize("result", RESULTS, ids=lambda result: result.kind)


def through_json(document: dict[str, Any]) -> Any:
    return json.loads(json.dumps(document, allow_nan=False))


@each
def test_every_result_comes_back_from_json(result: Result) -> None:
    document = through_json(result.as_dict())
    again = type(result).from_dict(document)
    assert again == result
    assert again.as_dict() == result.as_dict()
    assert list(document)[:2] == ["schema_version", "kind"]


@each
def test_sequences_come_back_as_tuples(result: Result) -> None:
    again = type(result).from_dict(through_json(result.as_dict()))
    for field in dataclasses.fields(result):
        assert type(getattr(again, field.name)) is type(getattr(result, field.name)), field.name


@each
def test_unknown_fields_are_passed_over(result: Result) -> None:
    document = through_json(result.as_dict()) | {"added_later": [1, 2]}
    assert type(result).from_dict(document) == result


@pytest.mark.parametrize("nested", ["environment", "history"])
def test_unknown_fields_inside_are_passed_over_too(nested: str) -> None:
    document = through_json(TRAINING.as_dict())
    inner = document[nested][0] if nested == "history" else document[nested]
    inner["added_later"] = 1
    assert TrainingResult.from_dict(document) == TRAINING


@each
@pytest.mark.parametrize("version", [SCHEMA_VERSION + 1, 99, None, "1", 1.5])
def test_a_newer_schema_is_refused(result: Result, version: object) -> None:
    document = through_json(result.as_dict()) | {"schema_version": version}
    with pytest.raises(ArtifactError, match=r"schema version .* is not known here \(newest: 1\); update mnistbench"):
        type(result).from_dict(document)


@each
def test_every_field_without_a_default_must_be_there(result: Result) -> None:
    for field in dataclasses.fields(result):
        document = through_json(result.as_dict())
        del document[field.name]
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            with pytest.raises(ArtifactError, match=f"a {result.kind} result lacks a field.*{field.name}"):
                type(result).from_dict(document)
        else:
            type(result).from_dict(document)


@pytest.mark.parametrize(("nested", "value"), [("environment", {}), ("environment", None), ("history", [{"epoch": 1}])])
def test_a_field_missing_inside_is_noticed(nested: str, value: object) -> None:
    with pytest.raises(ArtifactError, match="lacks a field"):
        TrainingResult.from_dict(through_json(TRAINING.as_dict()) | {nested: value})


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("document", [None, [], "latency", 3, {}, {"kind": "other", "schema_version": 1}])
def test_other_documents_are_refused(cls: type[Result], document: object) -> None:
    with pytest.raises(ArtifactError, match=f'not a {cls.kind} result; expected a JSON object with "kind"'):
        cls.from_dict(document)


def test_one_kind_is_not_read_as_another() -> None:
    assert len({cls.kind for cls in CLASSES}) == len(CLASSES)
    for cls in CLASSES:
        for result in RESULTS:
            if cls is not type(result):
                with pytest.raises(ArtifactError, match=f"not a {cls.kind} result"):
                    cls.from_dict(through_json(result.as_dict()))


@pytest.mark.parametrize("value", [[], None, "p50"])
def test_damaged_bounds_are_a_typed_error(value: object) -> None:
    with pytest.raises(ArtifactError):
        LatencyResult.from_dict(through_json(LATENCY.as_dict()) | {"percentile_bounds": value})


@pytest.mark.parametrize(
    ("result", "changes"),
    [
        (LATENCY, {"samples_seconds": 3}),
        (LATENCY, {"samples_seconds": None}),
        (LATENCY, {"samples_seconds": [1e-5, None]}),
        (LATENCY, {"samples_seconds": [1e-5, -1e-5]}),
        (LATENCY, {"samples_seconds": [[1e-5], [1e-5]]}),
        (LATENCY, {"p50_seconds": "fast"}),
        (LATENCY, {"p50_seconds": -1.0}),
        (LATENCY, {"name": 3}),
        (LATENCY, {"batch_size": 1.5}),
        (LATENCY, {"percentile_bounds": {"p50": [1, "x"]}}),
        (FRESH, {"processes": 4}),
        (FRESH, {"processes": [4]}),
        (FRESH, {"processes": [PROCESS.as_dict()]}),
        (PROCESS, {"num_samples": 0}),
        (PROCESS, {"p50_seconds": None}),
        (LATENCY, {"provider": ["CPUExecutionProvider"]}),
        (LATENCY, {"error": 3}),
        (LATENCY, {"gpu_uuid": 3}),
        (LATENCY, {"gpu_name": ["GPU"]}),
        (LATENCY, {"options": None}),
        (VERDICT, {"verdict": "BETTER"}),
        (VERDICT, {"change": -1.1}),
        (VERDICT, {"floor": -0.1}),
        (VERDICT, {"floor": "small"}),
        (VERDICT, {"threshold": None}),
        (VERDICT, {"batch_size": 1.5}),
        (VERDICT, {"notes": 3}),
        (ENVIRONMENT, {"cpu": None}),
        (ENVIRONMENT, {"packages": []}),
        (ENVIRONMENT, {"gpus": ["GPU"]}),
        (BENCH, {"results": 7}),
        (BENCH, {"results": [{"name": "16-10"}]}),
        (BENCH, {"environment": None}),
        (EVALUATION, {"confusion": [1, 2]}),
        (ENVIRONMENT, {"gpus": 1}),
        (TRAINING, {"history": 5}),
        (TRAINING, {"history": [5]}),
        (TRAINING, {"environment": [1]}),
        (TRAINING, {"environment": "linux"}),
    ],
)
def test_damaged_fields_are_a_typed_error(result: Result, changes: dict[str, object]) -> None:
    with pytest.raises(ArtifactError):
        type(result).from_dict(through_json(result.as_dict()) | changes)


def test_an_older_file_without_the_newer_fields_still_loads() -> None:
    document = through_json(FAILED.as_dict())
    required = {"schema_version", "kind", "name", "file", "sha256", "device", "mode", "batch_size", "error"}
    assert LatencyResult.from_dict({key: document[key] for key in required}) == FAILED


NAN, INFINITY = float("nan"), float("inf")


@pytest.mark.parametrize(
    "changes",
    [
        *({key: 3} for key in ("name", "device", "precision", "dataset", "weights_sha256")),
        *(
            {key: value}
            for key in ("seed", "batch_size", "max_shift", "num_threads")
            for value in (1.5, True, None, -1)
        ),
        *({key: NAN} for key in ("learning_rate", "dropout", "epoch_seconds", "label_smoothing", "num_errors")),
        {"epochs": 0},
        {"epochs": 2},
        {"selected_epoch": 0},
        {"selected_epoch": 4},
        {"num_images": 0},
        {"num_images": 299},
        {"num_errors": -1},
        {"epoch_errors": (900, 600, 10_001)},
        {"epoch_errors": (900, 600)},
        {"epoch_errors": (900, 600, True)},
        {"epoch_losses": (0.5, 0.4, NAN)},
        {"epoch_losses": (0.5, 0.4, "0.3")},
        {"epoch_seconds": INFINITY},
        {"epoch_seconds": -1.0},
        {"learning_rate": "0.1"},
        {"learning_rate": -0.1},
        {"dropout": 1.0},
        {"label_smoothing": 1.5},
    ],
    ids=str,
)
def test_a_run_that_cannot_be_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises((ValueError, TypeError), match=r"expected|errors of"):
        dataclasses.replace(RUN, **changes)
    with pytest.raises(ArtifactError):
        RunRecord.from_dict(RUN.as_dict() | changes)


@pytest.mark.parametrize("later", ["label_smoothing", "initialization", "max_rotation", "max_scaling"])
def test_a_run_of_before_a_setting_was_noted_still_loads(later: str) -> None:
    document = RUN.as_dict()
    del document[later]
    assert RunRecord.from_dict(document) == RUN


@pytest.mark.parametrize("key", ["learning_rate", "max_rotation", "max_scaling", "epoch_seconds", "dropout"])
def test_a_number_beyond_every_float_is_refused(key: str) -> None:
    with pytest.raises(ArtifactError, match=key):
        RunRecord.from_dict(RUN.as_dict() | {key: 10**400})


@pytest.mark.parametrize(
    "changes",
    [
        {"epoch": 0},
        {"epoch": "1"},
        {"num_errors": -1},
        {"num_errors": 101},
        {"num_errors": "many"},
        {"num_images": 0},
        {"loss": NAN},
        {"loss": None},
        {"seconds": -1.0},
        {"seconds": "x"},
        {"seconds": 10**400},
    ],
    ids=lambda changes: str(changes)[:30],
)
def test_an_epoch_that_cannot_be_is_refused(changes: dict[str, Any]) -> None:
    good = {"epoch": 1, "loss": 0.5, "num_errors": 3, "num_images": 100, "seconds": 1.0}
    EpochResult(**good)
    with pytest.raises((TypeError, ValueError), match=r"epoch|errors|images|loss|seconds"):
        EpochResult(**(good | changes))


@pytest.mark.parametrize("key", ["error_rate", "error_rate_low", "epoch_seconds", "num_errors"])
@pytest.mark.parametrize("value", ["x", None, NAN, -1, 10**400], ids=["text", "none", "nan", "negative", "huge"])
def test_a_training_result_that_cannot_be_shown_is_refused(key: str, value: Any) -> None:
    with pytest.raises(ArtifactError, match=key):
        TrainingResult.from_dict(TRAINING.as_dict() | {key: value})


def test_results_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        EPOCHS[0].num_errors = 0


def test_error_rate_of_an_epoch_is_a_fraction() -> None:
    assert EPOCHS[0].error_rate == 0.04


@pytest.mark.parametrize("key", ["cpu", "cpus_usable", "python"])
def test_a_wrong_value_is_shown_in_part_however_long_it_is(key: str) -> None:
    with pytest.raises(ArtifactError) as caught:
        Environment.from_dict(ENVIRONMENT.as_dict() | {key: ["x" * 1_000_000]})
    assert key in str(caught.value)
    assert len(str(caught.value)) < 500
