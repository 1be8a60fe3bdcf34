from __future__ import annotations

import numpy as np
import onnx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from onnx_models import contract_model, foreign_model

from mnistbench.errors import ModelError
from mnistbench.runtime.onnx_parser import parse_onnx

CONTENT = contract_model(metadata={"mnistbench.notation": "10"}).SerializeToString()


def graph_with(*nodes, initializers=()):
    graph = helper.make_graph(list(nodes), "g", [], [], list(initializers))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def external(name="w"):
    tensor = TensorProto(name=name, data_type=1, dims=[4], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="weights.bin")
    return tensor


def test_what_our_contract_says():
    info = parse_onnx(CONTENT)
    assert (info.ir_version, info.opsets, info.metadata) == (8, {"": 18}, {"mnistbench.notation": "10"})
    assert (info.inputs, info.outputs) == (("image",), ("logits", "probabilities", "label"))
    assert info.num_parameters == 7850  # the scalar pixel_scale is no weight
    assert not info.external_data
    assert info.size_bytes == len(CONTENT)


def test_shape_constants_are_no_parameters_and_old_inputs_that_are_initializers_are_none():
    model = foreign_model(["n", 1, 28, 28])
    model.graph.input.append(helper.make_tensor_value_info("fc1.bias", TensorProto.FLOAT, [10]))
    info = parse_onnx(model.SerializeToString())
    assert info.num_parameters == 7850 + 10  # weights, and the vector to_zero
    assert info.inputs == ("given",)


def test_quantised_weights_count_and_their_scales_do_not():
    arrays = {
        "w": np.ones((3, 4), np.int8),
        "w_scale": np.ones(3, np.float32),
        "w_zero": np.zeros(3, np.int8),
        "b": np.ones(3, np.int32),
        "b_scale": np.ones(3, np.float32),
    }
    model = graph_with(
        helper.make_node("DequantizeLinear", ["w", "w_scale", "w_zero"], ["wf"]),
        helper.make_node("DequantizeLinear", ["b", "b_scale"], ["bf"]),
        initializers=[numpy_helper.from_array(value, key) for key, value in arrays.items()],
    )
    assert parse_onnx(model.SerializeToString()).num_parameters == 12 + 3


def test_dims_may_be_packed_or_not():
    tensor = b"\x0a\x02\x03\x04" + b"\x10\x01" + b"\x42\x01w"
    graph = b"\x2a" + bytes([len(tensor)]) + tensor
    assert parse_onnx(b"\x08\x08\x3a" + bytes([len(graph)]) + graph).num_parameters == 12


def test_external_data_is_found_wherever_it_hides():
    inner = helper.make_graph([helper.make_node("Constant", [], ["c"], value=external())], "inner", [], [])
    branch = helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner)
    sparse = graph_with()
    sparse.graph.sparse_initializer.add(values=external(), dims=[9])
    function = graph_with()
    function.functions.add(name="f").node.append(helper.make_node("Constant", [], ["c"], value=external()))
    training = graph_with()
    training.training_info.add().algorithm.initializer.append(external())
    hidden = [
        graph_with(initializers=[external()]),
        graph_with(helper.make_node("Constant", [], ["c"], value=external())),
        graph_with(branch),
        sparse,
        function,
        training,
    ]
    assert [parse_onnx(model.SerializeToString()).external_data for model in hidden] == [True] * len(hidden)


def nested(depth):
    graph = helper.make_graph([], "leaf", [], [])
    for _ in range(depth):
        graph = helper.make_graph([helper.make_node("If", ["x"], ["y"], then_branch=graph)], "g", [], [])
    return helper.make_model(graph, ir_version=8).SerializeToString()


def test_nesting_is_limited():
    parse_onnx(nested(16))
    with pytest.raises(ModelError, match="nested more than 16 deep"):
        parse_onnx(nested(17))


@pytest.mark.parametrize("dims", [[2**40, 2**20], [10**9], [-1]])
def test_dims_that_the_data_does_not_bear_out(dims):
    tensor = TensorProto(name="w", data_type=1, dims=dims, raw_data=b"\0" * 40)
    with pytest.raises(ModelError, match="'w'"):
        parse_onnx(graph_with(initializers=[tensor]).SerializeToString())


def test_rank_is_limited():
    tensor = TensorProto(name="w", data_type=1, dims=[1] * 33)
    with pytest.raises(ModelError, match="dimensions"):
        parse_onnx(graph_with(initializers=[tensor]).SerializeToString())


@pytest.mark.parametrize("content", [b"", b"hello, this is text", b"\x08\x08", b"\x3a\x00", b"<html></html>", b"\x08"])
def test_what_is_no_model(content):
    with pytest.raises(ModelError, match=r"^the model "):
        parse_onnx(content)


def facts_or_message(content):
    """What every input must end in; anything else raised is a failure."""
    try:
        return parse_onnx(content).size_bytes
    except ModelError as error:
        return str(error)


@given(st.binary(max_size=200))
@example(b"\x08\x08\x3a\x00")
def test_random_bytes_give_facts_or_a_model_error(content):
    outcome = facts_or_message(content)
    assert outcome == len(content) or outcome.startswith("the model ")


@given(st.integers(0, len(CONTENT) - 1), st.integers(0, 255))
def test_a_changed_byte_gives_facts_or_one_line(position, value):
    content = bytearray(CONTENT)
    content[position] = value
    outcome = facts_or_message(bytes(content))
    assert outcome == len(content) or "\n" not in outcome


@given(st.integers(0, len(CONTENT) - 1))
def test_truncation_never_adds_facts(length):
    try:
        info = parse_onnx(CONTENT[:length])
    except ModelError:
        return
    # What may be cut without a trace is what follows the graph.
    assert info.num_parameters == 7850


def test_the_onnx_package_agrees_on_our_model():
    onnx.checker.check_model(onnx.load_from_string(CONTENT), full_check=True)
