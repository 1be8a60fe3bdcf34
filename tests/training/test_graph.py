from __future__ import annotations

import functools
import warnings
from collections.abc import Mapping

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, numpy_helper

from mnistbench.catalog import NETWORKS, Network, find
from mnistbench.layers import Linear
from mnistbench.training.graph import build_model, to_bytes
from mnistbench.training.module import PIXEL_SCALE, build_module

by_name = pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
INPUT_DTYPES = ("uint8", "float32")


@functools.cache
def weights_of(layers: tuple[object, ...]) -> Mapping[str, np.ndarray]:
    """Weights as torch draws them; dropout changes none of them."""
    spec = next(network.spec for network in NETWORKS if network.spec.layers == layers)
    return {name: tensor.detach().numpy() for name, tensor in build_module(spec, 0).named_parameters()}


def model_of(network: Network, input_dtype: str = "uint8") -> onnx.ModelProto:
    known = network.spec.layers in {n.spec.layers for n in NETWORKS}
    module_weights = {} if known else dict(build_module(network.spec, 0).named_parameters())
    weights = weights_of(network.spec.layers) if known else {k: v.detach().numpy() for k, v in module_weights.items()}
    return build_model(network.spec, weights, name=network.name, input_dtype=input_dtype)


def session_of(content: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def images(count: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, 1, 28, 28), dtype=np.uint8)


def describe(value: onnx.ValueInfoProto) -> tuple[str, int, list[int | str]]:
    tensor = value.type.tensor_type
    return value.name, tensor.elem_type, [dim.dim_param or dim.dim_value for dim in tensor.shape.dim]


@by_name
@pytest.mark.parametrize("input_dtype", INPUT_DTYPES)
def test_the_contract(network: Network, input_dtype: str) -> None:
    model = model_of(network, input_dtype)
    onnx.checker.check_model(model, full_check=True)
    assert model.ir_version == 8
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 18)]
    assert (model.producer_name, model.graph.name) == ("mnistbench", network.name)
    dtype = TensorProto.UINT8 if input_dtype == "uint8" else TensorProto.FLOAT
    assert [describe(value) for value in model.graph.input] == [("image", dtype, ["batch", 1, 28, 28])]
    assert [describe(value) for value in model.graph.output] == [
        ("logits", TensorProto.FLOAT, ["batch", 10]),
        ("probabilities", TensorProto.FLOAT, ["batch", 10]),
        ("label", TensorProto.INT64, ["batch"]),
    ]
    usual = {"Cast", "Mul", "Conv", "Relu", "MaxPool", "Flatten", "Gemm", "Softmax", "ArgMax"}
    assert {node.op_type for node in model.graph.node} <= usual
    assert {node.domain for node in model.graph.node} == {""}
    assert not model.functions
    # One file: no tensor lies elsewhere.
    assert {tensor.data_location for tensor in model.graph.initializer} == {TensorProto.DEFAULT}
    # The batch is the only dimension without a number, through the whole graph.
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    shapes = [describe(value)[2] for value in inferred.graph.value_info]
    assert len(shapes) >= len(model.graph.node) - 3
    assert all(shape[0] == "batch" and all(type(size) is int for size in shape[1:]) for shape in shapes)


@by_name
def test_spec_module_and_graph_count_the_same_parameters(network: Network) -> None:
    weights = weights_of(network.spec.layers)
    graph = {tensor.name: numpy_helper.to_array(tensor) for tensor in model_of(network).graph.initializer}
    scale = graph.pop("pixel_scale")
    assert (scale.shape, scale.dtype) == ((), np.float32)
    assert graph.keys() == weights.keys()
    assert all(array.dtype == np.float32 for array in graph.values())
    counts = {sum(array.size for array in arrays.values()) for arrays in (graph, weights)}
    assert counts == {network.spec.num_parameters}
    for name, array in graph.items():
        assert np.array_equal(array, weights[name]), name


def test_nodes_have_names_that_explain_themselves() -> None:
    model = model_of(find("32-32-P-64-64-P-256-128-64-10"))
    body = ["conv1", "relu1", "conv2", "relu2", "pool1", "conv3", "relu3", "conv4", "relu4", "pool2", "flatten"]
    fully_connected = ["fc1", "relu5", "fc2", "relu6", "fc3", "relu7", "fc4"]
    names = [node.name for node in model.graph.node]
    assert names == ["cast", "scale", *body, *fully_connected, "probabilities", "label"]
    for node in model.graph.node:
        if node.op_type in {"Conv", "Gemm"}:
            assert node.input[1:] == [f"{node.name}.weight", f"{node.name}.bias"]
        # A value is called as the node that makes it, but for the outputs.
        assert list(node.output) == ["logits" if node.name == "fc4" else node.name]


@by_name
def test_nothing_of_dropout_is_left(network: Network) -> None:
    assert "dropout" not in " ".join(node.name for node in model_of(network).graph.node).lower()


@pytest.mark.parametrize("input_dtype", INPUT_DTYPES)
def test_the_same_weights_give_the_same_bytes(input_dtype: str) -> None:
    for network in (find("lenet5"), find("64-64-10")):
        first = to_bytes(model_of(network, input_dtype))
        assert to_bytes(model_of(network, input_dtype)) == first
        assert to_bytes(onnx.load_from_string(first)) == first


def test_the_order_of_the_weights_does_not_matter() -> None:
    network = find("lenet5")
    weights = weights_of(network.spec.layers)
    reversed_weights = dict(reversed(weights.items()))
    first, second = (build_model(network.spec, w, name="n") for w in (weights, reversed_weights))
    assert to_bytes(first) == to_bytes(second)


def test_weights_in_channels_last_give_the_same_bytes() -> None:
    network = find("32-P-32-10")
    weights = weights_of(network.spec.layers)
    last = {k: v.transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2) if v.ndim == 4 else v for k, v in weights.items()}
    first, second = (build_model(network.spec, w, name="n") for w in (weights, last))
    assert to_bytes(first) == to_bytes(second)


def test_a_missing_weight_is_an_error() -> None:
    network = find("lenet5")
    weights = {key: value for key, value in weights_of(network.spec.layers).items() if key != "conv2.bias"}
    with pytest.raises(KeyError, match=r"conv2\.bias"):
        build_model(network.spec, weights, name="n")


SHAPES = ("16-10", "64-64-10", "lenet5", "32-32-P-64-64-P-256-128-64-10", "10", "P-10", "P-3-P-4-10", "2-P-P-8-10")


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("input_dtype", INPUT_DTYPES)
def test_the_graph_computes_what_the_module_does_at_any_batch_size(name: str, input_dtype: str) -> None:
    network = find(name)
    session = session_of(to_bytes(model_of(network, input_dtype)))
    module = build_module(network.spec, 0).eval()
    for batch_size in (1, 7, 64):
        batch = images(batch_size)
        pixels = torch.mul(torch.from_numpy(batch), PIXEL_SCALE)
        feed = batch if input_dtype == "uint8" else pixels.numpy()
        logits, probabilities, label = session.run(["logits", "probabilities", "label"], {"image": feed})
        with torch.inference_mode():
            expected = module(pixels)
        assert (logits.shape, label.shape) == ((batch_size, 10), (batch_size,))
        np.testing.assert_allclose(logits, expected.numpy(), atol=1e-5)
        np.testing.assert_allclose(probabilities, expected.softmax(1).numpy(), atol=1e-6)
        np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-6)
        assert np.array_equal(label, logits.argmax(1))
        assert label.dtype == np.int64


def test_a_batch_of_1000_answers_as_single_images_do() -> None:
    session = session_of(to_bytes(model_of(find("lenet5"))))
    batch = images(1000)
    whole = session.run(["logits"], {"image": batch})[0]
    some = [0, 1, 499, 999]
    single = np.concatenate([session.run(["logits"], {"image": batch[i : i + 1]})[0] for i in some])
    np.testing.assert_allclose(whole[some], single, atol=1e-5)


def test_both_inputs_give_the_same_answers() -> None:
    network = find("lenet5")
    batch = images(50)
    by_bytes = session_of(to_bytes(model_of(network))).run(["logits"], {"image": batch})[0]
    pixels = batch.astype(np.float32) * np.float32(1 / 255)
    by_floats = session_of(to_bytes(model_of(network, "float32"))).run(["logits"], {"image": pixels})[0]
    assert np.array_equal(by_bytes, by_floats)
    initializers = {tensor.name for tensor in model_of(network, "float32").graph.initializer}
    assert "pixel_scale" not in initializers


def test_a_black_and_a_white_image_are_0_and_1() -> None:
    # One fully connected layer that adds up all pixels.
    weights = {"fc1.weight": np.ones((10, 784), np.float32), "fc1.bias": np.zeros(10, np.float32)}
    session = session_of(to_bytes(build_model(find("10").spec, weights, name="sum")))
    batch = np.stack([np.zeros((1, 28, 28), np.uint8), np.full((1, 28, 28), 255, np.uint8)])
    np.testing.assert_allclose(session.run(["logits"], {"image": batch})[0][:, 0], [0, 784], rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lenet5", "32-P-32-P-100-50-10-dropout"])
def test_torchs_own_exporter_gives_the_same_logits(name: str) -> None:
    network = find(name)
    module = build_module(network.spec, 0).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch and onnxscript, which are not at test here
        program = torch.onnx.export(
            module,
            (torch.zeros(2, 1, 28, 28),),
            dynamo=True,
            opset_version=18,
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            verbose=False,
        )
    assert program is not None
    theirs = session_of(program.model_proto.SerializeToString())
    ours = session_of(to_bytes(model_of(network)))
    batch = images(33)
    pixels = torch.mul(torch.from_numpy(batch), PIXEL_SCALE).numpy()
    expected = theirs.run(None, {theirs.get_inputs()[0].name: pixels})[0]
    np.testing.assert_allclose(ours.run(["logits"], {"image": batch})[0], expected, atol=1e-4)


def test_a_network_without_hidden_layers_ends_in_logits() -> None:
    model = model_of(find("10"))
    assert [node.op_type for node in model.graph.node] == ["Cast", "Mul", "Flatten", "Gemm", "Softmax", "ArgMax"]
    assert find("10").spec.layers == (Linear(10),)
