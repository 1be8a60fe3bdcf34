from __future__ import annotations

import hashlib
from pathlib import Path

import onnx
import onnxruntime
import pytest
import torch
from tiny import CONVOLUTIONAL, tiny_job

from mnistbench.artifacts import read_manifest, verify
from mnistbench.catalog import find
from mnistbench.data.dataset import Dataset
from mnistbench.errors import ExportError
from mnistbench.locate import locate, locate_precisions
from mnistbench.measure.stats import wilson_interval
from mnistbench.precisions import PRECISIONS
from mnistbench.runtime.contract import is_own_contract
from mnistbench.training import acceptance
from mnistbench.training.describe import file_name
from mnistbench.training.export import Source, export_run, prepare, publish
from mnistbench.training.gate import check_structure
from mnistbench.training.job import FinishedRun
from mnistbench.training.run import run_job

NETWORK = find(CONVOLUTIONAL)

others = pytest.mark.parametrize("precision", PRECISIONS[1:])


@pytest.fixture(scope="module")
def run(tiny: Dataset, tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    job = tiny_job(CONVOLUTIONAL, learning_rate=0.01, batch_size=20, epochs=8)
    return run_job(job, tiny, torch.device("cpu"), tmp_path_factory.mktemp("work"))


@pytest.fixture(scope="module")
def source(run: FinishedRun, tiny: Dataset) -> Source:
    return prepare(run, NETWORK, tiny)


@pytest.fixture
def lenient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a hundred images one more error is a whole point."""
    monkeypatch.setattr(acceptance, "LARGEST_LOSSES", dict.fromkeys(PRECISIONS[1:], 0.05))


def properties(path: Path) -> dict[str, str]:
    return {entry.key: entry.value for entry in onnx.load(str(path)).metadata_props}


def without(values: dict[str, str], *keys: str) -> dict[str, str]:
    return {key: value for key, value in values.items() if key.removeprefix("mnistbench.") not in keys}


@others
@pytest.mark.usefixtures("lenient")
def test_a_run_becomes_a_file_in_a_precision(source: Source, tiny: Dataset, tmp_path: Path, precision: str) -> None:
    plain, entry = publish(source, tmp_path), publish(source, tmp_path, precision=precision)
    assert read_manifest(tmp_path) == tuple(sorted((plain, entry), key=lambda e: e.file))
    assert (entry.file, entry.precision, entry.name) == (f"{NETWORK.name}-{precision}.onnx", precision, NETWORK.name)
    content = verify(tmp_path, entry).read_bytes()
    assert (entry.sha256, entry.size_bytes) == (hashlib.sha256(content).hexdigest(), len(content))
    assert entry.size_bytes < plain.size_bytes or precision != "fp16"
    assert (entry.inputs, entry.outputs, entry.labels) == (plain.inputs, plain.outputs, plain.labels)
    assert (entry.opset, entry.ir_version, entry.num_parameters) == (18, 8, NETWORK.spec.num_parameters)
    assert entry.training == plain.training
    errors = entry.metrics["num_errors"]
    assert entry.metrics["error_rate"] == errors / 100
    assert (entry.metrics["error_rate_low"], entry.metrics["error_rate_high"]) == wilson_interval(errors, 100)
    assert entry.parity["reference"] == "fp32"
    assert entry.parity["error_difference"] == pytest.approx((errors - plain.metrics["num_errors"]) / 100)
    assert entry.parity["num_images"] == 100
    assert entry.parity["max_logit_difference"] > 0
    assert 0 <= entry.parity["label_differences"] <= 100
    if precision == "fp16":
        assert entry.calibration is None
    else:
        assert entry.calibration is not None
        assert (entry.calibration["num_images"], entry.calibration["seed"]) == (150, 20)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    assert is_own_contract(session)
    labels = session.run(["label"], {"image": tiny.test_images[:, None]})[0]
    assert int((labels != tiny.test_labels).sum()) == errors
    check_structure(onnx.load_from_string(content), NETWORK.spec)


@others
@pytest.mark.usefixtures("lenient")
def test_the_metadata_says_what_is_different(source: Source, tmp_path: Path, precision: str) -> None:
    plain, entry = publish(source, tmp_path), publish(source, tmp_path, precision=precision)
    values, usual = properties(tmp_path / entry.file), properties(tmp_path / plain.file)
    assert "mnistbench.precision" not in usual  # fp32, as in every file from before there were others
    own = ("test_errors", "test_error_rate", "test_error_interval_95", "description")
    own += ("parity_label_differences", "parity_logit_difference_below")
    added = {"precision", "parity_reference", "error_difference_points"}
    added |= set() if precision == "fp16" else {"calibration_method", "calibration_num_images", "calibration_seed"}
    assert {key.removeprefix("mnistbench.") for key in set(values) - set(usual)} == added
    assert without(values, *own, *added) == without(usual, *own)
    assert values["mnistbench.precision"] == precision
    assert values["mnistbench.parity_reference"] == "fp32"
    assert values["mnistbench.test_errors"] == f"{entry.metrics['num_errors']}/100"
    points = 100 * entry.parity["error_difference"]
    assert float(values["mnistbench.error_difference_points"]) == pytest.approx(points)
    assert values["mnistbench.error_difference_points"][0] in "+-"
    if entry.calibration is not None:
        said = {key: values[f"mnistbench.calibration_{key}"] for key in entry.calibration}
        assert said == {key: str(value) for key, value in entry.calibration.items()}
    words = {
        "fp16": "in float16",
        "int8": "in signed 8-bit integers",
        "web": "in unsigned 8-bit integers, for browsers",
    }
    assert values["description"] == usual["description"].removesuffix(".") + f"; computes {words[precision]}."


@others
@pytest.mark.usefixtures("lenient")
def test_exporting_again_gives_the_same_bytes(
    run: FinishedRun, source: Source, tiny: Dataset, tmp_path: Path, precision: str
) -> None:
    first = publish(source, tmp_path / "a", precision=precision)
    assert export_run(run, NETWORK, tiny, tmp_path / "b", precision=precision) == first
    assert (tmp_path / "a" / first.file).read_bytes() == (tmp_path / "b" / first.file).read_bytes()


@pytest.mark.usefixtures("lenient")
def test_test_images_decide_nothing_in_a_quantised_model(run: FinishedRun, tiny: Dataset, tmp_path: Path) -> None:
    import dataclasses

    graphs = []
    for folder, images in (("a", tiny.test_images), ("b", tiny.test_images[::-1].copy())):
        # The same images in another order, with their labels: a draw from them would come out otherwise.
        labels = tiny.test_labels if folder == "a" else tiny.test_labels[::-1].copy()
        dataset = dataclasses.replace(tiny, test_images=images, test_labels=labels)
        entry = export_run(run, NETWORK, dataset, tmp_path / folder, precision="int8")
        graphs.append(onnx.load(str(tmp_path / folder / entry.file)).graph.SerializeToString(deterministic=True))
    assert graphs[0] == graphs[1]


@others
def test_what_loses_too_much_is_not_published(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    publish(source, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    monkeypatch.setattr(acceptance, "LARGEST_LOSSES", {precision: -1.0})
    with pytest.raises(ExportError, match=rf"@{precision}: \d+ of 100 test images are wrong in {precision}, .*allowed"):
        publish(source, tmp_path, precision=precision)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.usefixtures("lenient")
def test_all_precisions_lie_in_one_zoo_and_are_found(source: Source, tmp_path: Path) -> None:
    for precision in reversed(PRECISIONS):
        publish(source, tmp_path, precision=precision)
    found = locate_precisions(NETWORK.name, [tmp_path])
    assert [model.entry.precision for model in found if model.entry is not None] == [*PRECISIONS]
    assert locate(NETWORK.name, [tmp_path]) == found[0]


@pytest.mark.usefixtures("lenient")
@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_variant_with_float_input(run: FinishedRun, tiny: Dataset, tmp_path: Path, precision: str) -> None:
    entry = export_run(run, NETWORK, tiny, tmp_path, input_dtype="float32", precision=precision)
    assert entry.file == file_name(NETWORK, "float32", precision)
    assert entry.file == f"{NETWORK.name}{'' if precision == 'fp32' else '-' + precision}-float32.onnx"
    assert entry.inputs[0]["dtype"] == "float32"
    assert properties(tmp_path / entry.file)["Image.NominalPixelRange"] == "Normalized_0_1"
