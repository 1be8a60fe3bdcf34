from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from ensembles import saved, tiny_model
from onnx import TensorProto, helper, numpy_helper

from mnistbench.artifacts import ModelFile
from mnistbench.catalog import NETWORKS
from mnistbench.errors import ExportError, ModelError
from mnistbench.training.member import count_macs, read_member


@pytest.mark.parametrize("network", [n for n in NETWORKS if not n.spec.dropout], ids=lambda network: network.name)
def test_the_graphs_arithmetic_is_that_of_the_spec(network):
    assert count_macs(tiny_model(network.name, scale=0)) == network.spec.macs


def test_what_a_member_says(tmp_path):
    properties = {
        "names": "{0: 'zero', 1: 'one'}",
        "mnistbench.name": "4-10-dropout",
        "mnistbench.notation": "4-10",
        "mnistbench.seed": "3",
    }
    member = read_member(saved(tiny_model(**properties), tmp_path, "any"))
    assert (member.name, member.notation, member.labels) == ("4-10-dropout", "4-10", ("zero", "one"))
    assert (member.precision, member.macs) == ("fp32", 784 * 4 + 40)
    said = member.as_dict()
    assert said == {
        "name": "4-10-dropout",
        "precision": "fp32",
        "notation": "4-10",
        "seed": "3",
        "num_parameters": 785 * 4 + 50,
        "sha256": member.sha256,
    }


def test_what_a_member_does_not_say(tmp_path):
    member = read_member(saved(tiny_model(), tmp_path, "any"))
    assert (member.name, member.notation, member.labels) == ("any", "any", tuple("0123456789"))


@pytest.mark.parametrize("names", ["", "{", "3", "{1: 'a'}", "()" * 3, "[" * 500, "None", "__import__('os')"])
def test_classes_that_cannot_be_read(tmp_path, names):
    member = read_member(saved(tiny_model(names=names), tmp_path, "any"))
    with pytest.raises(ExportError, match=r"any\.onnx: its metadata names no classes"):
        _ = member.labels


def float_input(model):
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT


def fixed_batch(model):
    dim = model.graph.input[0].type.tensor_type.shape.dim[0]
    dim.Clear()
    dim.dim_value = 1


def other_input(model):
    model.graph.input[0].name = "Input3"
    model.graph.node[0].input[0] = "Input3"


def wider_image(model):
    model.graph.input[0].type.tensor_type.shape.dim[3].dim_value = 32


def without_probabilities(model):
    del model.graph.output[1]


def another_output(model):
    model.graph.output.append(helper.make_tensor_value_info("relu1", TensorProto.FLOAT, ["batch", 4]))


def eleven_classes(model):
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 11


def float_label(model):
    model.graph.output[2].type.tensor_type.elem_type = TensorProto.FLOAT


def strange_type(model):
    model.graph.input[0].type.tensor_type.elem_type = 99


def no_tensor(model):
    model.graph.input[0].type.Clear()


def two_inputs(model):
    model.graph.input.append(helper.make_tensor_value_info("mask", TensorProto.FLOAT, ["batch"]))


def older_opset(model):
    model.opset_import[0].version = 17


def newer_ir(model):
    model.ir_version = 10


def other_domain(model):
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))


def node_of_other_domain(model):
    model.graph.node[0].domain = "ai.onnx.ml"


def control_flow(model):
    model.graph.node[-1].attribute.append(helper.make_attribute("then_branch", onnx.GraphProto(name="inner")))


def function(model):
    model.functions.append(onnx.FunctionProto(name="f"))


def sparse(model):
    values = numpy_helper.from_array(np.ones(1, np.float32), "thin")
    indices = numpy_helper.from_array(np.zeros(1, np.int64), "where")
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [4]))


def external(model):
    tensor = model.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="weights.bin")
    tensor.ClearField("raw_data")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (float_input, "takes float32 images; an ensemble takes uint8: export it with --input uint8"),
        (fixed_batch, "takes batches of 1 only"),
        (other_input, "Input3, ->, logits"),
        (wider_image, "other shapes or types; expected the input image, uint8"),
        (without_probabilities, "other inputs or outputs"),
        (another_output, "other inputs or outputs"),
        (eleven_classes, "other shapes or types"),
        (float_label, "other shapes or types"),
        (strange_type, "other inputs or outputs"),
        (no_tensor, "other inputs or outputs"),
        (two_inputs, "other inputs or outputs"),
        (older_opset, "opset 17 and IR version 8; expected opset 18 and at most IR version 8: export it again"),
        (newer_ir, "opset 18 and IR version 10"),
        (other_domain, "operator domain 'com.microsoft'"),
        (node_of_other_domain, "operator domain 'ai.onnx.ml'"),
        (control_flow, "control flow"),
        (function, "functions"),
        (sparse, "sparse weights"),
        (external, "keeps weights in other files"),
    ],
)
def test_what_keeps_another_contract_is_refused(
    tmp_path, damage: Callable[[onnx.ModelProto], None], message: str
) -> None:
    model = tiny_model()
    damage(model)
    file = saved(model, tmp_path, "other")
    with pytest.raises(ExportError) as raised:
        read_member(file)
    assert str(raised.value).startswith(str(file.path))
    assert message in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"no model", bytes(100), b"\x08\x08:\x00"])
def test_a_damaged_file_is_a_typed_error(tmp_path, content):
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    with pytest.raises((ModelError, ExportError), match=r"broken\.onnx"):
        read_member(ModelFile(path, "broken"))


def test_a_file_that_is_not_there_is_a_typed_error(tmp_path):
    with pytest.raises(ModelError, match=r"none\.onnx"):
        read_member(ModelFile(tmp_path / "none.onnx", "none"))


@pytest.mark.parametrize(("dtype", "precision"), [(np.float16, "fp16"), (np.float32, "fp32")])
def test_the_precision_is_that_of_the_weights(tmp_path, dtype, precision):
    model = tiny_model()
    model.graph.initializer.append(numpy_helper.from_array(np.zeros(3, dtype), "more"))
    assert read_member(saved(model, tmp_path, "any")).precision == precision


def test_quantised_weights_are_int8(tmp_path):
    model = tiny_model()
    model.graph.node.append(helper.make_node("DequantizeLinear", ["q", "s"], ["weights"], name="q"))
    assert read_member(saved(model, tmp_path, "any")).precision == "int8"


@pytest.mark.parametrize(
    ("properties", "precision", "name"),
    [
        ({}, "int8", "any"),
        ({"mnistbench.name": "4-10"}, "int8", "4-10@int8"),
        ({"mnistbench.name": "4-10", "mnistbench.precision": "web"}, "web", "4-10@web"),
        ({"mnistbench.name": "4-10", "mnistbench.precision": "<b>"}, "int8", "4-10@int8"),
        ({"mnistbench.name": "4-10@web + 4-10", "mnistbench.members": "[]"}, "int8", "4-10@web + 4-10"),
    ],
)
def test_the_name_says_the_precision(tmp_path, properties, precision, name):
    model = tiny_model(**properties)
    model.graph.node.append(helper.make_node("DequantizeLinear", ["q", "s"], ["weights"], name="q"))
    member = read_member(saved(model, tmp_path, "any"))
    assert (member.precision, member.name) == (precision, name)
