from __future__ import annotations

import ast
import dataclasses
import errno
import hashlib
import importlib.metadata
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
import safetensors.torch
import torch
from onnx import numpy_helper
from tiny import CONVOLUTIONAL, DENSE, tiny_job

from mnistbench import __version__, files
from mnistbench.artifacts import read_manifest, verify
from mnistbench.catalog import Network, find
from mnistbench.data.dataset import Dataset
from mnistbench.errors import ArtifactError, ExportError
from mnistbench.locate import locate
from mnistbench.measure.stats import wilson_interval
from mnistbench.runtime.model import Model
from mnistbench.training import export as export_module
from mnistbench.training.describe import file_name, metadata
from mnistbench.training.export import export_run
from mnistbench.training.gate import Parity
from mnistbench.training.job import FinishedRun
from mnistbench.training.run import load_weights, run_job


@pytest.fixture(scope="module")
def runs(tiny: Dataset, tmp_path_factory: pytest.TempPathFactory) -> dict[str, FinishedRun]:
    work_dir = tmp_path_factory.mktemp("work")
    jobs = [tiny_job(text, learning_rate=0.01, batch_size=20) for text in (DENSE, CONVOLUTIONAL, "64-10")]
    return {job.network.name: run_job(job, tiny, torch.device("cpu"), work_dir) for job in jobs}


def export(runs: dict[str, FinishedRun], text: str, dataset: Dataset, folder: Path, **keywords: Any) -> onnx.ModelProto:
    entry = export_run(runs[text], find(text), dataset, folder, **keywords)
    return onnx.load(str(folder / entry.file))


def properties(model: onnx.ModelProto) -> dict[str, str]:
    return {entry.key: entry.value for entry in model.metadata_props}


@pytest.mark.parametrize("text", [DENSE, CONVOLUTIONAL, "64-10"])
@pytest.mark.parametrize("input_dtype", ["uint8", "float32"])
def test_a_run_becomes_a_file_and_its_entry(
    runs: dict[str, FinishedRun], tiny: Dataset, tmp_path: Path, text: str, input_dtype: str
) -> None:
    run, network = runs[text], find(text)
    entry = export_run(run, network, tiny, tmp_path / "zoo", input_dtype=input_dtype)
    suffix = "" if input_dtype == "uint8" else "-float32"
    assert entry.file == file_name(network, input_dtype) == f"{text}{suffix}.onnx"
    assert read_manifest(tmp_path / "zoo") == (entry,)
    content = verify(tmp_path / "zoo", entry).read_bytes()
    assert (entry.sha256, entry.size_bytes) == (hashlib.sha256(content).hexdigest(), len(content))
    assert (entry.name, entry.notation, entry.dropout) == (text, network.spec.notation, network.spec.dropout)
    assert (entry.num_parameters, entry.macs) == (network.spec.num_parameters, network.spec.macs)
    assert (entry.precision, entry.input_dtype, entry.opset, entry.ir_version) == ("fp32", input_dtype, 18, 8)
    assert entry.inputs == ({"name": "image", "dtype": input_dtype, "shape": ["batch", 1, 28, 28]},)
    assert entry.outputs == (
        {"name": "logits", "dtype": "float32", "shape": ["batch", 10]},
        {"name": "probabilities", "dtype": "float32", "shape": ["batch", 10]},
        {"name": "label", "dtype": "int64", "shape": ["batch"]},
    )
    assert entry.labels == tuple("0123456789")
    assert entry.training["weights_sha256"] == run.result.weights_sha256
    assert (entry.training["recipe"], entry.training["epochs"], entry.training["job"]) == ("default", 3, run.result.job)
    errors, images = entry.metrics["num_errors"], entry.metrics["num_images"]
    assert (errors, images) == (run.result.num_errors, 100)
    assert (entry.metrics["error_rate_low"], entry.metrics["error_rate_high"]) == wilson_interval(errors, images)
    assert entry.parity["label_differences"] == 0
    assert 0 <= entry.parity["max_logit_difference"] <= 1e-4
    assert json.loads(json.dumps(entry.as_dict(), allow_nan=False))["file"] == entry.file


def test_the_files_weights_are_the_runs(runs: dict[str, FinishedRun], tiny: Dataset, tmp_path: Path) -> None:
    model = export(runs, CONVOLUTIONAL, tiny, tmp_path)
    graph = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    for name, tensor in load_weights(runs[CONVOLUTIONAL]).items():
        assert np.array_equal(graph[name], tensor.numpy()), name


def test_the_file_reads_digits_as_torch_did(runs: dict[str, FinishedRun], tiny: Dataset, tmp_path: Path) -> None:
    export_run(runs["64-10"], find("64-10"), tiny, tmp_path)
    labels = Model.load(locate("64-10", [tmp_path]).path).predict(tiny.test_images)
    assert int((labels != tiny.test_labels).sum()) == runs["64-10"].result.num_errors < 50


@pytest.mark.parametrize("input_dtype", ["uint8", "float32"])
def test_the_metadata_says_what_a_host_needs(
    runs: dict[str, FinishedRun], tiny: Dataset, tmp_path: Path, input_dtype: str
) -> None:
    run = runs[CONVOLUTIONAL]
    model = export(runs, CONVOLUTIONAL, tiny, tmp_path, input_dtype=input_dtype)
    values = properties(model)
    assert list(values) == [entry.key for entry in model.metadata_props]  # none twice
    general = {
        "Image.BitmapPixelFormat": "Gray8",
        "Image.NominalPixelRange": "NominalRange_0_255" if input_dtype == "uint8" else "Normalized_0_1",
        "author": "The mnistbench authors",
        "version": __version__,
        "task": "image-classification",
        "mnistbench.name": CONVOLUTIONAL,
        "mnistbench.notation": "2-P-4-P-8-10",
        "mnistbench.dropout": "0.25",
        "mnistbench.num_parameters": str(find(CONVOLUTIONAL).spec.num_parameters),
        "mnistbench.macs": str(find(CONVOLUTIONAL).spec.macs),
        "mnistbench.recipe": "default",
        "mnistbench.seed": "0",
        "mnistbench.epochs": "3",
        "mnistbench.selection": "last",
        "mnistbench.dataset": "tiny",
        "mnistbench.dataset_sha256": "7" * 64,
        "mnistbench.test_errors": f"{run.result.num_errors}/100",
        "mnistbench.test_error_rate": f"{run.result.error_rate:.6f}",
        "mnistbench.test_error_interval_95": f"{run.result.error_rate_low:.6f}..{run.result.error_rate_high:.6f}",
        "mnistbench.parity_images": "100",
        "mnistbench.parity_label_differences": "0",
        "mnistbench.weights_sha256": run.result.weights_sha256,
    }
    assert {key: values.get(key) for key in general} == general
    assert ast.literal_eval(values["names"]) == {digit: str(digit) for digit in range(10)}
    assert values["license"].startswith("MIT")
    assert float(values["mnistbench.parity_logit_difference_below"]) <= 1e-4
    assert json.loads(values["mnistbench.versions"]) == {
        "mnistbench": __version__,
        "onnx": onnx.__version__,
        "torch": importlib.metadata.version("torch").split("+")[0],
    }
    assert values["description"] == model.doc_string
    assert "2-P-4-P-8-10 classifies 28x28 grey images into ten classes of the dataset tiny" in model.doc_string
    assert "trained with dropout 0.25" in model.doc_string


def test_mnist_is_called_handwritten_digits(runs: dict[str, FinishedRun], tiny: Dataset, tmp_path: Path) -> None:
    run = runs["64-10"]
    mnist = FinishedRun(run.folder, dataclasses.replace(run.result, dataset="mnist"))
    entry = export_run(mnist, find("64-10"), dataclasses.replace(tiny, name="mnist"), tmp_path)
    text = onnx.load(str(tmp_path / entry.file)).doc_string
    assert text == "64-10 classifies 28x28 grey images into MNIST handwritten digits."


def test_exporting_again_gives_the_same_bytes(runs: dict[str, FinishedRun], tiny: Dataset, tmp_path: Path) -> None:
    first, again = (export_run(runs[DENSE], find(DENSE), tiny, tmp_path / folder) for folder in "ab")
    assert first == again
    assert (tmp_path / "a" / first.file).read_bytes() == (tmp_path / "b" / again.file).read_bytes()
    export_run(runs[DENSE], find(DENSE), tiny, tmp_path / "a")
    assert read_manifest(tmp_path / "a") == (first,)


def test_both_inputs_stand_side_by_side_and_the_contracts_is_found(
    runs: dict[str, FinishedRun], tiny: Dataset, tmp_path: Path
) -> None:
    for input_dtype in ("float32", "uint8"):
        export_run(runs[DENSE], find(DENSE), tiny, tmp_path, input_dtype=input_dtype)
    assert len(read_manifest(tmp_path)) == 2
    assert locate(DENSE, [tmp_path]).path.name == f"{DENSE}.onnx"


def test_another_dataset_is_refused(runs: dict[str, FinishedRun], tiny: Dataset, tmp_path: Path) -> None:
    other = dataclasses.replace(tiny, name="other", sha256="8" * 64)
    with pytest.raises(
        ExportError, match=r"trained on tiny \(777777777777\), but the dataset given is other .*--data-dir"
    ):
        export_run(runs[DENSE], find(DENSE), other, tmp_path / "zoo")
    assert not (tmp_path / "zoo").exists()


def test_damaged_weights_are_refused(runs: dict[str, FinishedRun], tiny: Dataset, tmp_path: Path) -> None:
    run = runs[DENSE]
    content = run.weights.read_bytes()
    try:
        run.weights.write_bytes(content[:-4] + b"\0\0\0\1")
        with pytest.raises(ArtifactError, match="hash of its result"):
            export_run(run, find(DENSE), tiny, tmp_path / "zoo")
    finally:
        run.weights.write_bytes(content)
    assert not (tmp_path / "zoo").exists()


def test_a_run_of_another_network_is_refused(runs: dict[str, FinishedRun], tiny: Dataset, tmp_path: Path) -> None:
    # The same layers, but another dropout: nothing in the weights would tell.
    with pytest.raises(ExportError):
        export_run(runs[DENSE], find("8-10"), tiny, tmp_path / "zoo")
    assert not (tmp_path / "zoo").exists()


def wrong_weights(model: onnx.ModelProto) -> None:
    tensor = model.graph.initializer[-1]
    tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) + np.float32(0.5), tensor.name))


def wrong_labels(model: onnx.ModelProto) -> None:
    next(node for node in model.graph.node if node.name == "label").op_type = "ArgMin"


def nan_logits(model: onnx.ModelProto) -> None:
    tensor = model.graph.initializer[-1]
    tensor.CopyFrom(numpy_helper.from_array(np.full(10, np.nan, np.float32), tensor.name))


def too_many_parameters(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(numpy_helper.from_array(np.zeros(3, np.float32), "fc9.bias"))


@pytest.mark.parametrize("damage", [wrong_weights, wrong_labels, nan_logits, too_many_parameters])
def test_what_does_not_pass_the_gate_is_not_written(
    runs: dict[str, FinishedRun], tiny: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: Any
) -> None:
    entry = export_run(runs[DENSE], find(DENSE), tiny, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    build = export_module.build_model

    def damaged(*args: Any, **keywords: Any) -> onnx.ModelProto:
        model = build(*args, **keywords)
        damage(model)
        return model

    monkeypatch.setattr(export_module, "build_model", damaged)
    for folder in (tmp_path, tmp_path / "new"):
        with pytest.raises(ExportError):
            export_run(runs[DENSE], find(DENSE), tiny, folder)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert verify(tmp_path, entry)


def test_a_full_disk_leaves_the_manifest_true(
    runs: dict[str, FinishedRun], tiny: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    entry = export_run(runs[DENSE], find(DENSE), tiny, tmp_path)
    monkeypatch.setattr(files.os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        export_run(runs["64-10"], find("64-10"), tiny, tmp_path)
    assert read_manifest(tmp_path) == (entry,)
    assert not list(tmp_path.glob("64-10*"))


@pytest.mark.parametrize(
    ("value", "bound"), [(0.0, "0"), (1e-6, "1e-06"), (1.1e-6, "1e-05"), (9.9e-6, "1e-05"), (3e-5, "0.0001")]
)
def test_the_parity_in_the_file_is_a_power_of_ten(value: float, bound: str) -> None:
    parity = Parity(100, 3, 0, value)
    network: Network = find("64-10")
    result: Any = SimpleNamespace(
        recipe="r", seed=0, epochs=1, selection="last", dataset="d", dataset_sha256="s", weights_sha256="w"
    )
    values = metadata(network, result, parity, "uint8")
    assert values["mnistbench.parity_logit_difference_below"] == bound


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda content: content[:40], "is damaged"),
        (lambda content: b"\xff" * 8 + content, "is damaged"),
        (lambda _: safetensors.torch.save({}), "lack or have besides: fc1"),
        (lambda _: safetensors.torch.save(weights_like(torch.float16)), "float16"),
        (lambda _: safetensors.torch.save(weights_like(torch.float32, 9)), "expected torch.float32 of shape"),
    ],
    ids=["cut", "length", "empty", "float16", "shape"],
)
def test_weights_that_a_hostile_result_vouches_for_are_refused(
    runs: dict[str, FinishedRun], tiny: Dataset, tmp_path: Path, damage: Any, message: str
) -> None:
    run = runs[DENSE]
    content = damage(run.weights.read_bytes())
    (tmp_path / "weights.safetensors").write_bytes(content)
    result = dataclasses.replace(run.result, weights_sha256=hashlib.sha256(content).hexdigest())
    with pytest.raises(ArtifactError, match=message):
        export_run(FinishedRun(tmp_path, result), find(DENSE), tiny, tmp_path / "zoo")
    assert not (tmp_path / "zoo").exists()


def weights_like(dtype: torch.dtype, width: int = 8) -> dict[str, torch.Tensor]:
    """Those of 8-10, or of a wider network under its names."""
    shapes = {"fc1.weight": (width, 784), "fc1.bias": (width,), "fc2.weight": (10, width), "fc2.bias": (10,)}
    return {name: torch.zeros(shape, dtype=dtype) for name, shape in shapes.items()}
