"""Calls to the system that fail, one by one: ``scripts/run_fault_trials.py nth-calls`` tries all of them."""

from __future__ import annotations

import dataclasses
import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from fault_trials.failing_calls import FAULTS, FailingCalls
from fault_trials.nth_call import try_operation
from fault_trials.operations import Material, Operation

STEPS = {"train": 17, "embed into a new folder": 60, "embed --force": 80, "predict --explain --csv --jsonl": 7}
"""Where each try takes long; of the others every fifth call is tried."""

NAMES = (
    "a file is replaced",
    "train",
    "export",
    "fill the data cache",
    "write a benchmark run",
    "results --save",
    "embed into a new folder",
    "embed --force",
    "predict --explain --csv --jsonl",
)

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="tells files by /proc")


@pytest.fixture(scope="module")
def operations(memory: Path) -> Iterator[dict[str, Operation]]:
    with Material(memory / "material").in_use() as operations:
        yield {one.name: one for one in operations}


def test_each_operation_is_tried(operations: dict[str, Operation]) -> None:
    assert tuple(operations) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_call_that_fails_leaves_the_old_or_the_new(operations: dict[str, Operation], memory: Path, name: str) -> None:
    records = list(try_operation(operations[name], memory / "trials", step=STEPS.get(name, 5)))
    assert [problem for record in records for problem in record["problems"]] == []
    assert len(records) == 6
    assert all(record["tries"] for record in records)


def careless(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def silent(path: Path, content: bytes) -> None:
    try:
        careless(path, content)
    except OSError:
        path.unlink()


def raises_what_nobody_expects(path: Path, content: bytes) -> None:
    try:
        careless(path, content)
    except OSError:
        raise KeyError(path) from None


@pytest.mark.parametrize(
    ("write", "told"),
    [
        (careless, "is neither the old file nor the new one"),
        (silent, "is gone"),
        (raises_what_nobody_expects, "KeyError"),
    ],
)
def test_a_careless_writer_is_found_out(operations: dict[str, Operation], tmp_path: Path, write, told: str) -> None:
    operation = dataclasses.replace(
        operations["a file is replaced"], act=lambda folder: write(folder / "file", b"new" * 9999)
    )
    problems = [text for record in try_operation(operation, tmp_path, step=1) for text in record["problems"]]
    assert any(told in problem for problem in problems), problems


def test_the_nth_call_fails_once_or_from_then_on_and_only_below_the_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    no_space = FAULTS[0]
    for persistent in (False, True):
        results = []
        with FailingCalls(tmp_path / "in", no_space, 3, persistent=persistent) as calls:
            (tmp_path / "out").write_bytes(b"x")
            for _ in range(3):  # two calls each: create, write
                try:
                    (tmp_path / "in" / "file").write_bytes(b"12345678")
                except OSError as error:
                    results.append(error.errno)
                else:
                    results.append(0)
        assert results == [0, errno.ENOSPC, errno.ENOSPC if persistent else 0]
        assert calls.failed[0] == "create"
    assert open.__name__ == "open"
    assert os.replace.__name__ == "replace"


def test_a_write_that_fails_leaves_half(tmp_path: Path) -> None:
    with FailingCalls(tmp_path, FAULTS[0], 2, persistent=False), pytest.raises(OSError, match="No space"):
        (tmp_path / "file").write_bytes(b"12345678")
    assert (tmp_path / "file").read_bytes() == b"1234"
