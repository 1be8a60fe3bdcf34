from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from zoos import put

from mnistbench import artifacts, catalog
from mnistbench.artifacts import read_manifest
from mnistbench.catalog import find, group
from mnistbench.errors import ArtifactError, NotationError, UnknownNetworkError
from mnistbench.locate import is_group, locate, locate_all, locate_precisions


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
    told: list[str] = []
    with pytest.raises(ArtifactError) as caught:
        locate_all(["64-10", "table2"], [zoo], on_missing=told.append)
    members = ", ".join(network.name for network in group("table2"))
    assert str(caught.value) == (
        f"no ONNX file of any of the {len(group('table2'))} networks of table2 ({members}) in {zoo}; "
        "run: mnistbench train table2 && mnistbench export table2"
    )
    assert told == []
    with pytest.raises(ArtifactError, match=r"of table1 in int8 .*export table1 --precision int8$"):
        locate_all(["table1@int8"], [zoo])
    with pytest.raises(ArtifactError, match=r"train \S+-dropout0.25 .*export \S+-dropout0.25 "):
        locate_all(["table2"], [zoo], dropout=0.25)


def test_a_group_that_was_found_by_its_names_before_is_there(zoo: Path) -> None:
    assert names_of(["64-10", "table1"], zoo) == ["64-10"]


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
