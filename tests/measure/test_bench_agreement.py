"""The script that holds our times against another harness compares like with like, and works."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from mnistbench.errors import ProviderError

TOP = Path(__file__).parent.parent.parent
SCRIPT = TOP / "bench" / "agreement.py"


@pytest.fixture(scope="module")
def agreement() -> ModuleType:
    pytest.importorskip("torch", reason="the extra 'train' is not installed")
    spec = importlib.util.spec_from_file_location("bench_agreement", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["bench_agreement"] = module  # where dataclasses look up their types
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("calls", "size", "expected"),
    [
        ([3.0], 1, (3.0, 3.0, 3.0)),
        ([3.0], 100, (3.0, 3.0, 3.0)),
        # Every fourth call is slow: a median of single calls would not see it.
        ([1.0, 1.0, 1.0, 5.0] * 3, 4, (2.0, 2.0, 2.0)),
        ([1.0, 1.0, 1.0, 5.0] * 3, 1, (2.0, 1.0, 1.0)),
        ([1.0, 3.0, 5.0, 7.0, 90.0], 2, (21.2, 4.0, 2.0)),
    ],
)
def test_our_calls_in_blocks_as_large_as_theirs(agreement, calls, size, expected):
    assert agreement.in_blocks(calls, size) == agreement.Turn(*expected)


def test_the_same_calls_agree_however_they_are_disturbed(agreement):
    calls = [1.0, 1.0, 1.0, 1.0, 9.0] * 40
    blocks = [sum(calls[start : start + 10]) / 10 for start in range(0, len(calls), 10)]
    found = agreement.row(
        "m", 1, "torch.utils.benchmark", "cpu", [agreement.in_blocks(calls, 10)], [agreement.in_blocks(blocks, 1)]
    )
    assert [found[figure]["ratio"] for figure in ("mean", "median", "least")] == pytest.approx([1.0, 1.0, 1.0])


def test_what_benchmark_app_prints(agreement):
    text = "[ INFO ] Latency:\n[ INFO ]    Median:        0.05 ms\n   Average:   0.07 ms\n   Min:   0.04 ms\n"
    assert agreement.benchmark_app_turn(text) == agreement.Turn(0.07 / 1000, 5e-5, 4e-5)
    short = text.replace("0.05 ms", "50.00 us").replace("0.07 ms", "70.00 us").replace("0.04 ms", "40.00 us")
    assert agreement.benchmark_app_turn(short) == agreement.Turn(70 / 1e6, 50 / 1e6, 40 / 1e6)
    with pytest.raises(ProviderError, match="no latencies"):
        agreement.benchmark_app_turn(text.replace("0.04 ms", "0.04 fortnights"))
    with pytest.raises(ProviderError, match="no latencies"):
        agreement.benchmark_app_turn("Median: 0.05 ms\nit broke")


def test_the_script_says_what_it_compares(agreement, tmp_path, digits_folder):
    output = tmp_path / "agreement.json"
    options = ["64-64-10", "--batch", "1", "--rounds", "3", "--turn", "0.003", "--output", str(output)]
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *options],
        env={**os.environ, "PYTHONPATH": str(TOP), "MNISTBENCH_DATA": str(digits_folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(output.read_text())
    row = document["rows"][0]
    assert (row["name"], row["batch_size"], row["harness"], row["provider"]) == (
        "64-64-10",
        1,
        "torch.utils.benchmark",
        "cpu",
    )
    assert document["compared"] == agreement.COMPARED
    for figure, what in document["compared"][row["harness"]].items():
        assert f"{figure}: {what}" in done.stdout
        assert len(row[figure]["ours_rounds_seconds"]) == len(row[figure]["theirs_rounds_seconds"]) == 3
        assert row[figure]["ratio"] > 0
