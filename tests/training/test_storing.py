"""Runs that are sent as soon as they are finished: started over, replaced by others, damaged here, on a cluster."""

from __future__ import annotations

import dataclasses
import hashlib
import secrets
import shutil
import traceback
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from observed import Log
from stored_runs import JOBS, inside
from tiny import make_dataset, tiny_job

from mnistbench.errors import ArtifactError, ProcessError
from mnistbench.files import atomic_write, write_json
from mnistbench.training.executor import Sweep
from mnistbench.training.job import FinishedRun, Job, read_finished
from mnistbench.training.local import LocalExecutor
from mnistbench.training.on_ray import RayExecutor
from mnistbench.training.run import load_weights
from mnistbench.training.stores import Store
from mnistbench.training.storing import Storing, fetch_all, prepare_store

fsspec = pytest.importorskip("fsspec")

CPU = torch.device("cpu")
NOWHERE = Path("/nowhere/on/this/machine")


def trained_anew(run: FinishedRun, folder: Path) -> FinishedRun:
    """The run of the same job with other weights, as a GPU gives them."""
    tensors = {name: tensor + 1 for name, tensor in load_weights(run).items()}
    content = safetensors.torch.save(tensors)
    result = dataclasses.replace(run.result, weights_sha256=hashlib.sha256(content).hexdigest())
    atomic_write(folder / "weights.safetensors", content)
    write_json(folder / "result.json", result.as_dict())
    return FinishedRun(folder, result)


@pytest.mark.parametrize("earlier", [False, True], ids=["a new work folder", "an earlier run in it"])
def test_a_run_that_was_started_over_takes_the_place_of_an_earlier_one(
    store: Store, runs: dict[Job, FinishedRun], tmp_path: Path, earlier: bool
) -> None:
    job, old = JOBS[0], runs[JOBS[0]]
    store.put(job, old)
    if earlier:
        shutil.copytree(old.folder, job.folder(tmp_path / "driver"))
    new = trained_anew(old, job.folder(tmp_path / "machine"))
    machine, driver = Log(), Log()
    Storing(machine, store, tmp_path / "machine", replace=True).finish(job, new)
    # The machine's folder, which the driver does not see.
    elsewhere = dataclasses.replace(machine.runs[job.key], folder=NOWHERE)
    Storing(driver, store, tmp_path / "driver", replace=True).finish(job, elsewhere)
    here = job.folder(tmp_path / "driver")
    assert (driver.runs, driver.reasons) == ({job.key: FinishedRun(here, new.result)}, {})
    assert read_finished(here) == FinishedRun(here, new.result)
    assert load_weights(driver.runs[job.key]).keys() == load_weights(old).keys()
    assert store.fetch(job, tmp_path / "third") == FinishedRun(job.folder(tmp_path / "third"), new.result)


def test_a_run_that_was_started_over_counts_with_the_same_weights_too(
    store: Store, runs: dict[Job, FinishedRun], tmp_path: Path
) -> None:
    job, old = JOBS[0], runs[JOBS[0]]
    store.put(job, old)
    shutil.copytree(old.folder, job.folder(tmp_path / "driver"))
    shutil.copytree(old.folder, job.folder(tmp_path / "machine"))
    later = dataclasses.replace(old.result, epoch_seconds=old.result.epoch_seconds + 1)
    write_json(job.folder(tmp_path / "machine") / "result.json", later.as_dict())
    run, log = FinishedRun(job.folder(tmp_path / "machine"), later), Log()
    Storing(Log(), store, tmp_path / "machine", replace=True).finish(job, run)
    Storing(log, store, tmp_path / "driver", replace=True).finish(job, run)
    assert log.runs[job.key] == read_finished(job.folder(tmp_path / "driver"))
    assert log.runs[job.key].result == later


def test_a_run_that_somebody_else_has_replaced_is_not_taken_for_the_one_that_was_trained(
    store: Store, runs: dict[Job, FinishedRun], tmp_path: Path
) -> None:
    job, run = JOBS[0], runs[JOBS[0]]
    store.put(job, trained_anew(run, tmp_path / "other"))
    log = Log()
    Storing(log, store, tmp_path / "driver", replace=True).finish(job, dataclasses.replace(run, folder=NOWHERE))
    assert "has no whole run" in log.reasons[job.key]
    assert not job.folder(tmp_path / "driver").exists()


@pytest.mark.parametrize("resume", [True, False])
def test_another_run_of_the_job_in_the_work_folder_is_not_sent_for_the_one_that_was_trained(
    store: Store, runs: dict[Job, FinishedRun], tmp_path: Path, resume: bool
) -> None:
    job, old = JOBS[0], runs[JOBS[0]]
    new = trained_anew(old, tmp_path / "new")
    store.put(job, new)
    shutil.copytree(old.folder, job.folder(tmp_path / "driver"))
    log = Log()
    elsewhere = dataclasses.replace(new, folder=NOWHERE)
    Storing(log, store, tmp_path / "driver", replace=not resume).finish(job, elsewhere)
    # As everywhere, what is here is not replaced unless runs are started over.
    assert log.runs[job.key].result == (old if resume else new).result
    assert log.runs[job.key] == read_finished(job.folder(tmp_path / "driver"))


def test_a_result_here_without_its_weights_does_not_keep_the_run_away(
    store: Store, runs: dict[Job, FinishedRun], tmp_path: Path
) -> None:
    job, run = JOBS[0], runs[JOBS[0]]
    store.put(job, run)
    here = job.folder(tmp_path)
    shutil.copytree(run.folder, here)
    (here / "weights.safetensors").unlink()
    fetch_all(store, JOBS, tmp_path)
    assert read_finished(here) == FinishedRun(here, run.result)
    (here / "weights.safetensors").unlink()
    for _ in range(2):  # without its weights, and with them
        log = Log()
        Storing(log, store, tmp_path).finish(job, dataclasses.replace(run, folder=NOWHERE))
        assert (log.runs, log.reasons) == ({job.key: FinishedRun(here, run.result)}, {})


def test_a_damaged_result_here_ends_neither_the_command_nor_other_jobs(
    store: Store, runs: dict[Job, FinishedRun], tmp_path: Path
) -> None:
    for job in JOBS:
        store.put(job, runs[job])
    here = job.folder(tmp_path)
    shutil.copytree(runs[job].folder, here)
    (here / "result.json").write_text("{")
    log = train(store, tmp_path)
    assert "delete the folder" in log.reasons[job.key]
    assert log.of(JOBS[0]) == ["begin", "finish"]
    # Started over, it is replaced.
    Storing(log, store, tmp_path, replace=True).finish(job, dataclasses.replace(runs[job], folder=NOWHERE))
    assert log.runs[job.key] == read_finished(here)


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


def test_a_store_that_cannot_be_written_is_found_out_before_anything_is_trained(
    runs: dict[Job, FinishedRun], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(str(tmp_path / "store"))
    for job in JOBS:
        store.put(job, runs[job])

    def refuse(*_given: Any, **_named: Any) -> None:
        raise PermissionError("read only")

    files, _root = fsspec.core.url_to_fs(store.url)
    monkeypatch.setattr(type(files), "pipe_file", refuse)
    # What is there can be had all the same.
    prepare_store(store, Sweep(JOBS, make_dataset, tmp_path / "work"))
    assert all(read_finished(job.folder(tmp_path / "work")) is not None for job in JOBS)
    for jobs, resume in ((JOBS, False), ((*JOBS, tiny_job(seed=9)), True)):
        with pytest.raises(ArtifactError, match="read only"):
            prepare_store(store, Sweep(jobs, make_dataset, tmp_path / "work", resume))


def test_no_message_names_the_user_and_the_password_in_the_url(
    runs: dict[Job, FinishedRun], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(f"memory://bob:hunter2@{secrets.token_hex(8)}/runs")  # to which all of it is a path
    log = Log()
    Storing(log, store, tmp_path).finish(JOBS[0], dataclasses.replace(runs[JOBS[0]], folder=NOWHERE))
    with pytest.raises(ArtifactError) as unseen:
        store.check(".driver-1")

    def refuse(url: str) -> None:
        raise PermissionError(f"bob may not use {url} with 'hunter2'")

    monkeypatch.setattr(fsspec.core, "url_to_fs", refuse)
    with pytest.raises(ArtifactError) as refused:
        store.finished()
    trace = "".join(traceback.format_exception(refused.value))
    said = [log.reasons[JOBS[0].key], str(unseen.value), str(refused.value), repr(store), trace]
    assert all("memory://" in text for text in said[:4])
    assert "*** may not use memory://" in str(refused.value)
    assert not [text for text in said if "hunter2" in text or "bob" in text]


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
    # By their names, which the two results share.
    assert len(inside(store)) == 4, "the driver's mark is removed"
    again = Log()
    over = Storing(again, store, work_dir, replace=True)
    executor.train(Sweep(JOBS, make_dataset, work_dir, resume=False), over)
    assert not again.reasons
    for job in JOBS:
        assert again.of(job) == ["begin", "EpochDone", "EpochDone", "finish"]
        assert again.runs[job.key] == read_finished(job.folder(work_dir))
        fetched = store.fetch(job, tmp_path / "other")
        assert fetched is not None
        assert fetched.result == again.runs[job.key].result != log.runs[job.key].result


def test_a_store_that_only_the_driver_sees_is_found_out_before_anything_is_trained(
    tmp_path: Path, ray_address: str
) -> None:
    store, log, notes = Store(f"memory://{secrets.token_hex(8)}"), Log(), list[str]()
    executor = RayExecutor(address=ray_address, store=store, on_note=notes.append)
    with pytest.raises(ProcessError, match="does not see what the driver has written"):
        executor.train(Sweep(JOBS, make_dataset, tmp_path), Storing(log, store, tmp_path))
    # The last machine is not left out.
    assert len(notes) == 1
    assert notes[0].startswith("left out: ")
    assert not log.told
    assert not inside(store)
    assert not list((tmp_path / "training").iterdir())
