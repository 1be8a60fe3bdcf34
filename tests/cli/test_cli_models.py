"""ONNX files and manifests that are damaged, of the wrong kind or missing."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper


@pytest.fixture
def own(trained, tmp_path):
    """The trained work folder, but a copy to damage."""
    shutil.copytree(trained.work / "zoo", tmp_path / "own" / "zoo")
    return replace(trained, work=tmp_path / "own")


def wrong_shape(shape, outputs=10):
    """A model that is sound, but takes other images or knows other classes."""
    size = int(np.prod(shape))
    weights = numpy_helper.from_array(np.zeros((size, outputs), dtype=np.float32), "weights")
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["x"], ["flat"]),
            helper.make_node("MatMul", ["flat", "weights"], ["y"]),
        ],
        "wrong",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", *shape])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", outputs])],
        [weights],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def damaged(kind, sound):
    return {
        "empty": b"",
        "random": np.random.default_rng(0).bytes(3000),
        "text": b"this is no model at all\n",
        "cut": sound[: len(sound) // 2],
        "one byte": sound[:1],
        "html": b"<!DOCTYPE html><html><body>404</body></html>",
        "zeros": bytes(4096),
    }[kind]


@pytest.mark.parametrize("kind", ["empty", "random", "text", "cut", "one byte", "html", "zeros"])
@pytest.mark.parametrize("command", ["evaluate", "bench"])
def test_a_damaged_file_is_one_line(trained, tmp_path, command, kind):
    file = tmp_path / "broken.onnx"
    file.write_bytes(damaged(kind, (trained.work / "zoo" / "16-10.onnx").read_bytes()))
    trained(command, file, "--json").fails_with("broken.onnx")


@pytest.mark.parametrize(
    ("shape", "outputs"), [((1, 32, 32), 10), ((3, 28, 28), 10), ((1, 28, 28), 7), ((5,), 10), ((1, 28, 28), 1000)]
)
def test_a_sound_model_that_cannot_read_digits_has_no_errors_to_count_but_a_latency(trained, tmp_path, shape, outputs):
    file = tmp_path / "other.onnx"
    onnx.save(wrong_shape(shape, outputs), file)
    trained("evaluate", file, "--json").fails_with("other.onnx")
    outcome = trained("bench", file, "--json", "--quick", "--processes", 1, "--batch", "2").succeeds()
    (row,) = outcome.json
    assert (row["batch_size"], row["options"]["input"]["shapes"]) == (2, {"x": [None, *shape]})
    assert f"other does not read digits; timed on random inputs: x float32 [N, {', '.join(map(str, shape))}]" in (
        outcome.err
    )
    # What is said of digits asks for a model that reads them.
    trained("bench", file, "--input-layout", "N1HW").fails_with("other.onnx")


def test_a_damaged_file_stays_out_of_the_json_in_a_real_process(trained, tmp_path):
    # In a real process, since onnxruntime writes to file descriptors that a test within it does not see.
    file = tmp_path / "other.onnx"
    onnx.save(wrong_shape((1, 32, 32)), file)
    trained.process("evaluate", file, "--json").fails_with("other.onnx")


@pytest.mark.parametrize("command", ["evaluate", "bench"])
def test_a_folder_named_like_a_model(trained, tmp_path, command):
    folder = tmp_path / "folder.onnx"
    folder.mkdir()
    trained(command, folder).fails_with("folder.onnx", "is a folder")


@pytest.mark.parametrize("command", ["evaluate", "bench"])
def test_a_missing_file(trained, tmp_path, command):
    trained(command, tmp_path / "none.onnx").fails_with("none.onnx")


def test_a_network_that_nobody_trained_says_what_to_run(cli):
    cli("evaluate", "12-12-10").fails_with("mnistbench train 12-12-10 && mnistbench export 12-12-10")
    cli("export", "12-12-10").fails_with("mnistbench train 12-12-10")
    assert not cli.work.exists()


@pytest.mark.parametrize("command", ["evaluate", "bench"])
def test_the_others_are_measured_when_one_file_is_broken(trained, tmp_path, command):
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"nothing")
    more = ("--quick", "--batch", 1) if command == "bench" else ()
    outcome = trained(command, broken, "16-10", *more, "--json")
    assert outcome.code == 3
    assert "Traceback" not in outcome.err
    errors = {row["name"]: row.get("error") for row in outcome.json}
    assert set(errors) == {"broken", "16-10"}
    assert "broken.onnx" in errors["broken"]
    assert errors["16-10"] is None


def test_all_of_several_files_are_broken(trained, tmp_path):
    files = [tmp_path / "a.onnx", tmp_path / "b.onnx"]
    for file in files:
        file.write_bytes(b"nothing")
    for command in ("evaluate", "bench"):
        outcome = trained(command, *files, "--json")
        assert outcome.code == 1
        assert all(row["error"] for row in outcome.json)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"kind": "zoo"}', '{"kind": "zoo", "models": [{}]}', "\0"])
def test_a_damaged_manifest_is_one_line_and_is_left_as_it_is(own, content):
    manifest = own.work / "zoo" / "manifest.json"
    manifest.write_text(content, encoding="utf-8")
    own("evaluate", "16-10").fails_with(str(manifest))
    own("bench", "16-10").fails_with(str(manifest))
    assert manifest.read_text(encoding="utf-8") == content


def test_an_export_beside_a_damaged_manifest_writes_nothing(trained, tmp_path):
    zoo = tmp_path / "zoo"
    zoo.mkdir()
    (zoo / "manifest.json").write_text("{", encoding="utf-8")
    trained("export", "16-10", "--output", zoo).fails_with("manifest.json")
    assert [path.name for path in zoo.iterdir() if path.suffix == ".onnx"] == []


@pytest.mark.parametrize("command", ["evaluate", "bench"])
def test_a_model_with_other_bytes_than_its_manifest_says(own, command):
    model = own.work / "zoo" / "16-10.onnx"
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1  # the file still loads; only the hash tells
    model.write_bytes(content)
    own(command, "16-10").fails_with("16-10.onnx", "mnistbench export 16-10")


def test_a_model_that_its_manifest_promises_is_gone(own):
    (own.work / "zoo" / "16-10.onnx").unlink()
    own("evaluate", "16-10").fails_with("16-10.onnx", "export 16-10 again")


def test_a_manifest_that_points_out_of_its_folder(own):
    manifest = own.work / "zoo" / "manifest.json"
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace('"16-10.onnx"', '"../../16-10.onnx"'), encoding="utf-8")
    own("evaluate", "16-10").fails_with("outside its folder")
