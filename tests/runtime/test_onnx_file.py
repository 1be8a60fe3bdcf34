from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx_models import contract_model, save

from mnistbench.errors import ModelError
from mnistbench.runtime.onnx_file import MAX_BYTES, read_onnx_file


def test_a_file_gives_what_its_bytes_say(tmp_path):
    path = save(contract_model(), tmp_path / "m.onnx")
    info = read_onnx_file(str(path))
    assert (info.num_parameters, info.size_bytes) == (7850, path.stat().st_size)


def test_missing_folder_and_empty(tmp_path):
    (tmp_path / "empty.onnx").touch()
    for name, message in [("none.onnx", "no file"), (".", "folder"), ("empty.onnx", "empty")]:
        with pytest.raises(ModelError, match=message):
            read_onnx_file(tmp_path / name)


def test_a_name_that_cannot_be_a_file():
    for name in ["a\0b", "x" * 5000]:
        with pytest.raises(ModelError, match="cannot be read"):
            read_onnx_file(name)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ModelError, match="not a regular file"):
        read_onnx_file(tmp_path / "pipe")


def test_a_file_without_permission(tmp_path, monkeypatch):
    path = save(contract_model(), tmp_path / "m.onnx")

    def refuse(*_args, **_keywords):
        raise PermissionError(13, "Permission denied")

    # Not chmod, which does not hold for root.
    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(ModelError, match="permission denied"):
        read_onnx_file(path)


def test_a_file_beyond_the_limit_is_not_read(tmp_path):
    path = tmp_path / "huge.onnx"
    with path.open("wb") as stream:
        stream.truncate(MAX_BYTES + 1)
    with pytest.raises(ModelError, match="at most"):
        read_onnx_file(path)


def test_a_large_hole_is_refused_at_once(tmp_path):
    path = tmp_path / "hole.onnx"
    with path.open("wb") as stream:
        stream.truncate(MAX_BYTES)
    with pytest.raises(ModelError, match="not a usable ONNX file"):
        read_onnx_file(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(min_size=1, max_size=100))
def test_damaged_files_give_one_line_with_their_name(tmp_path, content):
    path = tmp_path / "damaged.onnx"
    path.write_bytes(b"\x08\x08\x3a\x05" + content[:3])
    with pytest.raises(ModelError, match=r"^\S*damaged\.onnx is not a usable ONNX file: [^\n]+$"):
        read_onnx_file(path)
