"""Finished runs in a store: in memory, in a folder, halfway sent, damaged, out of reach."""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from observed import Log
from tiny import make_dataset, tiny_job

from mnistbench.errors import ArtifactError, MissingExtraError
from mnistbench.files import MOST_GROUPS
from mnistbench.training.executor import Sweep
from mnistbench.training.job import FinishedRun, Job, read_finished
from mnistbench.training.local import LocalExecutor
from mnistbench.training.on_ray import RayExecutor
from mnistbench.training.run import load_weights, run_job
from mnistbench.training.stores import Store, Storing, fetch_all

fsspec = pytest.importorskip("fsspec")

CPU = torch.device("cpu")
JOBS = tuple(tiny_job(seed=seed, epochs=2) for seed in range(2))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[Job, FinishedRun]:
    """To be read only."""
    folder = tmp_path_factory.mktemp("whole")
    return {job: run_job(job, make_dataset(), CPU, folder) for job in JOBS}


@pytest.fixture(params=["memory", "file", "path"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    folder = tmp_path / "store"
    return Store(
        {"memory": f"memory://{secrets.token_hex(8)}/runs", "file": folder.as_uri(), "path": str(folder)}[request.param]
    )


def inside(store: Store) -> dict[str, Callable[[bytes | None], None]]:
    """How to replace or remove each file of a store, by its name."""
    files, root = fsspec.core.url_to_fs(store.url)

    def change(path: str) -> Callable[[bytes | None], None]:
        return lambda content: files.rm(path) if content is None else files.pipe_file(path, content)

    return {path.rsplit("/", 1)[1]: change(path) for path in files.find(root)}


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
@pytest.mark.parametrize("content", [None, b"", b"{", b"\xff" * 100, b'{"kind": "training"}', b"[" * 100_000])
def test_what_is_not_whole_does_not_count_and_is_sent_again(
    store: Store, runs: dict[Job, FinishedRun], tmp_path: Path, name: str, content: bytes | None
) -> None:
    job, run = JOBS[0], runs[JOBS[0]]
    store.put(job, run)
    (change,) = [change for file, change in inside(store).items() if file.startswith(name)]
    change(content)
    assert store.fetch(job, tmp_path / "work") is None
    assert not job.folder(tmp_path / "work").exists()
    if name == "result.json":
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


def train(store: Store, work_dir: Path) -> Log:
    log = Log()
    fetch_all(store, JOBS, work_dir)
    LocalExecutor(CPU).train(Sweep(JOBS, make_dataset, work_dir), Storing(log, store, work_dir))
    return log


def test_drivers_that_share_no_disk_share_what_is_finished(
    store: Store, runs: dict[Job, FinishedRun], tmp_path: Path
) -> None:
    store.put(JOBS[0], runs[JOBS[0]])
    first = train(store, tmp_path / "one")
    assert [first.of(job) for job in JOBS] == [
        ["begin", "finish"],
        ["begin", "EpochDone", "EpochDone", "finish"],
    ]
    second = train(store, tmp_path / "two")
    assert [second.of(job) for job in JOBS] == [["begin", "finish"]] * 2
    assert {key: run.result for key, run in second.runs.items()} == {key: run.result for key, run in first.runs.items()}


def test_a_run_that_cannot_be_stored_has_failed_and_is_sent_by_the_next_command(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("in the way")
    store = Store(str(tmp_path / "store" / "runs"))
    log = Log()
    LocalExecutor(CPU).train(Sweep(JOBS, make_dataset, tmp_path), Storing(log, store, tmp_path))
    assert log.reasons.keys() == {job.key for job in JOBS}
    assert all("is trained, but not stored: cannot use" in reason for reason in log.reasons.values())
    (tmp_path / "store").unlink()
    again = train(store, tmp_path)
    assert [again.of(job) for job in JOBS] == [["begin", "finish"]] * 2
    assert store.finished() == {job.key for job in JOBS}


def test_a_store_of_a_kind_that_nobody_knows_is_a_typed_error() -> None:
    with pytest.raises(ArtifactError, match=r"cannot use nothing://x: .*check --results-to"):
        Store("nothing://x").finished()


def test_without_fsspec_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(MissingExtraError, match=r"mnistbench\[store\]"):
        Store("memory://x").finished()


def test_machines_that_share_no_work_folder_bring_their_runs_by_the_store(
    runs: dict[Job, FinishedRun], tmp_path: Path, ray_address: str
) -> None:
    store = Store((tmp_path / "store").as_uri())
    log = Log()
    work_dir = tmp_path / "work"
    executor = RayExecutor(address=ray_address, store=store)
    executor.train(Sweep(JOBS, make_dataset, work_dir), Storing(log, store, work_dir))
    assert not log.reasons
    for job, whole in runs.items():
        assert log.runs[job.key].folder == job.folder(work_dir)
        assert log.runs[job.key].result.weights_sha256 == whole.result.weights_sha256
        assert load_weights(log.runs[job.key])
    assert store.finished() == {job.key for job in JOBS}
