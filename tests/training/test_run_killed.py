"""Runs that are killed at each step of writing, in processes of their own (``killed.py``)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tiny import CONVOLUTIONAL, DENSE

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


def killed(tmp_path: Path, text: str, recipe: str, functions: str) -> dict[str, list[str]]:
    path = os.pathsep.join([str(HERE.parent), str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, str(HERE / "killed.py"), str(tmp_path), text, recipe, functions],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        check=True,
    )
    hashes: dict[str, list[str]] = json.loads(done.stdout)
    return hashes


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_killed_run_ends_with_the_weights_of_an_undisturbed_one(tmp_path: Path) -> None:
    hashes = killed(tmp_path, CONVOLUTIONAL, "paper", "replace,unlink")
    # Nine files or more are renamed into place, and two checkpoints removed.
    assert len(hashes["steps"]) > 11
    assert len({digest for some in hashes.values() for digest in some}) == 1


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.parametrize(("text", "recipe"), [(DENSE, "default"), (CONVOLUTIONAL, "paper")])
def test_a_kill_before_any_change_of_the_disk_loses_nothing(tmp_path: Path, text: str, recipe: str) -> None:
    hashes = killed(tmp_path, text, recipe, "mkdir,open,fsync,replace,unlink")
    assert len(hashes["steps"]) > 40
    assert len({digest for some in hashes.values() for digest in some}) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_the_same_job_in_several_processes_at_once_ends_well_in_each(tmp_path: Path) -> None:
    hashes = killed(tmp_path, CONVOLUTIONAL, "paper", "together")
    assert hashes["together"] == hashes["uninterrupted"]
