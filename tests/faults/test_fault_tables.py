"""The table of faults shows what the records say, and takes no short run for a full one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from fault_tables import faults

TOP = Path(__file__).parent.parent.parent
MACHINE = {"cpus_usable": 2, "cpu": "Some CPU", "cpu_features": [], "gpus": []}

ROWS = {
    "kills": {"operation": "train", "kills": 50, "finished_epochs_lost": 0, "problems": []},
    "nth-calls": {"operation": "a", "fault": "no space", "persistent": True, "tries": 1234, "problems": ["x"]},
    "processes": {"operation": "a", "processes": 16, "locks": "refused", "tries": 16, "problems": []},
    "mutants": {
        "group": "onnx",
        "tries": 50_000,
        "outcomes": {"refused": 49_000, "answered": 1000},
        "limit_seconds": 2.0,
        "limit_mebibytes": 1024,
        "problems": [],
    },
    "mirrors": {"mirror": "404", "problems": []},
}
SHOWN = {
    "kills": "| kill -9: train | 50 kills | nothing; finished epochs lost: 0 |",
    "nth-calls": "N-th call, and all after it: for every N, in 1 operations | 1,234 calls | 1 problems |",
    "processes": "| 16 processes on one empty cache, zoo or file; locks refused | 16 processes | nothing |",
    "mutants": "| 50,000 files | nothing: 49,000 refused, 1,000 readable |",
    "mirrors": "| bad mirrors: 404 | 2 downloads | nothing |",
}


def record(folder: Path, kind: str, *, full: bool = True) -> None:
    document = {"kind": f"fault-{kind}", "environment": MACHINE, "full": full, "tries": 2, "rows": [ROWS[kind]]}
    (folder / f"fault-{kind}.json").write_text(json.dumps(document))


@pytest.mark.parametrize("kind", ROWS)
def test_a_record_becomes_rows(tmp_path: Path, kind: str) -> None:
    record(tmp_path, kind)
    table = faults(tmp_path)
    assert SHOWN[kind] in table
    assert "On 2 cores of Some CPU" in table


def test_without_records_only_the_kills_of_the_whole_zoo_are_shown(tmp_path: Path) -> None:
    table = faults(tmp_path)
    assert table.count("kill -9: `mnistbench train all") == 2
    assert "N-th" not in table


def test_a_short_run_is_not_published(tmp_path: Path) -> None:
    record(tmp_path, "kills", full=False)
    with pytest.raises(ValueError, match=r"fault-kills\.json is of a short run"):
        faults(tmp_path)
    script = [sys.executable, str(TOP / "scripts" / "run_fault_trials.py"), "kills", "--count", "1"]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "give --output" in done.stderr
