"""Reading the model that a kit is made around."""

from __future__ import annotations

import dataclasses
import hashlib

import pytest
from latency_models import write_model, write_other

from mnistbench.artifacts import ModelFile, add_to_manifest
from mnistbench.embed.model import labels_of, other_precisions, precisions_left_out, read_model, safe_name
from mnistbench.errors import ArtifactError, ModelError

DIGITS = tuple("0123456789")


def test_the_content_is_the_files_and_is_hashed(embedded):
    for model in embedded.values():
        assert model.content == model.file.path.read_bytes()
        assert model.sha256 == hashlib.sha256(model.content).hexdigest() == model.file.entry.sha256
        assert model.labels == DIGITS
        assert model.precision == "fp32"


def test_a_file_by_its_path_has_the_precision_that_it_says(tmp_path):
    plain = read_model(ModelFile(write_model(tmp_path / "a.onnx"), "a"))
    assert plain.precision == "fp32"
    said = write_model(tmp_path / "b.onnx", metadata={"mnistbench.precision": "int8"})
    assert read_model(ModelFile(said, "b")).precision == "int8"


@pytest.mark.parametrize("batch", [1, 8])
def test_a_fixed_batch_does_not_keep_the_contract(tmp_path, batch):
    path = write_model(tmp_path / "fixed.onnx", batch=batch)
    with pytest.raises(ModelError, match=r"fixed\.onnx does not keep the contract .* 'mnistbench export'"):
        read_model(ModelFile(path, "fixed"))


def test_another_kind_of_model_is_refused(tmp_path):
    with pytest.raises(ModelError, match="does not keep the contract"):
        read_model(ModelFile(write_other(tmp_path / "other.onnx"), "other"))


@pytest.mark.parametrize("content", [b"", b"no model", b"\x08\x08" * 500])
def test_a_damaged_file_is_named(tmp_path, content):
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"broken\.onnx"):
        read_model(ModelFile(path, "broken"))


def test_a_file_that_is_not_its_manifests_is_refused(embedded):
    file = embedded["own"].file
    changed = dataclasses.replace(file, entry=dataclasses.replace(file.entry, sha256="0" * 64))
    with pytest.raises(ArtifactError, match="changed while it was read"):
        read_model(changed)


def test_other_precisions_come_from_the_same_zoo(embedded, tmp_path):
    model = embedded["own"]
    content = write_model(tmp_path / "16-10-int8.onnx").read_bytes()
    (tmp_path / "16-10.onnx").write_bytes(model.content)
    int8 = {"precision": "int8", "file": "16-10-int8.onnx", "sha256": hashlib.sha256(content).hexdigest()}
    add_to_manifest(tmp_path, model.file.entry)
    add_to_manifest(tmp_path, dataclasses.replace(model.file.entry, **int8))
    there = dataclasses.replace(model, file=dataclasses.replace(model.file, path=tmp_path / "16-10.onnx"))
    assert other_precisions(there) == {"int8": content}
    assert precisions_left_out(there) == ()
    assert other_precisions(model) == {}
    by_path = dataclasses.replace(there, file=ModelFile(tmp_path / "16-10.onnx", "16-10"))
    assert other_precisions(by_path) == {}
    assert precisions_left_out(by_path) == ()


@pytest.mark.parametrize("own", ["w" * 64, None])
def test_files_of_another_training_run_are_left_out(embedded, tmp_path, own):
    model = embedded["own"]
    entry = dataclasses.replace(model.file.entry, training={"seed": 1, "weights_sha256": own})
    add_to_manifest(tmp_path, entry)
    for precision, training in (
        ("fp16", {"seed": 1, "weights_sha256": own}),
        ("int8", {"seed": 0, "weights_sha256": "v" * 64}),
        ("web", {}),
    ):
        name = f"16-10-{precision}.onnx"
        digest = hashlib.sha256(write_model(tmp_path / name).read_bytes()).hexdigest()
        add_to_manifest(
            tmp_path, dataclasses.replace(entry, precision=precision, file=name, sha256=digest, training=training)
        )
    there = dataclasses.replace(model, file=ModelFile(tmp_path / "16-10.onnx", "16-10", entry))
    assert list(other_precisions(there)) == (["fp16"] if own else [])
    assert precisions_left_out(there) == (("int8", "web") if own else ("fp16", "int8", "web"))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("6-P-16-P-120-84-10", "6-P-16-P-120-84-10"),
        ("32-P-10-k3.3p1.1", "32-P-10-k3.3p1.1"),
        ('we"ird $(x) <b>\n', "we-ird-x-b"),
        ("../../etc/passwd", "etc-passwd"),
        (".hidden", "hidden"),
        ("数字", "model"),
        ("", "model"),
        ("x" * 500, "x" * 80),
    ],
)
def test_names_are_safe_everywhere(text, name):
    assert safe_name(text) == name


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("", DIGITS),
        (str({n: f"digit {n}" for n in range(10)}), tuple(f"digit {n}" for n in range(10))),
        (str(list("abcdefghij")), tuple("abcdefghij")),
        (str({n: n for n in range(10)}), DIGITS),
        (str(dict.fromkeys(range(9), "x")), DIGITS),
        (str(dict.fromkeys(range(10), "two\nlines")), DIGITS),
        (str(dict.fromkeys(range(10), "<script>")), DIGITS),
        (str(dict.fromkeys(range(10), "")), DIGITS),
        (str(dict.fromkeys(range(10), "same")), DIGITS),
        ("__import__('os').abort()", DIGITS),
        ("[" * 1500, DIGITS),
        ("{" + "9" * 100_000, DIGITS),
    ],
)
def test_labels_are_those_of_the_metadata_where_they_can_be_used(text, labels):
    assert labels_of({"names": text}) == labels


def test_texts_of_the_metadata_become_one_harmless_line(tmp_path):
    path = write_model(
        tmp_path / "a.onnx", metadata={"license": "a `b`\n\n<script>\x1b[31m" + "c" * 500, "author": " "}
    )
    model = read_model(ModelFile(path, "a"))
    said = model.said("license")
    assert said is not None
    assert said.startswith("a b script[31mccc")
    assert len(said) == 200
    assert model.said("author") is None
    assert model.said("none") is None
