"""Twenty kills while training, exporting, filling a cache and benchmarking; two hundred in the full run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

TOP = Path(__file__).parent.parent.parent

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")


def tried(program: Path, output: Path, *options: str) -> tuple[int, list[dict[str, Any]]]:
    """Exit status and rows of five kills of each; in a process of its own, since a fork does not survive threads."""
    path = os.pathsep.join([str(TOP), str(TOP / "scripts"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, str(program), "kills", "--count", "5", "--seed", "1", "--output", str(output), *options],
        cwd=TOP,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert output.is_file(), done.stdout + done.stderr
    return done.returncode, json.loads(output.read_text())["rows"]


def test_twenty_kills_lose_nothing(tmp_path: Path) -> None:
    status, rows = tried(TOP / "scripts" / "run_fault_trials.py", tmp_path / "kills.json")
    assert [problem for row in rows for problem in row["problems"]] == []
    assert [row["operation"] for row in rows] == ["train", "export", "fill the data cache", "benchmark"]
    assert all(row["kills"] == 5 and row["finished_epochs_lost"] == 0 for row in rows)
    assert status == 0


CARELESS = """
import sys, time
from unittest import mock
import run_fault_trials
def careless(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as stream:
        stream.write(content[: len(content) // 2])
        stream.flush()
        time.sleep(0.05)  # as a slow disk takes
        stream.write(content[len(content) // 2 :])
with mock.patch("mnistbench.data.dataset.atomic_write", careless):
    sys.exit(run_fault_trials.main(sys.argv[1:]))
"""


def test_a_careless_writer_of_the_cache_is_found_out(tmp_path: Path) -> None:
    program = tmp_path / "careless.py"
    program.write_text(CARELESS)
    status, (row,) = tried(program, tmp_path / "kills.json", "--only", "fill the data cache")
    assert row["operation"] == "fill the data cache"
    assert any("in the cache is not the original" in problem for problem in row["problems"]), row
    assert status == 1
