from __future__ import annotations

import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pytest
from latency_models import OWN, write_chosen, write_model, write_other
from onnx import TensorProto

from mnistbench.errors import InputError, ModelError
from mnistbench.measure.latency import inputs as inputs_module
from mnistbench.measure.latency.inputs import Inputs, parse_shape, show_shape, tensor_inputs
from mnistbench.runtime.devices import CPU
from mnistbench.runtime.session import create_session


def session(path):
    return create_session(path, CPU)


def test_a_plan_and_shapes_come_back_from_json():
    for inputs in (
        Inputs(("label",), OWN),
        Inputs(("z", "y"), None, {"x": (None, 3), "n": ()}, {"x": "float32", "n": "int64"}, "/tmp/x.npz", 4),
    ):
        assert Inputs.from_dict(json.loads(json.dumps(inputs.as_dict()))) == inputs


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Nx3x224x224", (None, (None, 3, 224, 224))),
        ("1x784", (None, (1, 784))),
        ("x=n,3", ("x", (None, 3))),
        ("a=b=7", ("a=b", (7,))),
        ("scalar=", ("scalar", ())),
        ("0", (None, (0,))),
    ],
)
def test_shapes_as_the_user_says_them(text, found):
    assert parse_shape(text) == found


@pytest.mark.parametrize("text", ["", "3x", "axb", "3x-1", "1.5", "1 x 2 y", "9999999999", "٣"])
def test_texts_that_are_no_shapes(text):
    with pytest.raises(InputError, match="is no shape"):
        parse_shape(text)


def test_an_open_first_size_is_the_batch_and_another_has_to_be_told(tmp_path):
    path = write_other(tmp_path / "m.onnx")
    with pytest.raises(ModelError, match=r"leaves sizes open: .*--shape x=Nx3x8x\? \(a number"):
        tensor_inputs(session(path))
    for key in (None, "x"):
        inputs = tensor_inputs(session(path), {key: (None, 3, 8, 5)})
        assert inputs.shapes == {"x": (None, 3, 8, 5)}
        assert inputs.fixed_batch is None
        assert (inputs.outputs, inputs.dtypes) == (("z",), {"x": "float32"})
    assert tensor_inputs(session(path), {None: (2, 3, 8, 5)}).fixed_batch == 2


def test_what_the_model_fixes_stays(tmp_path):
    path = write_other(tmp_path / "m.onnx", shape=(4, 3))
    assert tensor_inputs(session(path)).shapes == {"x": (4, 3)}
    assert tensor_inputs(session(path), {None: (None, 3)}).fixed_batch == 4


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ({None: (None, 4, 8, 5)}, r"\[batch, 3, 8, width\], which \[N, 4, 8, 5\] does not fit"),
        ({None: (None, 3)}, "does not fit"),
        ({"y": (1,)}, "has no input 'y'; it has x"),
    ],
)
def test_shapes_that_do_not_fit(tmp_path, shapes, message):
    with pytest.raises(ModelError, match=message):
        tensor_inputs(session(write_other(tmp_path / "m.onnx")), shapes)


def test_two_inputs_need_their_names(tmp_path):
    path = write_other(tmp_path / "m.onnx", shape=(None, 2), inputs=("a", "b"))
    with pytest.raises(ModelError, match="has 2 inputs; name the shape's: a or b"):
        tensor_inputs(session(path), {None: (1, 2)})
    assert tensor_inputs(session(path), {"b": (None, 2)}).shapes == {"a": (None, 2), "b": (None, 2)}


@pytest.mark.parametrize(
    ("dtype", "name", "highest"),
    [
        (TensorProto.FLOAT, "float32", 1),
        (TensorProto.DOUBLE, "float64", 1),
        (TensorProto.INT64, "int64", 9),
        (TensorProto.INT32, "int32", 9),
    ],
)
def test_random_tensors_have_the_type_and_a_harmless_range(tmp_path, dtype, name, highest):
    inputs = tensor_inputs(session(write_other(tmp_path / "m.onnx", shape=("n", 50), dtype=dtype)))
    array = inputs.random(7, np.random.default_rng(0))["x"]
    assert (array.shape, str(array.dtype)) == ((7, 50), name)
    assert 0 <= array.min() < array.max() <= highest
    assert session(tmp_path / "m.onnx").run(None, {"x": array})[0].shape == (7, 50)


def test_truth_values_are_drawn_and_read(tmp_path):
    path = write_chosen(tmp_path / "m.onnx")
    inputs = tensor_inputs(session(path))
    assert (inputs.dtypes, inputs.outputs) == ({"mask": "bool", "x": "float32"}, ("y", "off"))
    feed = inputs.random(50, np.random.default_rng(0))
    assert feed["mask"].dtype == bool
    assert 0 < feed["mask"].sum() < feed["mask"].size
    answer, off = session(path).run(list(inputs.outputs), feed)
    assert np.array_equal(answer, np.where(feed["mask"], feed["x"], 0))
    assert np.array_equal(off, ~feed["mask"])
    np.savez(tmp_path / "given.npz", mask=feed["mask"], x=feed["x"])
    given = tensor_inputs(session(path), file=tmp_path / "given.npz")
    assert np.array_equal(given.read(tmp_path / "given.npz")["mask"], feed["mask"])
    np.savez(tmp_path / "given.npz", mask=feed["mask"].astype(np.uint8), x=feed["x"])
    with pytest.raises(ModelError, match=r"'mask' as uint8 .*; the model takes bool"):
        tensor_inputs(session(path), file=tmp_path / "given.npz")


def test_texts_are_no_tensors_that_could_be_drawn():
    argument = SimpleNamespace(name="x", type="tensor(string)", shape=["n"])
    reads = SimpleNamespace(get_inputs=lambda: [argument], get_outputs=list)
    with pytest.raises(ModelError, match=r"'x' is a tensor\(string\); only tensors of numbers or bool can be made"):
        tensor_inputs(reads)
    writes = SimpleNamespace(get_inputs=list, get_outputs=lambda: [argument])
    with pytest.raises(ModelError, match="no output that is a tensor of numbers or bool"):
        tensor_inputs(writes)


def test_random_inputs_come_with_the_advice_to_give_others():
    drawn = Inputs(("z",), None, {"ids": (None, 128)}, {"ids": "int64"})
    assert "drawn at random (ids int64 [N, 128])" in drawn.advice
    assert drawn.advice.endswith("give them with --input-file")
    assert dataclasses.replace(drawn, file="x.npz", given_batch=1).advice == Inputs(("label",), OWN).advice == ""


def test_bytes_are_pixels(tmp_path):
    inputs = tensor_inputs(session(write_model(tmp_path / "m.onnx")))
    array = inputs.random(3, np.random.default_rng(0))["image"]
    assert (array.shape, array.dtype, array.max() > 200) == ((3, 1, 28, 28), np.uint8, True)


def test_a_slip_of_the_keyboard_is_refused_before_it_fills_memory():
    inputs = Inputs(("z",), None, {"x": (None, 10**9, 10**9)}, {"x": "float32"})
    with pytest.raises(InputError, match="more than 4 GiB"):
        inputs.random(1, np.random.default_rng(0))


def test_given_tensors_are_used_as_they_are(tmp_path):
    path = write_other(tmp_path / "m.onnx")
    given = np.random.default_rng(1).random((2, 3, 8, 4), dtype=np.float32)
    np.save(tmp_path / "x.npy", given)
    np.savez(tmp_path / "x.npz", x=given, more=np.zeros(3))
    for name in ("x.npy", "x.npz"):
        inputs = tensor_inputs(session(path), file=tmp_path / name)
        assert (inputs.fixed_batch, inputs.shapes) == (2, {"x": (2, 3, 8, 4)})
        assert inputs.only_batch("net") == f"{name} has a batch of 2, which is all that net is given"
        assert np.array_equal(inputs.read(tmp_path / name)["x"], given)


@pytest.mark.parametrize(
    ("name", "arrays", "message"),
    [
        ("x.npz", {"y": np.zeros((1, 3, 8, 1), np.float32)}, "has no array 'x'"),
        ("x.npz", {"x": np.zeros((1, 3, 8, 1))}, "as float64 .* the model takes float32"),
        ("x.npz", {"x": np.zeros((1, 4, 8, 1), np.float32)}, r"float32 \[1, 4, 8, 1\]; the model takes"),
        ("x.npz", {"x": np.array([{}], dtype=object)}, "file of numbers: it holds Python objects"),
        ("x.npy", b"text", "no readable .npy or .npz file of numbers: it begins as neither"),
        ("x.npy", b"\x80\x04]\x94.", "begins as neither"),
        ("x.npz", b"PK\x03\x04 truncated", "damaged or cut off"),
        ("x.npy", b"", "it is empty"),
        ("x.npy", b"\x93NUMPY\x01\x00v\x00{'descr': (((((, }" + b" " * 95, "damaged or cut off"),
        ("x.npy", b"\x93NUMPY\x02\x00\xff\xff\x00\x00" + b" " * 70_000, "damaged or cut off"),
        ("x.npz", {"x": np.zeros((1, 3, 8, 0), np.float32)}, "empty array"),
    ],
)
def test_files_that_do_not_fit(tmp_path, name, arrays, message):
    if isinstance(arrays, bytes):
        (tmp_path / name).write_bytes(arrays)
    else:
        np.savez(tmp_path / name, **arrays)
    with pytest.raises(ModelError, match=message) as caught:
        tensor_inputs(session(write_other(tmp_path / "m.onnx")), file=tmp_path / name)
    assert "allow_pickle" not in str(caught.value)


@pytest.mark.parametrize("save", ["x.npy", "x.npz"])
def test_a_number_is_given_as_one_and_not_as_a_list_of_one(tmp_path, save):
    number = np.array(3.0, np.float32)
    np.save(tmp_path / "x.npy", number)
    np.savez(tmp_path / "x.npz", x=number)
    inputs = tensor_inputs(session(write_other(tmp_path / "m.onnx", shape=())), file=tmp_path / save)
    assert (inputs.shapes, inputs.fixed_batch) == ({"x": ()}, 1)
    # As the process that times them does, with the shapes that were found.
    assert inputs.read(tmp_path / save)["x"].shape == ()


def test_tensors_of_any_strides_are_laid_out_row_by_row(tmp_path):
    np.save(tmp_path / "x.npy", np.asfortranarray(np.ones((2, 3, 8, 4), np.float32)))
    inputs = tensor_inputs(session(write_other(tmp_path / "m.onnx")), file=tmp_path / "x.npy")
    assert inputs.read(tmp_path / "x.npy")["x"].flags.c_contiguous


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ModelError, match=r"of numbers: No such file or directory$"):
        tensor_inputs(session(write_other(tmp_path / "m.onnx")), file=tmp_path / "none.npy")


def test_an_archive_that_unpacks_to_too_much_is_not_unpacked(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "x.npz", x=np.zeros((1, 3, 8, 4), np.float32))
    monkeypatch.setattr(inputs_module, "MOST_BYTES", 100)
    with pytest.raises(ModelError, match="unpacks to"):
        tensor_inputs(session(write_other(tmp_path / "m.onnx")), file=tmp_path / "x.npz")


def test_an_empty_input_is_refused(tmp_path):
    with pytest.raises(ModelError, match="would be empty"):
        tensor_inputs(session(write_other(tmp_path / "m.onnx")), {None: (0, 3, 8, 4)})


def test_one_array_is_not_enough_for_two_inputs(tmp_path):
    path = write_other(tmp_path / "m.onnx", shape=("n", 2), inputs=("a", "b"))
    np.save(tmp_path / "a.npy", np.zeros((1, 2), np.float32))
    with pytest.raises(ModelError, match="one array, the model 2 inputs"):
        tensor_inputs(session(path), file=tmp_path / "a.npy")


def test_a_shape_is_shown_as_it_is_said():
    assert show_shape((None, 3, 8)) == "[N, 3, 8]"
