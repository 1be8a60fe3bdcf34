"""The script that measures the engines works, whatever it measures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parent.parent.parent


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["local", "pool", "ray"])
def test_the_script_measures_each_engine(tmp_path: Path, engine: str) -> None:
    if engine == "ray":
        pytest.importorskip("ray", reason="the extra 'ray' is not installed")
    output = tmp_path / "scale.json"
    options = ["--engines", engine, "--jobs", 4, "--seconds", 0.01, "--slots", "1,2", "--output", output]
    done = subprocess.run(
        [sys.executable, str(TOP / "bench" / "scale.py"), *map(str, options)],
        cwd=TOP,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TOP), os.environ.get("PYTHONPATH", "")])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert output.is_file(), done.stdout + done.stderr
    document = json.loads(output.read_text())
    (overhead,) = document["overheads"]
    assert (overhead["engine"], overhead["jobs"]) == (engine, 4)
    assert overhead["seconds_a_job"] > 0
    assert [row["slots"] for row in document["totals"]] == ([1] if engine == "local" else [1, 2])
    # Nobody sleeps faster than the clock.
    assert all(row["total_seconds"] >= row["ideal_seconds"] > 0 for row in document["totals"])
