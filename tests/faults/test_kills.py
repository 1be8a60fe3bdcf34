"""Twenty kills while training, exporting, filling a cache and benchmarking; two hundred in the full run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parent.parent.parent


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_twenty_kills_lose_nothing(tmp_path: Path) -> None:
    output = tmp_path / "kills.json"
    # In a process of its own: this one may have threads, which a fork does not survive.
    script = [sys.executable, str(TOP / "scripts" / "run_fault_trials.py"), "kills", "--count", "5", "--seed", "1"]
    done = subprocess.run(
        [*script, "--output", str(output)],
        cwd=TOP,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TOP), os.environ.get("PYTHONPATH", "")])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert output.is_file(), done.stdout + done.stderr
    rows = json.loads(output.read_text())["rows"]
    assert [problem for row in rows for problem in row["problems"]] == []
    assert [row["operation"] for row in rows] == ["train", "export", "fill the data cache", "benchmark"]
    assert all(row["kills"] == 5 and row["finished_epochs_lost"] == 0 for row in rows)
    assert done.returncode == 0
