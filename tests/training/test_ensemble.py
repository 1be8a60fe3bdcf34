from __future__ import annotations

import ast
import dataclasses
import errno
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from ensembles import saved, tiny_model

from mnistbench import __version__, files
from mnistbench.artifacts import ModelFile, read_manifest, verify
from mnistbench.data.dataset import Dataset
from mnistbench.errors import ArtifactError, ExportError, ModelError
from mnistbench.locate import locate
from mnistbench.measure.stats import wilson_interval
from mnistbench.runtime.model import Model
from mnistbench.runtime.onnx_file import read_onnx_file
from mnistbench.training import ensemble as ensemble_module
from mnistbench.training.ensemble import MAX_MEMBERS, export_ensemble

NAMES = ("4-10", "2-P-4-10", "4-10")


@pytest.fixture
def members(tmp_path: Path) -> list[ModelFile]:
    """Three models of a tiny dataset, two of them seeds of one network."""
    (tmp_path / "members").mkdir()
    return [
        saved(
            tiny_model(
                name,
                seed,
                license="MIT",
                **{
                    "mnistbench.name": name,
                    "mnistbench.notation": name,
                    "mnistbench.seed": str(seed),
                    "mnistbench.dataset": "tiny",
                    "mnistbench.dataset_sha256": "7" * 64,
                },
            ),
            tmp_path / "members",
            f"{name}-{seed}",
        )
        for seed, name in enumerate(NAMES)
    ]


def properties(path: Path) -> dict[str, str]:
    return {entry.key: entry.value for entry in onnx.load(str(path)).metadata_props}


def test_a_file_that_is_loaded_like_any_other(members, tiny: Dataset, tmp_path):
    output = tmp_path / "new" / "all.onnx"
    entry = export_ensemble(members, tiny, output)
    model = Model.load(output)
    mean = np.mean([Model.load(file.path).predict_proba(tiny.test_images) for file in members], axis=0)
    assert np.abs(model.predict_proba(tiny.test_images) - mean).max() < 1e-6
    assert int((model.predict(tiny.test_images) != tiny.test_labels).sum()) == entry.metrics["num_errors"]
    assert model.num_parameters == entry.num_parameters
    assert [path.name for path in output.parent.iterdir()] == ["all.onnx"]


def test_the_entry_says_what_the_file_is(members, tiny: Dataset, tmp_path):
    output = tmp_path / "all.onnx"
    entry = export_ensemble(members, tiny, output)
    content = output.read_bytes()
    assert (entry.name, entry.file) == ("all", "all.onnx")
    assert (entry.sha256, entry.size_bytes) == (hashlib.sha256(content).hexdigest(), len(content))
    infos = [read_onnx_file(file.path) for file in members]
    assert entry.num_parameters == sum(info.num_parameters for info in infos)
    assert entry.macs == 2 * (784 * 4 + 40) + (784 * 9 * 2 + 2 * 196 * 4 + 40)
    assert entry.notation == "4-10 + 2-P-4-10 + 4-10"
    assert (entry.precision, entry.input_dtype, entry.opset, entry.ir_version) == ("fp32", "uint8", 18, 8)
    assert (entry.dropout, entry.table, entry.paper_error) == (None, None, None)
    assert entry.inputs == ({"name": "image", "dtype": "uint8", "shape": ["batch", 1, 28, 28]},)
    assert [value["name"] for value in entry.outputs] == ["logits", "probabilities", "label"]
    errors = entry.metrics["num_errors"]
    assert (entry.metrics["error_rate_low"], entry.metrics["error_rate_high"]) == wilson_interval(errors, 100)
    assert entry.parity["label_differences"] == 0
    assert entry.parity["max_probability_difference"] <= 1e-6
    described = entry.training["members"]
    assert [(member["name"], member["seed"]) for member in described] == [
        ("4-10", "0"),
        ("2-P-4-10", "1"),
        ("4-10", "2"),
    ]
    for member, file in zip(described, members, strict=True):
        assert member["sha256"] == hashlib.sha256(file.path.read_bytes()).hexdigest()
        answers = Model.load(file.path).predict(tiny.test_images)
        assert (member["num_errors"], member["num_images"]) == (int((answers != tiny.test_labels).sum()), 100)
    json.dumps(entry.as_dict(), allow_nan=False)


def test_the_metadata_says_who_is_in_it(members, tiny: Dataset, tmp_path):
    entry = export_ensemble(members, tiny, tmp_path / "all.onnx")
    values = properties(tmp_path / "all.onnx")
    expected = {
        "Image.NominalPixelRange": "NominalRange_0_255",
        "license": "MIT",
        "version": __version__,
        "mnistbench.name": "4-10 + 2-P-4-10 + 4-10",
        "mnistbench.notation": "4-10 + 2-P-4-10 + 4-10",
        "mnistbench.num_parameters": str(entry.num_parameters),
        "mnistbench.macs": str(entry.macs),
        "mnistbench.combination": "mean of probabilities",
        "mnistbench.dataset": "tiny",
        "mnistbench.dataset_sha256": "7" * 64,
        "mnistbench.test_errors": f"{entry.metrics['num_errors']}/100",
        "mnistbench.parity_images": "100",
        "mnistbench.parity_label_differences": "0",
        "mnistbench.parity_probability_difference_below": "1e-06",
    }
    assert {key: values.get(key) for key in expected} == expected
    assert json.loads(values["mnistbench.members"]) == entry.training["members"]
    assert ast.literal_eval(values["names"]) == {digit: str(digit) for digit in range(10)}
    assert values["description"] == (
        "The mean of the probabilities of 3 networks classifies 28x28 grey images into ten classes of the dataset tiny."
    )


def test_the_bytes_depend_on_the_members_alone(members, tiny: Dataset, tmp_path):
    first, again = (tmp_path / "a.onnx", tmp_path / "b" / "other.onnx")
    for output in (first, again):
        export_ensemble(members, tiny, output)
    assert first.read_bytes() == again.read_bytes()


def test_members_without_metadata_are_called_by_their_files(tiny: Dataset, tmp_path):
    plain = [saved(tiny_model(seed=seed), tmp_path, f"seed{seed}") for seed in range(2)]
    entry = export_ensemble(plain, tiny, tmp_path / "all.onnx")
    assert entry.notation == "seed0 + seed1"
    assert properties(tmp_path / "all.onnx")["license"] == "not stated"


def test_a_manifest_beside_it_gets_an_entry_which_finds_it(members, tiny: Dataset, tmp_path):
    zoo = tmp_path / "zoo"
    zoo.mkdir()
    (zoo / "manifest.json").write_text('{"schema_version": 1, "kind": "zoo", "models": [], "results": [1]}')
    entry = export_ensemble(members, tiny, zoo / "three.onnx")
    assert read_manifest(zoo) == (entry,)
    assert json.loads((zoo / "manifest.json").read_text())["results"] == [1]
    found = locate("three", [tmp_path / "nothing", zoo])
    assert (found.path, found.name, found.entry) == (verify(zoo, entry), "three", entry)


def test_an_ensemble_of_ensembles(members, tiny: Dataset, tmp_path):
    inner = tmp_path / "inner.onnx"
    export_ensemble(members[:2], tiny, inner)
    entry = export_ensemble([ModelFile(inner, "inner"), members[2]], tiny, tmp_path / "outer.onnx")
    assert [member["name"] for member in entry.training["members"]] == ["4-10 + 2-P-4-10", "4-10"]


def other_seed(members: list[ModelFile], **metadata: str) -> list[ModelFile]:
    return [members[0], saved(tiny_model(seed=9, **metadata), members[0].path.parent, "other")]


def copied(members: list[ModelFile]) -> list[ModelFile]:
    copy = members[0].path.with_name("copy.onnx")
    copy.write_bytes(members[0].path.read_bytes())
    return [members[0], ModelFile(copy, "copy")]


@pytest.mark.parametrize(
    ("choose", "message"),
    [
        (lambda members: [], "an ensemble of 0 different models is not possible; name from 2 to 100"),
        (lambda members: members[:1], r"an ensemble of 1 different models \(4-10\) is not possible"),
        (lambda members: members * (MAX_MEMBERS // 3 + 1), "an ensemble of 102 different models"),
        (copied, r"4-10-0\.onnx and .*copy\.onnx are the same model .* count twice"),
        (
            lambda members: other_seed(members, names=str({digit: chr(97 + digit) for digit in range(10)})),
            r"other\.onnx knows the classes a, b, c.*but .*4-10-0\.onnx 0, 1, 2",
        ),
        (
            lambda members: other_seed(
                members, **{"mnistbench.dataset": "letters", "mnistbench.dataset_sha256": "8" * 64}
            ),
            r"other\.onnx was trained on letters \(888888888888\), but the dataset given is tiny .*--data-dir",
        ),
    ],
)
def test_members_that_do_not_fit_together(members, tiny: Dataset, tmp_path, choose: Any, message: str):
    with pytest.raises(ExportError, match=message):
        export_ensemble(choose(members), tiny, tmp_path / "out" / "all.onnx")
    assert not (tmp_path / "out").exists()


def test_another_dataset_than_the_members(members, tiny: Dataset, tmp_path):
    other = dataclasses.replace(tiny, name="other", sha256="8" * 64)
    with pytest.raises(ExportError, match=r"trained on tiny \(777777777777\), but the dataset given is other"):
        export_ensemble(members, other, tmp_path / "all.onnx")


def test_members_too_large_for_one_file(members, tiny: Dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(ensemble_module, "MAX_BYTES", (1 << 20) + 1000)
    with pytest.raises(ExportError, match="larger than an ONNX file can be"):
        export_ensemble(members, tiny, tmp_path / "all.onnx")


@pytest.mark.parametrize("name", ["4-10", "6-P-16-P-120-84-10", "16-10-dropout"])
def test_a_networks_own_name_is_not_taken(members, tiny: Dataset, tmp_path, name):
    with pytest.raises(ExportError, match=f"{name}.onnx is what a file of the network {name} is called"):
        export_ensemble(members, tiny, tmp_path / f"{name}.onnx")


@pytest.mark.parametrize("name", ["best", "all", "ensemble", "lenet5"])
def test_other_names_are_free(members, tiny: Dataset, tmp_path, name):
    assert export_ensemble(members, tiny, tmp_path / f"{name}.onnx").name == name


def test_a_member_is_not_replaced(members, tiny: Dataset):
    before = members[1].path.read_bytes()
    with pytest.raises(ExportError, match="is one of the members"):
        export_ensemble(members, tiny, members[1].path)
    assert members[1].path.read_bytes() == before


def test_what_does_not_pass_the_gate_is_not_written(members, tiny: Dataset, tmp_path, monkeypatch):
    output = tmp_path / "all.onnx"
    output.write_bytes(b"before")
    merge = ensemble_module.merge_models

    def wrong(models: Any, *, name: str) -> onnx.ModelProto:
        return merge([models[0], models[0], models[1]], name=name)

    monkeypatch.setattr(ensemble_module, "merge_models", wrong)
    with pytest.raises(ExportError, match="nothing is written"):
        export_ensemble(members, tiny, output)
    assert output.read_bytes() == b"before"


def test_a_member_that_does_not_run_is_a_typed_error(tiny: Dataset, tmp_path):
    model = tiny_model(seed=3)
    model.graph.node[2].op_type = "Nonsense"
    broken = [saved(tiny_model(), tmp_path, "sound"), saved(model, tmp_path, "broken")]
    with pytest.raises((ExportError, ModelError)):
        export_ensemble(broken, tiny, tmp_path / "all.onnx")


def test_a_damaged_manifest_stops_it_before_anything_is_written(members, tiny: Dataset, tmp_path):
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(ArtifactError, match="manifest"):
        export_ensemble(members, tiny, tmp_path / "all.onnx")
    assert not (tmp_path / "all.onnx").exists()


def test_a_full_disk_leaves_what_was_there(members, tiny: Dataset, tmp_path, monkeypatch):
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "all.onnx").write_bytes(b"before")
    monkeypatch.setattr(files.os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        export_ensemble(members, tiny, tmp_path / "all.onnx")
    assert (tmp_path / "all.onnx").read_bytes() == b"before"
