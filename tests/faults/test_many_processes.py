"""Processes at once in one folder; sixteen of every action by ``scripts/run_fault_trials.py processes``."""

from __future__ import annotations

from pathlib import Path

import pytest
from fault_trials import many_processes
from fault_trials.many_processes import run_together
from fault_trials.one_of_many import ACTIONS, LOCKS
from kill_train_all import write_dataset

CASES = [(what, kind) for what in ("export into a zoo", "results --save") for kind in LOCKS]
CASES += [(what, "without effect") for what in ACTIONS if what not in dict(CASES)]


@pytest.mark.parametrize(("what", "kind"), CASES)
def test_four_processes_at_once_all_succeed_and_lose_nothing(memory: Path, what: str, kind: str) -> None:
    assert run_together(what, 4, kind, memory / "together") == []


@pytest.mark.parametrize("kind", LOCKS)
def test_sixteen_processes_at_once_all_succeed_and_lose_nothing(memory: Path, kind: str) -> None:
    # The quickest action that needs a lock; processes that start take most of the time.
    assert run_together("results --save", 16, kind, memory / "together") == []


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, []),
        (lambda whole: whole, []),
        (lambda whole: whole[: len(whole) // 2], ["t10k-labels-idx1-ubyte in the cache is not the original"]),
        (lambda whole: b"", ["t10k-labels-idx1-ubyte in the cache is not the original"]),
        (lambda whole: whole[:-1] + b"\xff", ["t10k-labels-idx1-ubyte in the cache is not the original"]),
    ],
    ids=["absent", "whole", "half", "empty", "other"],
)
def test_a_careless_writer_of_the_cache_is_found_out(tmp_path: Path, content, told: list[str]) -> None:
    digits = write_dataset(tmp_path / "digits", 0, {"train": 30, "t10k": 10})
    (tmp_path / "shared").mkdir()
    name = "t10k-labels-idx1-ubyte"
    # What a writer has not finished is hidden, and may be half.
    (tmp_path / "shared" / f".{name}.0123456789abcdef.mnistbench.tmp").write_bytes(b"half")
    if content is not None:
        (tmp_path / "shared" / name).write_bytes(content((digits / name).read_bytes()))
    assert many_processes._half("fill the data cache", tmp_path) == told


def test_a_file_that_is_none_of_the_dataset_is_found_out(tmp_path: Path) -> None:
    write_dataset(tmp_path / "digits", 0, {"train": 30, "t10k": 10})
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "part-1").write_bytes(b"x")
    assert many_processes._half("fill the data cache", tmp_path) == ["part-1 is no file of the dataset"]
