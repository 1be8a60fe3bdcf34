"""Several models under load: what becomes of files that cannot be measured."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_time import FakeTime

from mnistbench.errors import ModelError
from mnistbench.measure.load.run import load_models
from mnistbench.measure.load.scenarios import Offline, Paced
from mnistbench.runtime.devices import CPU, resolve_device
from mnistbench.runtime.session import SessionSettings


def broken(path, _name):
    raise ModelError(f"{path} is broken")


def load(files, keep):
    load_models(
        files,
        [CPU, resolve_device("cuda:0")],
        [Offline(4), Paced(0.0), Paced(0.1)],
        inspect=broken,
        images=None,
        seconds=0.1,
        timer=FakeTime().timer(),
        settings=SessionSettings(1),
        keep=keep,
        note=lambda _text: None,
    )


def test_rows_of_broken_files_name_them_from_the_current_folder_on(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outside = tmp_path.parent / "b.onnx"
    rows = []
    load([(tmp_path / "zoo" / "a.onnx", "a"), (outside, "b")], rows.append)
    assert [(row.name, row.device, row.scenario) for row in rows] == [
        (name, device, scenario)
        for name in ("a", "b")
        for device in ("cpu", "cuda:0")
        for scenario in ("offline", "paced")
    ]
    assert {row.file for row in rows if row.name == "a"} == {str(Path("zoo") / "a.onnx")}
    assert {row.file for row in rows if row.name == "b"} == {str(outside)}
    assert all("is broken" in row.error for row in rows)


def test_the_only_file_that_is_broken_is_an_error(tmp_path):
    with pytest.raises(ModelError, match="is broken"):
        load([(tmp_path / "a.onnx", "a")], lambda row: pytest.fail(f"kept {row}"))
