"""The contract of an exported model: the 29 networks in every precision, the committed models, and ensembles."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from ensembles import saved
from onnx import TensorProto
from random_models import IMAGES, model_in

from mnistbench.artifacts import ModelEntry, ModelFile, bundled_zoo, read_manifest, verify
from mnistbench.catalog import NETWORKS, Network, find
from mnistbench.data.dataset import Dataset
from mnistbench.precisions import PRECISIONS
from mnistbench.runtime.contract import is_own_contract
from mnistbench.runtime.onnx_parser import parse_onnx
from mnistbench.training.acceptance import Closeness
from mnistbench.training.describe import metadata
from mnistbench.training.ensemble import export_ensemble
from mnistbench.training.gate import Parity, check_structure
from mnistbench.training.graph import to_bytes
from mnistbench.training.variants import Variant

USUAL = frozenset(("Cast", "Mul", "Conv", "Relu", "MaxPool", "Flatten", "Gemm", "Softmax", "ArgMax"))
QDQ = frozenset(("QuantizeLinear", "DequantizeLinear"))
MERGING = frozenset(("Add", "Mul", "Clip", "Log", "ArgMax"))
"""The mean of the members' probabilities, its logarithms and the likeliest class."""
WEIGHTS = {"fp32": "FLOAT", "fp16": "FLOAT16", "int8": "INT8", "web": "UINT8"}

LOCAL = Path(__file__).parents[2] / "runs" / "zoo"
"""What was exported in this clone, if anything was."""

PUBLISHED = [(zoo, entry) for zoo in (bundled_zoo(), LOCAL) for entry in read_manifest(zoo)]

PARITY, CLOSENESS = Parity(10_000, 59, 0, 1e-5), Closeness(10_000, 60, 59, 5, 0.3)
RESULT: Any = SimpleNamespace(
    recipe="default", seed=0, epochs=1, selection="last", dataset="mnist", dataset_sha256="d", weights_sha256="w"
)


def describe(value: onnx.ValueInfoProto) -> tuple[str, int, list[int | str]]:
    tensor = value.type.tensor_type
    return value.name, tensor.elem_type, [dim.dim_param or dim.dim_value for dim in tensor.shape.dim]


def require_contract(
    model: onnx.ModelProto, input_type: int = TensorProto.UINT8, operators: frozenset[str] = USUAL | QDQ
) -> None:
    onnx.checker.check_model(model, full_check=True)
    assert model.ir_version <= 8
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 18)]
    assert {node.domain for node in model.graph.node} == {""}
    assert not model.functions
    assert {node.op_type for node in model.graph.node} <= operators
    assert [describe(value) for value in model.graph.input] == [("image", input_type, ["batch", 1, 28, 28])]
    assert [describe(value) for value in model.graph.output] == [
        ("logits", TensorProto.FLOAT, ["batch", 10]),
        ("probabilities", TensorProto.FLOAT, ["batch", 10]),
        ("label", TensorProto.INT64, ["batch"]),
    ]
    # One file, nothing in it that is not used, and names in place of numbers.
    assert {tensor.data_location for tensor in model.graph.initializer} == {TensorProto.DEFAULT}
    used = {name for node in model.graph.node for name in node.input}
    assert {tensor.name for tensor in model.graph.initializer} <= used
    assert all(not name[:1].isdigit() for node in model.graph.node for name in (node.name, *node.output))
    # The batch is the only dimension without a number, through the whole graph.
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    constant = {o for n in inferred.graph.node if n.op_type == "DequantizeLinear" for o in n.output}
    for value in inferred.graph.value_info:
        name, _, shape = describe(value)
        assert all(type(size) is int for size in shape[1:]), name
        assert shape[0] == "batch" or name in constant, name


def require_metadata(values: dict[str, str], notation: str, num_parameters: int, weights_sha256: str) -> None:
    own = "dropout macs recipe seed dataset dataset_sha256 test_errors test_error_rate test_error_interval_95 versions"
    general = {"description", "author", "version", "license", "task", "names"}
    assert general | {f"mnistbench.{key}" for key in own.split()} <= set(values)
    assert values["mnistbench.notation"] == notation
    assert values["mnistbench.num_parameters"] == str(num_parameters)
    assert values["mnistbench.weights_sha256"] == weights_sha256
    assert values["Image.BitmapPixelFormat"] == "Gray8"
    assert values["Image.NominalPixelRange"] in ("NominalRange_0_255", "Normalized_0_1")
    if values.get("mnistbench.precision", "fp32") != "fp32":
        assert values["mnistbench.parity_reference"] == "fp32"
        float(values["mnistbench.error_difference_points"])
    if values.get("mnistbench.precision") in ("int8", "web"):
        assert int(values["mnistbench.calibration_num_images"]) > 0
        assert {"mnistbench.calibration_method", "mnistbench.calibration_seed"} <= set(values)


def require_answers(content: bytes, images: np.ndarray) -> None:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    whole = session.run(None, {"image": images})
    for batch in (1, 3, 64):
        logits, probabilities, label = session.run(None, {"image": images[:batch]})
        assert [output.dtype for output in (logits, probabilities, label)] == [np.float32, np.float32, np.int64]
        assert [output.shape for output in (logits, probabilities, label)] == [(batch, 10), (batch, 10), (batch,)]
        assert np.isfinite(logits).all()
        assert np.array_equal(label, logits.argmax(1))
        assert np.allclose(probabilities.sum(1), 1, atol=1e-5)
        powers = np.exp(logits - logits.max(1, keepdims=True))
        assert np.allclose(probabilities, powers / powers.sum(1, keepdims=True), atol=1e-5)
        # An answer does not depend on what else is in the batch.
        assert np.allclose(logits, whole[0][:batch], atol=1e-2, rtol=1e-2)


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_contract_in_every_precision(precision: str, network: Network) -> None:
    model = model_in(network, precision)
    require_contract(model)
    check_structure(model, network.spec)
    assert (model.producer_name, model.graph.name) == ("mnistbench", network.name)
    measured: Any = PARITY if precision == "fp32" else CLOSENESS
    calibration = {"method": "minmax", "num_images": 1000, "seed": 20} if precision in ("int8", "web") else None
    variant = Variant(precision, model, calibration)
    onnx.helper.set_model_props(model, metadata(network, RESULT, measured, "uint8", variant))
    check_structure(model, network.spec)
    content = to_bytes(model)
    info = parse_onnx(content)
    assert info.num_parameters == network.spec.num_parameters
    assert info.metadata.get("mnistbench.precision", "fp32") == precision
    require_metadata(dict(info.metadata), network.spec.notation, network.spec.num_parameters, "w")
    kinds = {t.data_type for t in model.graph.initializer if t.name.removesuffix("_quantized").endswith(".weight")}
    assert kinds == {TensorProto.DataType.Value(WEIGHTS[precision])}
    require_answers(content, IMAGES[:, None])


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("text", ["lenet5", "16-10"])
def test_the_variant_with_float_input(text: str, precision: str) -> None:
    model = model_in(find(text), precision, "float32")
    require_contract(model, TensorProto.FLOAT)
    require_answers(to_bytes(model), (IMAGES[:, None] / np.float32(255)).astype(np.float32))


def require_published(zoo: Path, entry: ModelEntry) -> None:
    """What every entry of a zoo keeps: the contract, and that file and manifest say the same."""
    content = verify(zoo, entry).read_bytes()
    model = onnx.load_from_string(content)
    values = {prop.key: prop.value for prop in model.metadata_props}
    is_bytes = entry.input_dtype == "uint8"
    input_type = TensorProto.UINT8 if is_bytes else TensorProto.FLOAT
    if "members" in entry.training:
        require_contract(model, input_type, USUAL | QDQ | MERGING)
        require_members(values, entry, content)
    else:
        require_contract(model, input_type)
        check_structure(model, find(entry.name).spec)
        require_metadata(values, entry.notation, entry.num_parameters, entry.training["weights_sha256"])
    require_answers(content, IMAGES[:, None] if is_bytes else (IMAGES[:, None] / np.float32(255)).astype(np.float32))
    # A file that does not say is in fp32.
    assert values.get("mnistbench.precision", "fp32") == entry.precision
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    assert is_own_contract(session) == is_bytes


def require_members(values: dict[str, str], entry: ModelEntry, content: bytes) -> None:
    """An ensemble is no network of the catalogue: who is in it is what it is."""
    members = entry.training["members"]
    assert len(members) >= 2
    assert len({member["sha256"] for member in members}) == len(members)
    assert json.loads(values["mnistbench.members"]) == members
    assert values["mnistbench.combination"] == entry.training["combination"] == "mean of probabilities"
    general = {"description", "author", "version", "license", "task", "names"}
    own = "name macs dataset dataset_sha256 test_errors test_error_rate test_error_interval_95 versions"
    assert general | {f"mnistbench.{key}" for key in own.split()} <= set(values)
    assert values["mnistbench.notation"] == entry.notation == " + ".join(member["notation"] for member in members)
    counted = sum(member["num_parameters"] for member in members)
    assert parse_onnx(content).num_parameters == entry.num_parameters == counted
    assert values["mnistbench.num_parameters"] == str(counted)
    assert values["mnistbench.macs"] == str(entry.macs)
    assert (values["Image.BitmapPixelFormat"], values["Image.NominalPixelRange"]) == ("Gray8", "NominalRange_0_255")
    precisions = {member["precision"] for member in members}
    assert entry.precision == (precisions.pop() if len(precisions) == 1 else "mixed")


@pytest.mark.parametrize(
    ("zoo", "entry"), PUBLISHED, ids=[f"{zoo.parent.name}-{entry.file}" for zoo, entry in PUBLISHED]
)
def test_published_models(zoo: Path, entry: ModelEntry) -> None:
    require_published(zoo, entry)


def test_there_are_committed_models() -> None:
    assert {zoo for zoo, _ in PUBLISHED} >= {bundled_zoo()}


@pytest.mark.parametrize("precision", PRECISIONS)
def test_an_ensemble_with_a_bundled_model(precision: str, tiny: Dataset, tmp_path: Path) -> None:
    (lenet,) = (entry for entry in read_manifest(bundled_zoo()) if entry.name == "6-P-16-P-120-84-10")
    members = [
        ModelFile(verify(bundled_zoo(), lenet), lenet.name, lenet),
        saved(model_in(find("16-10"), precision), tmp_path, "16-10"),
    ]
    images = dataclasses.replace(tiny, name="mnist", sha256=lenet.metrics["dataset_sha256"])
    require_ensemble(members, images, tmp_path / "zoo", "fp32" if precision == "fp32" else "mixed")


def test_an_ensemble_of_bundled_models(tiny: Dataset, tmp_path: Path) -> None:
    entries = [entry for entry in read_manifest(bundled_zoo()) if entry.num_parameters < 100_000]
    members = [ModelFile(verify(bundled_zoo(), entry), entry.name, entry) for entry in entries]
    images = dataclasses.replace(tiny, name="mnist", sha256=entries[0].metrics["dataset_sha256"])
    require_ensemble(members, images, tmp_path / "zoo", "fp32")


def require_ensemble(members: list[ModelFile], images: Dataset, zoo: Path, precision: str) -> None:
    """Merge models into a zoo as ``runs/zoo`` is one, and put its entry through what every entry goes through."""
    zoo.mkdir()
    (zoo / "manifest.json").write_text('{"schema_version": 1, "kind": "zoo", "models": []}', encoding="utf-8")
    export_ensemble(members, images, zoo / "pair.onnx")
    (entry,) = read_manifest(zoo)
    assert (entry.name, entry.precision, len(entry.training["members"])) == ("pair", precision, len(members))
    require_published(zoo, entry)
