"""How results name files."""

from __future__ import annotations

from pathlib import Path

import pytest

from mnistbench.files import path_in_results


def test_results_name_files_from_the_current_folder_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    inside = tmp_path / "here" / "zoo" / "m.onnx"
    for path in (inside, Path("zoo/m.onnx"), Path("zoo/../zoo/m.onnx"), str(inside)):
        assert path_in_results(path) == str(Path("zoo") / "m.onnx")
    for outside in (tmp_path / "m.onnx", tmp_path / "hereafter" / "m.onnx"):
        assert path_in_results(outside) == str(outside)
