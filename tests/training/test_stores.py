"""Finished runs in a store: in memory, in a folder, halfway sent, damaged, out of reach."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from stored_runs import JOBS, inside
from tiny import make_dataset

from mnistbench.errors import ArtifactError, MissingExtraError
from mnistbench.files import MOST_GROUPS
from mnistbench.training.job import FinishedRun, Job, read_finished
from mnistbench.training.run import load_weights, run_job
from mnistbench.training.stores import Store
from mnistbench.training.storing import fetch_all

fsspec = pytest.importorskip("fsspec")

CPU = torch.device("cpu")


def test_a_run_comes_back_whole(store: Store, runs: dict[Job, FinishedRun], tmp_path: Path) -> None:
    job, run = JOBS[0], runs[JOBS[0]]
    assert store.finished() == frozenset()
    assert store.fetch(job, tmp_path) is None
    store.put(job, run)
    assert store.finished() == {job.key}
    assert sorted(inside(store)) == sorted(
        ["job.json", "result.json", f"weights-{run.result.weights_sha256}.safetensors"]
    )
    fetched = store.fetch(job, tmp_path / "work")
    assert fetched == FinishedRun(job.folder(tmp_path / "work"), run.result) == read_finished(fetched.folder)
    for name in ("weights.safetensors", "job.json", "result.json"):
        assert (fetched.folder / name).read_bytes() == (run.folder / name).read_bytes()
    assert load_weights(fetched)
    assert store.fetch(JOBS[1], tmp_path / "work") is None


@pytest.mark.parametrize("name", ["result.json", "weights"])
@pytest.mark.parametrize(
    "content", [None, b"", b"{", b"other weights", b"\xff" * 100, b'{"kind": "training"}', b"[" * 100_000]
)
def test_what_is_not_whole_does_not_count_and_is_sent_again(
    store: Store, runs: dict[Job, FinishedRun], tmp_path: Path, name: str, content: bytes | None
) -> None:
    job, run = JOBS[0], runs[JOBS[0]]
    store.put(job, run)
    (change,) = [change for file, change in inside(store).items() if file.startswith(name)]
    change(content)
    assert store.fetch(job, tmp_path / "work") is None
    assert not job.folder(tmp_path / "work").exists()
    store.put(job, run)
    assert store.fetch(job, tmp_path / "work") is not None


@pytest.mark.parametrize("changes", [{"job": "0" * 12}, {"weights_sha256": "../../other"}, {"weights_sha256": None}])
def test_a_result_of_another_job_or_with_an_odd_hash_does_not_count(
    store: Store, runs: dict[Job, FinishedRun], tmp_path: Path, changes: dict[str, Any]
) -> None:
    job, run = JOBS[0], runs[JOBS[0]]
    store.put(job, run)
    document = json.loads((run.folder / "result.json").read_text()) | changes
    inside(store)["result.json"](json.dumps(document).encode())
    assert store.fetch(job, tmp_path / "work") is None


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace('"name": "', '"name": "\\ud800'),
        lambda text: text.replace('"num_errors": ', '"num_errors": ' + "9" * 5000),
        lambda text: text.replace('"epoch_seconds": ', '"epoch_seconds": NaN, "was": '),
        lambda text: text.replace('"epoch_seconds": ', '"epoch_seconds": 1e999, "was": '),
        lambda text: text.replace("{", '{"more": [' + "[]," * MOST_GROUPS + "1], ", 1),
    ],
    ids=["half a pair", "digits", "nan", "infinity", "empty lists"],
)
def test_a_result_that_no_file_could_hold_is_no_whole_run(
    store: Store, runs: dict[Job, FinishedRun], tmp_path: Path, change: Callable[[str], str]
) -> None:
    job, run = JOBS[0], runs[JOBS[0]]
    store.put(job, run)
    text = (run.folder / "result.json").read_text()
    assert change(text) != text
    inside(store)["result.json"](change(text).encode())
    fetch_all(store, JOBS, tmp_path / "work")
    assert not job.folder(tmp_path / "work").exists()
    store.put(job, run)
    fetch_all(store, JOBS, tmp_path / "work")
    assert read_finished(job.folder(tmp_path / "work")) is not None


def test_weights_that_are_not_those_of_the_result_are_not_sent(
    store: Store, runs: dict[Job, FinishedRun], tmp_path: Path
) -> None:
    run = run_job(JOBS[0], make_dataset(), CPU, tmp_path)
    run.weights.write_bytes(b"other")
    with pytest.raises(ArtifactError, match="does not have the hash"):
        store.put(JOBS[0], run)
    assert store.finished() == frozenset()


def test_what_is_here_is_not_replaced(store: Store, runs: dict[Job, FinishedRun], tmp_path: Path) -> None:
    store.put(JOBS[0], runs[JOBS[0]])
    own = run_job(JOBS[0], make_dataset(), CPU, tmp_path)
    before = (own.folder / "result.json").read_bytes()
    assert store.fetch(JOBS[0], tmp_path) == own
    assert (own.folder / "result.json").read_bytes() == before


def test_a_mark_is_seen_by_who_uses_the_same_store_and_leaves_nothing(store: Store, tmp_path: Path) -> None:
    store.leave_mark(".driver-1")
    store.check(".driver-1")
    assert list(inside(store)) == ["mark"]
    for other, name in ((store, ".driver-2"), (Store(str(tmp_path / "other")), ".driver-1")):
        with pytest.raises(ArtifactError, match=r"does not see what the driver has written .*--results-to"):
            other.check(name)
    assert store.finished() == frozenset()
    store.remove_mark(".driver-1")
    store.check_writable()
    assert not inside(store)


def test_a_store_of_a_kind_that_nobody_knows_is_a_typed_error() -> None:
    with pytest.raises(ArtifactError, match=r"cannot use nothing://x: .*check --results-to"):
        Store("nothing://x").finished()


def test_without_fsspec_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(MissingExtraError, match=r"mnistbench\[store\]"):
        Store("memory://x").finished()
