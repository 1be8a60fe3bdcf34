from __future__ import annotations

import onnx
import pytest
from onnx import TensorProto, helper
from onnx_models import TYPES, contract_model, digits, foreign_model

from mnistbench.errors import ModelError
from mnistbench.runtime.contract import answer, find_plan, is_own_contract, own_plan
from mnistbench.runtime.devices import CPU
from mnistbench.runtime.session import create_session

IMAGES, LABELS = digits(200)
TEST_IMAGES, TEST_LABELS = digits(50, seed=2)


def session_of(model):
    return create_session(model.SerializeToString(), CPU)


def errors_of(session, plan):
    return int((answer(session, plan, TEST_IMAGES) != TEST_LABELS).sum())


def model_with(inputs, outputs, nodes):
    graph = helper.make_graph(nodes, "g", inputs, outputs)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def value(name, kind, shape):
    return helper.make_tensor_value_info(name, kind, shape)


def test_our_own_models_need_no_search():
    session = session_of(contract_model())
    assert is_own_contract(session)
    assert find_plan(session, {}) == own_plan()
    assert errors_of(session, own_plan()) == 0


@pytest.mark.parametrize(
    ("shape", "layout", "batch_size"),
    [
        (["n", 1, 28, 28], "N1HW", None),
        (["n", 1, "h", "w"], "N1HW", None),
        (["n", 28, 28, 1], "NHW1", None),
        (["n", 28, 28], "NHW", None),
        (["n", 784], "flat", None),
        ([1, 1, 28, 28], "N1HW", 1),
        ([32, 1, 28, 28], "N1HW", 32),
        ([7, 28, 28, 1], "NHW1", 7),
        ([1, 28, 28], "NHW", 1),
        ([28, 28], "HW", 1),
        ([28, 28, 1], "HW1", 1),
        ([784], "flat1", 1),
    ],
)
def test_layouts_and_batches(shape, layout, batch_size):
    session = session_of(foreign_model(shape))
    plan = find_plan(session, {}, value_range="0..1")
    assert (plan.layout, plan.batch_size, plan.dtype) == (layout, batch_size, "float32")
    assert plan.how_found == {"layout": "shape", "value_range": "option", "output": "shape"}
    assert errors_of(session, plan) == 0


@pytest.mark.parametrize(
    ("dtype", "value_range"),
    [("uint8", "0..255"), ("int32", "0..255"), ("int64", "0..255"), ("int8", "-128..127")],
)
def test_integers_tell_their_range(dtype, value_range):
    session = session_of(foreign_model(["n", 784], dtype=dtype, value_range=value_range))
    plan = find_plan(session, {})
    assert (plan.value_range, plan.how_found["value_range"]) == (value_range, "dtype")
    assert errors_of(session, plan) == 0


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("value_range", ["0..1", "0..255", "-1..1", "standardised"])
def test_trying_finds_the_range(value_range, inverted):
    session = session_of(foreign_model(["n", 1, 28, 28], value_range=value_range, inverted=inverted))
    plan = find_plan(session, {}, calibration=(IMAGES, LABELS))
    assert plan.value_range == value_range + "-inverted" * inverted
    assert plan.how_found["value_range"].startswith("trial: 0 errors on 200")
    assert errors_of(session, plan) == 0


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_every_float(dtype):
    session = session_of(foreign_model(["n", 784], dtype=dtype, value_range="-1..1"))
    plan = find_plan(session, {}, value_range="-1..1")
    assert (plan.dtype, errors_of(session, plan)) == (dtype, 0)


@pytest.mark.parametrize(
    ("metadata", "value_range"),
    [
        ({"Image.NominalPixelRange": "NominalRange_0_255"}, "0..255"),
        ({"Image.NominalPixelRange": "Normalized_1_1"}, "-1..1"),
        ({"mnistbench.value_range": "standardised", "Image.NominalPixelRange": "Normalized_0_1"}, "standardised"),
    ],
)
def test_metadata_tells_the_range(metadata, value_range):
    plan = find_plan(session_of(foreign_model(["n", 784])), metadata)
    assert (plan.value_range, plan.how_found["value_range"]) == (value_range, "metadata")


@pytest.mark.parametrize("said", ["NominalRange_16_235", "nonsense", ""])
def test_metadata_of_no_use_leaves_the_question_open(said):
    with pytest.raises(ModelError, match="--input-range"):
        find_plan(session_of(foreign_model(["n", 784])), {"Image.NominalPixelRange": said})


def test_timing_may_assume_a_range():
    plan = find_plan(session_of(foreign_model(["n", 784])), {}, assume_range=True)
    assert (plan.value_range, plan.how_found["value_range"]) == ("0..1", "assumed")


@pytest.mark.parametrize(("wanted", "shape"), [("label", ["n", 784]), ("single", [784]), ("single", [1, 1, 28, 28])])
def test_other_answers(wanted, shape):
    session = session_of(foreign_model(shape, answer=wanted))
    plan = find_plan(session, {}, value_range="0..1")
    assert plan.output_kind == ("label" if wanted == "label" else "scores")
    assert errors_of(session, plan) == 0


def test_an_output_can_be_named():
    session = session_of(contract_model())
    plan = find_plan(session, {}, output="probabilities")
    assert (plan.output, plan.output_kind, plan.how_found["output"]) == ("probabilities", "scores", "option")
    assert errors_of(session, plan) == 0


def test_a_batch_that_is_free_in_name_only():
    session = session_of(foreign_model(["n", 1, 28, 28], flat_batch=1))
    plan = find_plan(session, {}, value_range="0..1")
    assert plan.batch_size == 1
    assert errors_of(session, plan) == 0


def test_all_symbolic_shapes_are_tried_where_they_can_be():
    session = session_of(foreign_model(["n", "c", "h", "w"]))
    plan = find_plan(session, {}, calibration=(IMAGES, LABELS))
    assert plan.layout == "N1HW"
    assert errors_of(session, plan) == 0


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"layout": "NCHW"}, "unknown input layout 'NCHW'; expected one of N1HW"),
        ({"layout": "NHW1"}, "has shape .* not the layout 'NHW1'"),
        ({"value_range": "0-1"}, r"unknown input range '0-1'; expected one of 0\.\.1"),
        ({"output": "nothing"}, "'nothing' cannot be read; the model has scores"),
    ],
)
def test_options_that_do_not_fit(option, message):
    with pytest.raises(ModelError, match=message):
        find_plan(session_of(foreign_model(["n", 1, 28, 28])), {}, **option)


def test_a_range_the_dtype_cannot_hold():
    with pytest.raises(ModelError, match="uint8 cannot hold"):
        find_plan(session_of(foreign_model(["n", 784], dtype="uint8", value_range="0..255")), {}, value_range="-1..1")


FLOAT, TEXT = TensorProto.FLOAT, TensorProto.STRING


@pytest.mark.parametrize(
    ("inputs", "outputs", "nodes", "message"),
    [
        (
            [value("a", FLOAT, ["n", 10]), value("b", FLOAT, ["n", 10])],
            [value("c", FLOAT, ["n", 10])],
            [helper.make_node("Add", ["a", "b"], ["c"])],
            "has 2: a tensor",
        ),
        (
            [value("a", FLOAT, ["n", 3, 28, 28])],
            [value("c", FLOAT, ["n", 3, 28, 28])],
            [helper.make_node("Relu", ["a"], ["c"])],
            r"has shape \[n, 3, 28, 28\]; expected 28x28 grey images",
        ),
        (
            [value("a", FLOAT, ["n", 784])],
            [value("c", FLOAT, ["n", 784])],
            [helper.make_node("Relu", ["a"], ["c"])],
            "no output has ten scores",
        ),
        (
            [value("a", TEXT, ["n", 784])],
            [value("c", TEXT, ["n", 784])],
            [helper.make_node("Identity", ["a"], ["c"])],
            "tensor of numbers",
        ),
        (
            [value("a", FLOAT, None)],
            [value("c", FLOAT, None)],
            [helper.make_node("Relu", ["a"], ["c"])],
            "does not declare a shape; give --input-layout",
        ),
        (
            [value("a", FLOAT, ["n", 784])],
            [value("c", FLOAT, ["m", "k"])],
            [helper.make_node("NonZero", ["a"], ["z"]), helper.make_node("Cast", ["z"], ["c"], to=FLOAT)],
            "fails on 28x28 images in the layout flat.*expected 20 numbers",
        ),
    ],
)
def test_models_that_do_not_classify_digits(inputs, outputs, nodes, message):
    with pytest.raises(ModelError, match=message):
        find_plan(session_of(model_with(inputs, outputs, nodes)), {})


def test_a_model_near_chance_is_told_apart():
    model = foreign_model(["n", 784])
    model.graph.initializer[-2].raw_data = bytes(len(model.graph.initializer[-2].raw_data))
    with pytest.raises(ModelError, match="does not classify digits"):
        find_plan(session_of(model), {}, calibration=(IMAGES, LABELS))
    plan = find_plan(session_of(model), {}, calibration=(IMAGES, LABELS), assume_range=True)
    assert plan.how_found["value_range"] == "assumed"


def test_the_builders_make_valid_models():
    for dtype in TYPES:
        onnx.checker.check_model(foreign_model(["n", 784], dtype=dtype), full_check=True)


@pytest.mark.parametrize("inverted", [False, True])
def test_trying_tells_inverted_bytes_too(inverted):
    session = session_of(foreign_model(["n", 1, 28, 28], dtype="uint8", value_range="0..255", inverted=inverted))
    plan = find_plan(session, {}, calibration=(IMAGES, LABELS))
    assert plan.value_range == "0..255" + "-inverted" * inverted
    # Without images to try there is only the convention.
    assert find_plan(session, {}, calibration=None).value_range == "0..255"
