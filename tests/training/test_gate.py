from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from mnistbench.catalog import NETWORKS, Network, find
from mnistbench.errors import ExportError, ModelError
from mnistbench.training import gate
from mnistbench.training.gate import MAX_LOGIT_DIFFERENCE, Parity, check_structure, compare_with_torch, require_parity
from mnistbench.training.graph import build_model, to_bytes
from mnistbench.training.module import build_module

NETWORK = find("2-P-8-10")
WEIGHTS = {name: tensor.detach() for name, tensor in build_module(NETWORK.spec, 0).named_parameters()}
IMAGES = np.random.default_rng(0).integers(0, 256, (70, 28, 28), dtype=np.uint8)
LABELS = np.arange(70) % 10


def model_of(network: Network = NETWORK, input_dtype: str = "uint8") -> onnx.ModelProto:
    weights = {name: tensor.detach().numpy() for name, tensor in build_module(network.spec, 0).named_parameters()}
    return build_model(network.spec, weights, name=network.name, input_dtype=input_dtype)


def compare(model: onnx.ModelProto, input_dtype: str = "uint8") -> Parity:
    return compare_with_torch(to_bytes(model), NETWORK.spec, WEIGHTS, IMAGES, LABELS, input_dtype=input_dtype)


def change(model: onnx.ModelProto, name: str, new: Callable[[np.ndarray], np.ndarray]) -> None:
    """Replace an initialiser."""
    tensor = next(tensor for tensor in model.graph.initializer if tensor.name == name)
    tensor.CopyFrom(numpy_helper.from_array(new(numpy_helper.to_array(tensor).copy()), name))


def node_of(model: onnx.ModelProto, name: str) -> onnx.NodeProto:
    return next(node for node in model.graph.node if node.name == name)


@pytest.mark.parametrize("input_dtype", ["uint8", "float32"])
@pytest.mark.parametrize("batch", [500, 64, 1])
def test_a_true_copy_passes(monkeypatch: pytest.MonkeyPatch, input_dtype: str, batch: int) -> None:
    monkeypatch.setattr(gate, "_BATCH", batch)
    model = model_of(input_dtype=input_dtype)
    check_structure(model, NETWORK.spec)
    parity = compare(model, input_dtype)
    require_parity(parity, NETWORK.name)
    module = build_module(NETWORK.spec, 0).eval()
    with torch.inference_mode():
        answers = module(torch.from_numpy(IMAGES)[:, None] / 255).argmax(1).numpy()
    assert (parity.num_images, parity.label_differences) == (70, 0)
    assert parity.num_errors == int((answers != LABELS).sum())
    assert parity.max_logit_difference < 1e-5


@pytest.mark.parametrize("network", [n for n in NETWORKS if not n.spec.dropout], ids=lambda network: network.name)
def test_every_network_has_the_structure_that_is_asked_for(network: Network) -> None:
    check_structure(model_of(network), network.spec)


def duplicate(model: onnx.ModelProto) -> None:
    extra = numpy_helper.from_array(np.zeros(3, np.float32), "fc3.bias")
    model.graph.initializer.append(extra)


def cut(model: onnx.ModelProto) -> None:
    change(model, "fc2.weight", lambda array: array[:9])


def rename(model: onnx.ModelProto) -> None:
    node_of(model, "relu1").input[0] = "nowhere"


def unknown_operator(model: onnx.ModelProto) -> None:
    node_of(model, "relu1").op_type = "Zelu"


def newer_operator(model: onnx.ModelProto) -> None:
    node_of(model, "relu1").op_type = "Gelu"


def wrong_output(model: onnx.ModelProto) -> None:
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 11


@pytest.mark.parametrize("damage", [duplicate, cut, rename, unknown_operator, newer_operator, wrong_output])
def test_another_structure_is_refused(damage: Callable[[onnx.ModelProto], None]) -> None:
    model = model_of()
    damage(model)
    with pytest.raises(ExportError, match=r"^2-P-8-10: the"):
        check_structure(model, NETWORK.spec)


@pytest.mark.parametrize("other", ["2-P-9-10", "3-P-8-10", "8-10"])
def test_the_counts_of_another_network_are_refused(other: str) -> None:
    count = find(other).spec.num_parameters
    with pytest.raises(
        ExportError, match=f"the graph has {count} parameters, the network {NETWORK.spec.num_parameters}"
    ):
        check_structure(model_of(find(other)), NETWORK.spec)


def test_a_parameter_too_many_is_refused_whatever_its_name() -> None:
    model = model_of()
    model.graph.initializer.append(numpy_helper.from_array(np.zeros(3, np.float32), "smuggled"))
    with pytest.raises(ExportError, match="parameters"):
        check_structure(model, NETWORK.spec)


def refused(model: onnx.ModelProto, message: str = "the model is not published") -> None:
    with pytest.raises(ExportError, match=message):
        require_parity(compare(model), NETWORK.name)


@pytest.mark.parametrize("name", ["conv1.weight", "conv1.bias", "fc1.weight", "fc2.weight", "fc2.bias"])
def test_wrong_weights_are_refused(name: str) -> None:
    model = model_of()
    change(model, name, lambda array: array + np.float32(0.01))
    refused(model)


def test_one_wrong_number_is_refused() -> None:
    def one(array: np.ndarray) -> np.ndarray:
        array[3] += 2e-4
        return array

    model = model_of()
    change(model, "fc2.bias", one)
    refused(model, r"disagree on \d+ of 70 labels, largest logit difference 0\.0002 ")


def test_another_scale_of_the_pixels_is_refused() -> None:
    model = model_of()
    change(model, "pixel_scale", lambda _: np.array(1 / 256, np.float32))
    refused(model)


def test_labels_that_do_not_follow_the_logits_are_refused() -> None:
    model = model_of()
    node_of(model, "label").op_type = "ArgMin"
    check_structure(model, NETWORK.spec)
    assert compare(model).max_logit_difference < 1e-5
    refused(model, "disagree on 70 of 70 labels")


@pytest.mark.parametrize("batch", [500, 64, 1])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_logits_that_are_no_numbers_are_refused(monkeypatch: pytest.MonkeyPatch, value: float, batch: int) -> None:
    monkeypatch.setattr(gate, "_BATCH", batch)
    model = model_of()
    change(model, "fc2.bias", lambda array: np.full_like(array, value))
    assert not compare(model).max_logit_difference <= MAX_LOGIT_DIFFERENCE
    refused(model)


def test_weights_that_are_no_numbers_are_refused_though_both_agree() -> None:
    weights = {name: tensor.clone() for name, tensor in WEIGHTS.items()}
    weights["fc2.bias"][:] = math.nan
    model = build_model(NETWORK.spec, {name: tensor.numpy() for name, tensor in weights.items()}, name="nan")
    parity = compare_with_torch(to_bytes(model), NETWORK.spec, weights, IMAGES, LABELS)
    with pytest.raises(ExportError):
        require_parity(parity, "nan")


def test_probabilities_that_are_no_softmax_of_the_logits_are_refused() -> None:
    model = model_of()
    node_of(model, "probabilities").attribute[0].i = 0
    refused(model)


@pytest.mark.parametrize(
    ("differences", "largest", "passes"),
    [
        (0, 0.0, True),
        (0, MAX_LOGIT_DIFFERENCE, True),
        (0, 1.0001 * MAX_LOGIT_DIFFERENCE, False),
        (1, 0.0, False),
        (0, math.nan, False),
        (0, math.inf, False),
    ],
)
def test_what_parity_is(differences: int, largest: float, passes: bool) -> None:
    parity = Parity(100, 5, differences, largest)
    if passes:
        require_parity(parity, "net")
        return
    with pytest.raises(ExportError, match=f"^net: .* disagree on {differences} of 100 labels.*0 labels, 0.0001"):
        require_parity(parity, "net")


def test_a_file_that_does_not_load_is_a_typed_error() -> None:
    with pytest.raises(ModelError):
        compare_with_torch(b"no model", NETWORK.spec, WEIGHTS, IMAGES, LABELS)
