from __future__ import annotations

import dataclasses
import errno
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from zoos import entry_of, manifest_of, put

from mnistbench import artifacts
from mnistbench.artifacts import (
    ModelEntry,
    add_to_manifest,
    bundled_zoo,
    publish_model,
    put_results,
    read_manifest,
    verify,
)
from mnistbench.catalog import NETWORKS
from mnistbench.errors import ArtifactError
from mnistbench.locate import locate
from mnistbench.locks import is_locked

ROOT = Path(artifacts.__file__).parent.parent


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
from zoos import entry_of
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


def test_the_bundled_zoo_has_a_manifest_that_is_true() -> None:
    for entry in read_manifest(bundled_zoo()):
        assert verify(bundled_zoo(), entry).stat().st_size == entry.size_bytes
    assert (bundled_zoo() / "manifest.json").is_file()


def published(folder: Path, content: bytes) -> ModelEntry:
    entry = entry_of("64-10", content)
    publish_model(folder, entry, content)
    return entry


def hidden(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


def test_a_model_and_its_entry_come_together(tmp_path: Path) -> None:
    for content in (b"first", b"second", b"second"):
        entry = published(tmp_path / "zoo", content)
        assert read_manifest(tmp_path / "zoo") == (entry,)
        assert verify(tmp_path / "zoo", entry).read_bytes() == content
    assert hidden(tmp_path / "zoo") == []


def ended_before_the_move(folder: Path, content: bytes, monkeypatch: pytest.MonkeyPatch) -> ModelEntry:
    """A zoo as a process leaves it that is killed between manifest and model."""
    replace = os.replace

    def until_the_model(source: Any, target: Any) -> None:
        if str(target).endswith(".onnx"):
            raise KeyboardInterrupt
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(artifacts.os, "replace", until_the_model)
        with pytest.raises(KeyboardInterrupt):
            published(folder, content)
    return entry_of("64-10", content)


@pytest.mark.parametrize("there_before", [False, True])
def test_a_model_that_was_not_moved_any_more_is_moved_by_the_next_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there_before: bool
) -> None:
    if there_before:
        published(tmp_path, b"old")
    entry = ended_before_the_move(tmp_path, b"new", monkeypatch)
    assert read_manifest(tmp_path) == (entry,)
    assert verify(tmp_path, entry) == tmp_path / "64-10.onnx"
    assert (tmp_path / "64-10.onnx").read_bytes() == b"new"
    assert hidden(tmp_path) == []


def test_what_waited_is_read_where_nothing_can_be_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published(tmp_path, b"old")
    entry = ended_before_the_move(tmp_path, b"new", monkeypatch)

    def read_only(*_: Any) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(artifacts.os, "replace", read_only)
    assert verify(tmp_path, entry).read_bytes() == b"new"


def test_what_waits_counts_by_its_hash_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = ended_before_the_move(tmp_path, b"new", monkeypatch)
    (waiting,) = tmp_path.glob("*.waiting")
    waiting.write_bytes(b"hostile")
    with pytest.raises(ArtifactError, match=r"64-10\.onnx"):
        verify(tmp_path, entry)


def test_the_next_model_takes_away_what_waited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended_before_the_move(tmp_path, b"lost", monkeypatch)
    entry = published(tmp_path, b"newest")
    assert hidden(tmp_path) == []
    assert verify(tmp_path, entry).read_bytes() == b"newest"


def test_a_damaged_manifest_keeps_a_model_out(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{", encoding="utf-8")
    with pytest.raises(ArtifactError, match="manifest"):
        published(tmp_path, b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]
