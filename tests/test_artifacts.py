from __future__ import annotations

import dataclasses
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mnistbench import artifacts, catalog
from mnistbench.artifacts import (
    ModelEntry,
    add_to_manifest,
    bundled_zoo,
    is_group,
    locate,
    locate_all,
    locate_precisions,
    put_results,
    read_manifest,
    verify,
)
from mnistbench.catalog import NETWORKS, find
from mnistbench.errors import ArtifactError, NotationError, UnknownNetworkError
from mnistbench.locks import is_locked

ROOT = Path(artifacts.__file__).parent.parent


def entry_of(name: str, content: bytes = b"onnx", *, file: str | None = None, **changes: Any) -> ModelEntry:
    network = find(name)
    entry = ModelEntry(
        name=network.name,
        file=file or f"{network.name}.onnx",
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        precision="fp32",
        input_dtype="uint8",
        opset=18,
        ir_version=8,
        inputs=({"name": "image", "dtype": "uint8", "shape": ["batch", 1, 28, 28]},),
        outputs=({"name": "logits", "dtype": "float32", "shape": ["batch", 10]},),
        notation=network.spec.notation,
        dropout=network.spec.dropout,
        num_parameters=network.spec.num_parameters,
        macs=network.spec.macs,
        table=network.paper.table if network.paper else None,
        paper_error=None,
        labels=tuple("0123456789"),
        training={"recipe": "default", "seed": 0},
        metrics={"num_errors": 3, "num_images": 100},
        parity={"label_differences": 0},
        versions={"onnx": "1.21.0"},
    )
    return dataclasses.replace(entry, **changes)


def put(folder: Path, name: str, content: bytes = b"onnx", **keywords: Any) -> ModelEntry:
    """A file and its entry."""
    entry = entry_of(name, content, **keywords)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / entry.file).write_bytes(content)
    add_to_manifest(folder, entry)
    return entry


def manifest_of(folder: Path) -> Any:
    return json.loads((folder / "manifest.json").read_text())


def test_entries_come_back(tmp_path: Path) -> None:
    entries = [entry_of("64-10"), entry_of("24-P-10", paper_error=0.01, versions={})]
    for entry in entries:
        add_to_manifest(tmp_path / "new" / "zoo", entry)
    assert read_manifest(tmp_path / "new" / "zoo") == tuple(entries)
    document = manifest_of(tmp_path / "new" / "zoo")
    assert (document["schema_version"], document["kind"], len(document["models"])) == (1, "zoo", 2)


def test_results_stay_when_a_model_is_added_and_models_when_results_are_put(tmp_path: Path) -> None:
    results = [{"name": "64-10", "errors": [0.02]}]
    add_to_manifest(tmp_path, entry_of("64-10"))
    put_results(tmp_path, lambda: results)
    add_to_manifest(tmp_path, entry_of("24-P-10"))
    assert manifest_of(tmp_path)["results"] == results
    assert read_manifest(tmp_path) == (entry_of("64-10"), entry_of("24-P-10"))
    put_results(tmp_path, list)
    assert manifest_of(tmp_path)["results"] == []
    assert len(read_manifest(tmp_path)) == 2


def test_results_are_not_put_into_a_damaged_manifest(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{", encoding="utf-8")
    with pytest.raises(ArtifactError, match=r"manifest\.json cannot be read"):
        put_results(tmp_path, list)
    assert (tmp_path / "manifest.json").read_text(encoding="utf-8") == "{"


@pytest.mark.skipif(sys.platform == "win32", reason="has no flock")
def test_results_are_gathered_while_the_folder_is_locked(tmp_path: Path) -> None:
    add_to_manifest(tmp_path, entry_of("64-10"))
    seen: list[bool] = []
    put_results(tmp_path, lambda: seen.append(is_locked(tmp_path)) or [])
    assert seen == [True]


def test_without_a_manifest_there_are_no_entries(tmp_path: Path) -> None:
    assert read_manifest(tmp_path) == read_manifest(tmp_path / "absent") == ()


def test_entries_stand_as_in_the_catalogue_and_then_by_name(tmp_path: Path) -> None:
    names = [*(network.name for network in reversed(NETWORKS)), "9-10", "24-P-10", "8-10"]
    for name in names:
        add_to_manifest(tmp_path, entry_of(name))
    add_to_manifest(tmp_path, entry_of("64-10", file="64-10-float32.onnx", input_dtype="float32"))
    files = [entry.file for entry in read_manifest(tmp_path)]
    expected = [f"{name}.onnx" for name in (*(network.name for network in NETWORKS), "24-P-10", "8-10", "9-10")]
    expected.insert(expected.index("64-10.onnx"), "64-10-float32.onnx")
    assert files == expected


def test_an_entry_takes_the_place_of_one_of_the_same_file_only(tmp_path: Path) -> None:
    add_to_manifest(tmp_path, entry_of("64-10", b"old"))
    add_to_manifest(tmp_path, entry_of("64-10", b"other", file="64-10-float32.onnx"))
    add_to_manifest(tmp_path, entry_of("64-10", b"new"))
    hashes = {entry.file: entry.sha256 for entry in read_manifest(tmp_path)}
    assert hashes == {
        "64-10.onnx": hashlib.sha256(b"new").hexdigest(),
        "64-10-float32.onnx": hashlib.sha256(b"other").hexdigest(),
    }


def test_the_order_of_adding_does_not_show(tmp_path: Path) -> None:
    names = ["lenet5", "8-10", "16-10", "9-10"]
    for folder, order in (("a", names), ("b", names[::-1])):
        for name in order:
            add_to_manifest(tmp_path / folder, entry_of(name))
    assert (tmp_path / "a" / "manifest.json").read_bytes() == (tmp_path / "b" / "manifest.json").read_bytes()


ADDER = """
import sys
from pathlib import Path
from test_artifacts import entry_of
from mnistbench.artifacts import add_to_manifest

for number in range(15):
    add_to_manifest(Path(sys.argv[1]), entry_of(f"{number + 1}-{sys.argv[2]}-10"))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no flock there")
def test_two_processes_at_once_lose_no_entry(tmp_path: Path) -> None:
    path = f"import sys; sys.path[:0] = [{str(Path(__file__).parent)!r}, {str(ROOT)!r}]"
    adders = [
        subprocess.Popen([sys.executable, "-c", f"{path}\n{ADDER}", str(tmp_path), width]) for width in ("7", "8")
    ]
    assert [adder.wait() for adder in adders] == [0, 0]
    expected = {f"{number + 1}-{width}-10" for number in range(15) for width in (7, 8)}
    assert {entry.name for entry in read_manifest(tmp_path)} == expected


DAMAGES: dict[str, Any] = {
    "empty": b"",
    "half": b'{"schema_version": 1, "kind": "zoo", "mod',
    "not text": b"\xff\xfe",
    "deep": b"[" * 300_000,
    "a list": b"[]",
    "null": b"null",
    "no kind": b'{"schema_version": 1, "models": []}',
    "other kind": b'{"schema_version": 1, "kind": "training", "models": []}',
    "no models": b'{"schema_version": 1, "kind": "zoo"}',
    "models null": b'{"schema_version": 1, "kind": "zoo", "models": null}',
    "models of numbers": b'{"schema_version": 1, "kind": "zoo", "models": [1]}',
    "model empty": b'{"schema_version": 1, "kind": "zoo", "models": [{}]}',
    "newer schema": b'{"schema_version": 2, "kind": "zoo", "models": []}',
    "no schema": b'{"kind": "zoo", "models": []}',
}


@pytest.mark.parametrize("content", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_manifest_is_refused_and_stays(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(ArtifactError, match=r"manifest\.json cannot be read: .+; restore it, or delete it and export"):
        read_manifest(tmp_path)
    with pytest.raises(ArtifactError):
        add_to_manifest(tmp_path, entry_of("64-10"))
    with pytest.raises(ArtifactError):
        locate("64-10", [tmp_path])
    assert (tmp_path / "manifest.json").read_bytes() == content


@pytest.mark.parametrize("field", ["name", "file", "sha256", "inputs", "labels", "metrics"])
def test_an_entry_that_lacks_a_field_is_refused(tmp_path: Path, field: str) -> None:
    put(tmp_path, "64-10")
    document = manifest_of(tmp_path)
    del document["models"][0][field]
    (tmp_path / "manifest.json").write_text(json.dumps(document))
    with pytest.raises(ArtifactError, match=field):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    ("field", "value"), [("file", None), ("file", 5), ("name", None), ("sha256", 1), ("inputs", 3), ("file", "a\0b")]
)
def test_an_entry_with_a_field_of_another_type_is_a_typed_error(tmp_path: Path, field: str, value: object) -> None:
    put(tmp_path, "64-10")
    document = manifest_of(tmp_path)
    document["models"][0][field] = value
    (tmp_path / "manifest.json").write_text(json.dumps(document))
    with pytest.raises(ArtifactError):
        locate("64-10", [tmp_path])


def test_a_newer_entry_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "64-10")
    document = manifest_of(tmp_path)
    document["models"][0]["schema_version"] = 2
    (tmp_path / "manifest.json").write_text(json.dumps(document))
    with pytest.raises(ArtifactError, match="schema version 2 is not known"):
        read_manifest(tmp_path)


def test_unknown_fields_are_passed_over(tmp_path: Path) -> None:
    entry = put(tmp_path, "64-10")
    document = manifest_of(tmp_path)
    document["models"][0]["added_later"] = document["added_later"] = 1
    (tmp_path / "manifest.json").write_text(json.dumps(document))
    assert read_manifest(tmp_path) == (entry,)


def test_only_the_bytes_of_the_entry_will_do(tmp_path: Path) -> None:
    entry = put(tmp_path, "64-10")
    assert verify(tmp_path, entry) == tmp_path / "64-10.onnx"
    for content in (b"", b"onn", b"onnX", b"onnx\n"):
        (tmp_path / "64-10.onnx").write_bytes(content)
        with pytest.raises(
            ArtifactError, match=r"is not the file that its manifest describes .*run: mnistbench export 64-10"
        ):
            verify(tmp_path, entry)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    entry = put(tmp_path, "64-10")
    (tmp_path / "64-10.onnx").unlink()
    with pytest.raises(ArtifactError, match=r"cannot read .*64-10\.onnx: No such file.*; export 64-10 again"):
        verify(tmp_path, entry)
    (tmp_path / "64-10.onnx").mkdir()
    with pytest.raises(ArtifactError, match="cannot read"):
        verify(tmp_path, entry)


@pytest.mark.parametrize("file", ["../outside.onnx", "/absolute", "sub/model.onnx", "..", ".", "", "./64-10.onnx"])
def test_a_file_outside_the_folder_is_refused(tmp_path: Path, file: str) -> None:
    zoo = tmp_path / "zoo"
    (zoo / "sub").mkdir(parents=True)
    for path in (tmp_path / "outside.onnx", zoo / "sub" / "model.onnx", zoo / "64-10.onnx"):
        path.write_bytes(b"onnx")
    entry = dataclasses.replace(entry_of("64-10"), file=str(tmp_path / "outside.onnx") if file == "/absolute" else file)
    with pytest.raises(ArtifactError):
        verify(zoo, entry)


@pytest.fixture
def zoo(tmp_path: Path) -> Path:
    folder = tmp_path / "zoo"
    for name in ("64-10", "lenet5", "best", "24-P-10"):
        put(folder, name, name.encode())
    return folder


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("64-10", "64-10"),
        ("lenet5", "6-P-16-P-120-84-10"),
        ("LeNet-5", "6-P-16-P-120-84-10"),
        ("6-p-16-p-120-84-10", "6-P-16-P-120-84-10"),
        ("best", "32-32-P-64-64-P-256-128-64-10-dropout"),
        ("24-p-10", "24-P-10"),
    ],
)
def test_a_name_an_alias_or_a_notation_finds_its_file(zoo: Path, text: str, name: str) -> None:
    found = locate(text, [zoo])
    assert (found.name, found.path) == (name, zoo / f"{name}.onnx")
    assert found.entry in read_manifest(zoo)


def test_a_dropout_rate_given_apart_is_heeded(zoo: Path) -> None:
    assert locate("largest", [zoo], dropout=0.3).name == "32-32-P-64-64-P-256-128-64-10-dropout"
    with pytest.raises(ArtifactError, match=r"no ONNX file of 64-10-dropout0\.5"):
        locate("64-10", [zoo], dropout=0.5)


def test_the_first_zoo_wins(zoo: Path, tmp_path: Path) -> None:
    put(tmp_path / "first", "64-10", b"mine")
    assert locate("64-10", [tmp_path / "first", zoo]).path.parent == tmp_path / "first"
    assert locate("lenet5", [tmp_path / "first", zoo]).path.parent == zoo
    assert locate("lenet5", [tmp_path / "absent", zoo]).path.parent == zoo


def test_the_contracts_own_file_comes_first(tmp_path: Path) -> None:
    put(tmp_path, "64-10", b"f", file="64-10-float32.onnx", input_dtype="float32")
    put(tmp_path, "64-10", b"h", file="64-10-a-fp16.onnx", precision="fp16")
    assert locate("64-10", [tmp_path]).path.name == "64-10-float32.onnx"
    put(tmp_path, "64-10", b"u")
    assert locate("64-10", [tmp_path]).path.name == "64-10.onnx"


@pytest.fixture
def precise(tmp_path: Path) -> Path:
    """A zoo with LeNet-5 in three precisions and one network in int8 only."""
    folder = tmp_path / "precise"
    for precision in ("int8", "fp32", "fp16"):
        put(folder, "lenet5", precision.encode(), file=f"lenet5-{precision}.onnx", precision=precision)
    put(folder, "64-10", b"int8 only", file="64-10-int8.onnx", precision="int8")
    return folder


@pytest.mark.parametrize(
    ("text", "keywords", "file", "name"),
    [
        ("lenet5", {}, "lenet5-fp32.onnx", "6-P-16-P-120-84-10"),
        ("lenet5@fp32", {}, "lenet5-fp32.onnx", "6-P-16-P-120-84-10"),
        ("LeNet-5@INT8", {}, "lenet5-int8.onnx", "6-P-16-P-120-84-10@int8"),
        ("lenet5", {"precision": "fp16"}, "lenet5-fp16.onnx", "6-P-16-P-120-84-10@fp16"),
        ("lenet5@fp16", {"precision": "FP16"}, "lenet5-fp16.onnx", "6-P-16-P-120-84-10@fp16"),
        ("64-10@int8", {}, "64-10-int8.onnx", "64-10@int8"),
    ],
)
def test_a_precision_is_asked_for(precise: Path, text: str, keywords: Any, file: str, name: str) -> None:
    found = locate(text, [precise], **keywords)
    assert (found.path.name, found.name) == (file, name)
    assert found.entry is not None
    assert found.entry.file == file


def test_a_name_alone_never_means_another_precision(precise: Path, zoo: Path) -> None:
    with pytest.raises(ArtifactError, match=r"no ONNX file of 64-10 in .*run: mnistbench train 64-10 && .*64-10$"):
        locate("64-10", [precise])
    assert locate("64-10", [precise, zoo]).path.parent == zoo
    assert locate("64-10@int8", [zoo, precise]).path.parent == precise


def test_a_precision_that_was_not_exported_says_how_to(precise: Path) -> None:
    with pytest.raises(
        ArtifactError, match=r"no ONNX file of 64-10 in web in .*mnistbench export 64-10 --precision web$"
    ):
        locate("64-10@web", [precise])


@pytest.mark.parametrize(
    ("text", "precision", "error", "message"),
    [
        ("lenet5@int9", None, UnknownNetworkError, "unknown precision 'int9' in 'lenet5@int9'"),
        ("lenet5", "int9", UnknownNetworkError, "unknown precision 'int9'; expected"),
        ("lenet5@int8", "fp16", ArtifactError, "lenet5@int8 says int8, but fp16 is asked for"),
        ("some.onnx", "int8", ArtifactError, "some.onnx is a file, which has a precision already"),
        ("none@int8", None, UnknownNetworkError, "unknown network 'none'"),
    ],
)
def test_precisions_that_make_no_sense(
    precise: Path, text: str, precision: str | None, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        locate(text, [precise], precision=precision)


def test_a_file_with_an_at_in_its_name_is_a_file(
    precise: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine@home").write_bytes(b"x")
    assert locate("mine@home", [precise]).path == Path("mine@home")
    assert [found.path.name for found in locate_all(["mine@home", "his@home.onnx"], [precise])] == [
        "mine@home",
        "his@home.onnx",
    ]
    assert not is_group("mine@home")


def test_a_group_in_a_precision(precise: Path) -> None:
    missing: list[str] = []
    found = locate_all(["table5@int8", "table1@int8"], [precise], on_missing=missing.append)
    assert [model.name for model in found] == ["6-P-16-P-120-84-10@int8", "64-10@int8"]
    assert "32-P-32-P-100-50-10@int8" in missing
    assert [is_group(text) for text in ("table5@int8", "ALL", "lenet5@int8", "lenet5")] == [True, True, False, False]
    with pytest.raises(UnknownNetworkError, match="unknown precision 'int9'"):
        locate_all(["table5@int9"], [precise])


def test_all_precisions_of_a_network(precise: Path, zoo: Path) -> None:
    names = [model.name for model in locate_precisions("lenet5", [precise, zoo])]
    assert names == ["6-P-16-P-120-84-10", "6-P-16-P-120-84-10@fp16", "6-P-16-P-120-84-10@int8"]
    # Never from two zoos: their weights may be others.
    assert [model.name for model in locate_precisions("64-10", [precise, zoo])] == ["64-10@int8"]
    with pytest.raises(ArtifactError, match="no ONNX file of 16-10"):
        locate_precisions("16-10", [precise, zoo])


def test_a_damaged_precision_says_how_to_export_it_again(precise: Path) -> None:
    (precise / "lenet5-int8.onnx").write_bytes(b"damaged")
    with pytest.raises(ArtifactError, match=r"run: mnistbench export 6-P-16-P-120-84-10 --precision int8$"):
        locate("lenet5@int8", [precise])
    assert locate("lenet5", [precise]).path.name == "lenet5-fp32.onnx"


def test_a_damaged_file_is_not_passed_over_for_another(zoo: Path, tmp_path: Path) -> None:
    put(tmp_path / "first", "64-10", b"mine")
    (tmp_path / "first" / "64-10.onnx").write_bytes(b"damaged")
    with pytest.raises(ArtifactError, match="is not the file"):
        locate("64-10", [tmp_path / "first", zoo])


def test_a_path_is_a_path(zoo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.model.ONNX").write_bytes(b"x")
    (tmp_path / "lenet5").write_bytes(b"x")
    assert locate("my.model.ONNX", [zoo]) == artifacts.ModelFile(Path("my.model.ONNX"), "my.model")
    # What is there wins over a name, and what ends in .onnx is a path even when it is not there.
    assert locate("lenet5", [zoo]).path == Path("lenet5")
    assert locate("64-10.onnx", [zoo]).path == Path("64-10.onnx")
    assert locate(str(zoo / "64-10.onnx"), [zoo]).entry is None


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("mlp", UnknownNetworkError, r"unknown network 'mlp'.*\(nor is it a file\)"),
        ("some/where", ArtifactError, "no such file: some/where"),
        ("64-11", NotationError, "the last layer must be the 10 outputs"),
        ("", UnknownNetworkError, "nor is it a file"),
        ("a\0b", UnknownNetworkError, "nor is it a file"),
        ("9" * 5000, NotationError, "unknown layer"),
        ("x" * 5000, UnknownNetworkError, "nor is it a file"),
    ],
)
def test_what_is_neither_file_nor_network_is_named(zoo: Path, text: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        locate(text, [zoo])


def test_a_network_without_a_file_says_how_to_get_one(zoo: Path, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError) as caught:
        locate("16-10", [zoo, tmp_path])
    assert str(caught.value) == (
        f"no ONNX file of 16-10 in {zoo} or {tmp_path}; run: mnistbench train 16-10 && mnistbench export 16-10"
    )


def names_of(texts: list[str], zoo: Path, **keywords: Any) -> list[str]:
    return [found.name for found in locate_all(texts, [zoo], **keywords)]


def test_a_group_stands_for_what_is_there_of_it(zoo: Path) -> None:
    lenet5, best = find("lenet5").name, find("best").name
    assert names_of(["all"], zoo) == ["64-10", lenet5, best]
    assert names_of(["quick"], zoo) == [lenet5]
    assert names_of(["Table6", "TABLE1"], zoo) == [best, "64-10"]
    assert names_of(["table1", "64-10", "all"], zoo) == ["64-10", lenet5, best]


def test_a_group_of_which_nothing_is_there_is_an_error(zoo: Path) -> None:
    with pytest.raises(ArtifactError, match=r"no ONNX file of .*; run: mnistbench train"):
        locate_all(["64-10", "table2"], [zoo])


def test_a_damaged_file_of_a_group_is_not_passed_over(zoo: Path) -> None:
    (zoo / "64-10.onnx").write_bytes(b"damaged")
    with pytest.raises(ArtifactError, match="is not the file"):
        locate_all(["all"], [zoo])


def test_single_names_are_not_passed_over(zoo: Path) -> None:
    with pytest.raises(ArtifactError, match="no ONNX file of 16-10"):
        locate_all(["64-10", "16-10"], [zoo])


def test_each_file_is_found_once_in_the_order_given(zoo: Path) -> None:
    found = locate_all(["best", "lenet5", "LENET5", str(zoo / "64-10.onnx"), "64-10"], [zoo])
    assert [model.path.name for model in found] == [f"{find(n).name}.onnx" for n in ("best", "lenet5", "64-10")]
    assert locate_all([], [zoo]) == ()


@pytest.mark.parametrize("group", catalog.GROUPS)
def test_a_group_finds_all_its_networks(tmp_path: Path, group: str) -> None:
    for network in catalog.group(group):
        put(tmp_path, network.name)
    assert names_of([group], tmp_path) == [network.name for network in catalog.group(group)]


def test_the_bundled_zoo_has_a_manifest_that_is_true() -> None:
    for entry in read_manifest(bundled_zoo()):
        assert verify(bundled_zoo(), entry).stat().st_size == entry.size_bytes
    assert (bundled_zoo() / "manifest.json").is_file()
