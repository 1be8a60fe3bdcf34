"""The proof that a kill costs at most the epoch in progress: small here, for the whole zoo in the committed record."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parent.parent.parent
SCRIPT = TOP / "scripts" / "kill_train_all.py"
RECORD = TOP / "bench" / "results" / "kill-train-all.json"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="asks the folders' locks")
@pytest.mark.parametrize("parallel", [1, 2])
def test_killed_and_resumed_three_networks_end_with_the_same_weights(tmp_path: Path, parallel: int) -> None:
    output = tmp_path / "record.json"
    options = ["--kills", 3, "--names", "16-10", "64-10", "lenet5", "--parallel", parallel, "--output", output]
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, options)], cwd=TOP, capture_output=True, text=True, check=False
    )
    assert output.is_file(), done.stdout + done.stderr
    (proof,) = json.loads(output.read_text())["proofs"]
    # Moments are planned from an undisturbed run; where the machine is faster now, a later one comes too late.
    too_late = [problem for problem in proof["problems"] if "ended before it could be killed" in problem]
    assert proof["problems"] == too_late, done.stdout + done.stderr
    assert proof["kills_landed"] >= 1
    assert (proof["networks_with_the_same_weights"], proof["finished_epochs_lost"]) == (3, 0)


def test_the_committed_record_is_of_twenty_kills_that_lost_nothing() -> None:
    proofs = json.loads(RECORD.read_text())["proofs"]
    assert [proof["parallel"] for proof in proofs] == [1, 2]
    for proof in proofs:
        assert (proof["verdict"], proof["kills_landed"], len(proof["kills"])) == ("passed", 20, 20)
        assert proof["networks_with_the_same_weights"] == proof["num_networks"] == 29
        assert proof["finished_epochs_lost"] == proof["reported_epochs_trained_again"] == 0
