from __future__ import annotations

import logging

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, numpy_helper
from random_models import IMAGES, model_in, plain_model, ranges_of

from mnistbench.catalog import Network, find
from mnistbench.training.calibration import METHODS, find_ranges
from mnistbench.training.graph import to_bytes
from mnistbench.training.quantize import can_leave_ends, quantize

LENET5 = find("lenet5")
FLOAT_ENDS = METHODS[-1]

kinds = pytest.mark.parametrize("kind", ["int8", "web"])


def arrays_of(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def run(content: bytes, *, precise: bool = False) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    if precise:
        options.add_session_config_entry("session.x64quantprecision", "1")
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return session.run(["logits"], {"image": IMAGES[:, None]})[0]


@kinds
def test_weights_have_a_scale_a_channel_and_are_near_what_they_were(kind: str) -> None:
    arrays, plain = arrays_of(model_in(LENET5, kind)), arrays_of(plain_model(LENET5))
    for name in ("conv1", "conv2", "fc1", "fc2", "fc3"):
        weight, scale, zero = (arrays[f"{name}.weight_{part}"] for part in ("quantized", "scale", "zero_point"))
        assert (weight.dtype, zero.dtype) == ((np.int8, np.int8) if kind == "int8" else (np.uint8, np.uint8))
        assert scale.shape == zero.shape == (len(weight),)
        shape = (-1,) + (1,) * (weight.ndim - 1)
        restored = (weight.astype(np.float32) - zero.reshape(shape)) * scale.reshape(shape)
        error = np.abs(restored - plain[f"{name}.weight"]) / scale.reshape(shape)
        assert error.max() <= 0.51, name
        if kind == "int8":
            # Two products of seven bits and eight fit into sixteen; that no processor saturates stands on this.
            assert (np.abs(weight.astype(int)).max() <= 64, set(zero.tolist())) == (True, {0})
        bias, bias_scale = arrays[f"{name}.bias_quantized"], arrays[f"{name}.bias_quantized_scale"]
        assert bias.dtype == np.int32
        assert np.allclose(bias * bias_scale, plain[f"{name}.bias"], atol=bias_scale.max())


@kinds
def test_what_stays_in_float(kind: str) -> None:
    model = model_in(LENET5, kind)
    made_by = {output: node for node in model.graph.node for output in node.output}
    assert made_by["logits"].op_type == "Gemm"
    assert list(made_by["probabilities"].input) == list(made_by["label"].input) == ["logits"]
    assert [node.op_type for node in model.graph.node if node.name in ("cast", "scale")] == ["Cast", "Mul"]
    # Its zero is the least integer of every ReLU's output.
    assert not [node for node in model.graph.node if node.op_type == "Relu"]
    arrays = arrays_of(model)
    least = -128 if kind == "int8" else 0
    assert {int(arrays[f"relu{number}_zero_point"]) for number in (1, 2, 3, 4)} == {least}


@kinds
def test_pixels_are_kept_as_they_are(kind: str) -> None:
    arrays = arrays_of(model_in(LENET5, kind))
    assert arrays["scale_scale"] == np.float32(1 / 255)
    assert int(arrays["scale_zero_point"]) == (-128 if kind == "int8" else 0)


@kinds
def test_biases_have_no_zero_point(kind: str) -> None:
    model = model_in(LENET5, kind)
    integers = {tensor.name for tensor in model.graph.initializer if tensor.data_type == TensorProto.INT32}
    inputs = [node.input for node in model.graph.node if node.op_type == "DequantizeLinear"]
    assert [len(names) for names in inputs if names[0] in integers] == [2] * 5


@kinds
def test_answers_are_near_those_in_float(kind: str) -> None:
    plain, quantized = run(to_bytes(plain_model(LENET5))), run(to_bytes(model_in(LENET5, kind)))
    assert np.abs(plain - quantized).max() < 0.1 * np.abs(plain).max()


@kinds
@pytest.mark.parametrize("text", ["lenet5", "64-64-10", "32-P-32-10"])
def test_no_processor_saturates(kind: str, text: str) -> None:
    content = to_bytes(model_in(find(text), kind))
    assert np.allclose(run(content), run(content, precise=True), atol=1e-6)


@kinds
@pytest.mark.parametrize("network", [LENET5, find("64-10")], ids=lambda network: network.name)
def test_the_same_weights_give_the_same_bytes(kind: str, network: Network) -> None:
    ranges = find_ranges(plain_model(network), IMAGES[:32], METHODS[0], input_dtype="uint8")
    first, again = (
        to_bytes(quantize(plain_model(network), ranges, kind, method=METHODS[0], input_dtype="uint8")) for _ in "12"
    )
    assert first == again == to_bytes(model_in(network, kind))
    # Nor does the order of the ranges matter.
    turned = dict(reversed(ranges.items()))
    assert to_bytes(quantize(plain_model(network), turned, kind, method=METHODS[0], input_dtype="uint8")) == first


@kinds
def test_the_ends_stay_in_float_where_the_method_says_so(kind: str) -> None:
    arrays = arrays_of(model_in(LENET5, kind, "uint8", FLOAT_ENDS))
    integers = {name.partition(".")[0] for name in arrays if name.endswith(".weight_quantized")}
    assert integers == {"conv2", "fc1", "fc2"}
    assert {name for name in arrays if name.endswith(".weight")} == {"conv1.weight", "fc3.weight"}
    assert [can_leave_ends(plain_model(find(text))) for text in ("16-10", "64-64-10")] == [False, True]


def test_the_model_that_is_quantised_stays_as_it_is(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    model = plain_model(LENET5)
    before = to_bytes(model)
    with caplog.at_level(logging.DEBUG):
        quantize(model, ranges_of(LENET5), "int8", method=METHODS[0], input_dtype="uint8")
    assert to_bytes(model) == before
    assert capfd.readouterr() == ("", "")
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_a_silent_layer_stays_silent() -> None:
    """A ReLU whose range is nothing must still cut off what is below zero."""
    model = plain_model(find("64-64-10"))
    for tensor in model.graph.initializer:
        if tensor.name in ("fc2.weight", "fc2.bias"):
            tensor.CopyFrom(numpy_helper.from_array(-np.abs(numpy_helper.to_array(tensor)), tensor.name))
    plain = run(to_bytes(model))
    assert np.ptp(plain, axis=0).max() == 0
    for kind in ("int8", "web"):
        ranges = find_ranges(model, IMAGES, METHODS[0], input_dtype="uint8")
        quantized = run(to_bytes(quantize(model, ranges, kind, method=METHODS[0], input_dtype="uint8")))
        assert np.allclose(quantized, plain, atol=0.01)
