"""What every engine promises, tried with each of them: the same results, none twice, none lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from engines import LONG, make_engine, no_data, other_data
from observed import SWEEP, Log
from tiny import make_dataset

from mnistbench.errors import MnistbenchError
from mnistbench.locks import is_locked
from mnistbench.training.executor import Sweep
from mnistbench.training.job import Job
from mnistbench.training.run import EpochDone, Event, Resumed, run_job
from mnistbench.training.states import read_run

CPU = torch.device("cpu")
HERE = Path(__file__).parent

IN_PROCESS = ("local", "turns")
IN_PROCESSES = ("pool", "two-devices", "ray", "ray-gpus")
ONE_OF_A_KIND = ("local", "turns", "pool", "ray")
"""Enough where turns in a process cannot matter: each process has to import torch."""
GOOD = tuple(job for job in SWEEP if job.learning_rate < 1)

Train = Callable[..., Log]

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks /proc who holds a folder")


def with_engines(*names: str) -> Any:
    """The test with each engine."""
    return pytest.mark.parametrize("engine", names)


@pytest.fixture
def address(engine: str, request: pytest.FixtureRequest) -> str | None:
    return request.getfixturevalue("ray_address") if engine.startswith("ray") else None


@pytest.fixture
def train(engine: str, address: str | None, tmp_path: Path) -> Train:
    """Train jobs below ``tmp_path`` with the engine; gives what the observer was told."""

    def call(jobs: tuple[Job, ...] = GOOD, log: Log | None = None, **given: Any) -> Log:
        log = log or Log()
        make_engine(engine, address).train(Sweep(jobs, **{"load": make_dataset, "work_dir": tmp_path} | given), log)
        return log

    return call


def hashes(log: Log) -> dict[str, str]:
    return {key: run.result.weights_sha256 for key, run in log.runs.items()}


def hashes_on_disk(jobs: tuple[Job, ...], work_dir: Path) -> dict[str, str]:
    """As :func:`hashes`, by asking a fresh driver of the simplest engine; what is not finished would be trained."""
    log = Log()
    make_engine("local").train(Sweep(jobs, make_dataset, work_dir), log)
    return hashes(log)


def whole(jobs: tuple[Job, ...], folder: Path) -> dict[str, str]:
    return {job.key: run_job(job, make_dataset(), CPU, folder).result.weights_sha256 for job in jobs}


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The weights of every job of these tests, trained one by one and at a stretch."""
    return whole((*GOOD, *LONG), tmp_path_factory.mktemp("whole"))


def of(expected: dict[str, str], jobs: tuple[Job, ...]) -> dict[str, str]:
    return {job.key: expected[job.key] for job in jobs}


def nothing_is_held(work_dir: Path, jobs: tuple[Job, ...]) -> bool:
    return not any(is_locked(job.folder(work_dir)) for job in jobs)


def holders(folder: Path) -> set[int]:
    """Processes that have a folder open, and so may hold its lock."""
    found = set()
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if link.readlink() == folder:
                found.add(int(link.parts[2]))
        except OSError:
            continue
    return found


def interrupt_after(epochs: int, error: type[BaseException] = KeyboardInterrupt) -> Callable[[Job, Event], None]:
    def stop(_job: Job, event: Event) -> None:
        if isinstance(event, EpochDone) and event.result.epoch >= epochs:
            raise error

    return stop


@with_engines(*IN_PROCESS, *IN_PROCESSES)
def test_results_are_those_of_one_process_and_a_failed_job_stops_no_other(
    train: Train, expected: dict[str, str], tmp_path: Path
) -> None:
    log = train(tuple(SWEEP))
    assert hashes(log) == of(expected, GOOD)
    done = ["begin", "EpochDone", "EpochDone", "EpochDone", "finish"]
    assert [log.of(job) for job in SWEEP] == [done, done, ["begin", "fail"], done]
    assert "diverged in epoch 1" in log.reasons[SWEEP[2].key]
    assert read_run(SWEEP[2].folder(tmp_path)).state == "diverged"
    assert {run.folder for run in log.runs.values()} == {job.folder(tmp_path) for job in GOOD}
    assert nothing_is_held(tmp_path, tuple(SWEEP))
    # Nothing but runs, and no temporary file of anybody.
    assert {path.name for path in (tmp_path / "training").iterdir()} == {job.network.name for job in SWEEP}
    assert not list(tmp_path.rglob(".*"))


@with_engines(*ONE_OF_A_KIND)
def test_what_is_finished_is_not_begun_again(train: Train, expected: dict[str, str], tmp_path: Path) -> None:
    whole(GOOD, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    log = train()
    assert [log.of(job) for job in GOOD] == [["begin", "finish"]] * 3
    assert hashes(log) == of(expected, GOOD)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()} == before


@with_engines(*ONE_OF_A_KIND)
def test_without_jobs_nothing_happens(train: Train, tmp_path: Path) -> None:
    assert not train(()).told
    assert not list(tmp_path.iterdir())


@with_engines(*IN_PROCESS, *IN_PROCESSES)
def test_an_interrupt_leaves_nothing_running_and_any_engine_goes_on(
    train: Train, expected: dict[str, str], tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(LONG, Log(interrupt_after(2)))
    assert nothing_is_held(tmp_path, LONG)
    done = {job.key: read_run(job.folder(tmp_path)).epochs_done for job in LONG}
    assert max(done.values()) >= 2
    # The simplest engine finishes what this one began.
    log = Log()
    make_engine("local").train(Sweep(LONG, make_dataset, tmp_path), log)
    assert hashes(log) == of(expected, LONG)
    epochs = {job.key: log.of(job).count("EpochDone") for job in LONG}
    assert epochs == {job.key: job.epochs - done[job.key] for job in LONG}


@with_engines("turns", "pool", "ray")
def test_an_engine_finishes_what_another_began(train: Train, expected: dict[str, str], tmp_path: Path) -> None:
    for job in GOOD[:2]:
        with pytest.raises(KeyboardInterrupt):
            make_engine("local").train(Sweep((job,), make_dataset, tmp_path), Log(interrupt_after(2)))
    goes_on: list[int] = []
    log = Log(lambda _job, event: goes_on.append(event.result.epoch) if isinstance(event, Resumed) else None)
    train(log=log)
    assert goes_on == [2, 2]
    assert hashes(log) == of(expected, GOOD)
    assert [log.of(job).count("EpochDone") for job in GOOD] == [1, 1, 3]


@linux
@with_engines(*IN_PROCESSES)
def test_a_process_that_is_killed_costs_an_epoch_at_most(
    train: Train, expected: dict[str, str], tmp_path: Path
) -> None:
    killed: list[int] = []
    seen: dict[str, list[int]] = {job.key: [] for job in LONG}

    def kill(job: Job, event: Event) -> None:
        if isinstance(event, EpochDone):
            seen[job.key].append(event.result.epoch)
            if not killed:
                killed.extend(holders(job.folder(tmp_path)) - {os.getpid()})
                for pid in killed:
                    os.kill(pid, signal.SIGKILL)

    log = train(LONG, Log(kill))
    assert len(killed) == 1
    assert log.runs.keys() | log.reasons.keys() == {job.key for job in LONG}
    assert all("its saved epochs are kept" in reason for reason in log.reasons.values())
    again = train(LONG, Log(kill))
    assert not again.reasons
    assert hashes(again) == of(expected, LONG)
    # No epoch that was told of is trained again.
    assert all(epochs == sorted(set(epochs)) for epochs in seen.values())
    assert nothing_is_held(tmp_path, LONG)


@with_engines("local", "pool", "ray")
def test_a_driver_that_is_killed_leaves_what_the_next_one_finishes(
    train: Train, engine: str, address: str | None, expected: dict[str, str], tmp_path: Path
) -> None:
    path = os.pathsep.join(filter(None, [str(HERE), str(HERE.parent), os.environ.get("PYTHONPATH")]))
    with subprocess.Popen(
        [sys.executable, str(HERE / "engines.py"), engine, str(tmp_path), *filter(None, [address])],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
    ) as driver:
        assert driver.stdout is not None
        told = [driver.stdout.readline().split() for _ in range(8)]
        driver.kill()
    assert "EpochDone" in {words[0] for words in told}, told
    before = {job.key: read_run(job.folder(tmp_path)).epochs_done for job in LONG}
    assert max(before.values()) >= 1
    log = train(LONG)
    assert not log.reasons
    assert hashes(log) == of(expected, LONG)
    # What its processes still did before they ended is counted by them; what was saved is not done again.
    for job in LONG:
        assert log.of(job).count("EpochDone") <= job.epochs - before[job.key]
    assert nothing_is_held(tmp_path, LONG)


@with_engines("local", "pool", "ray")
def test_two_drivers_with_the_same_jobs_train_none_twice(
    train: Train, expected: dict[str, str], tmp_path: Path
) -> None:
    # OpenMP counts threads for each thread that calls it, and the weights depend on their number.
    with ThreadPoolExecutor(initializer=torch.set_num_threads, initargs=(torch.get_num_threads(),)) as pool:
        logs = [whole.result(timeout=120) for whole in [pool.submit(train, order) for order in (LONG, LONG[::-1])]]
    assert hashes(logs[0]) == hashes(logs[1]) == of(expected, LONG)
    for job in LONG:
        assert sum(log.of(job).count("EpochDone") for log in logs) == job.epochs


@with_engines(*ONE_OF_A_KIND)
def test_a_work_folder_that_takes_nothing_is_one_error(train: Train, tmp_path: Path) -> None:
    (tmp_path / "training").write_text("in the way")
    log = Log()
    with pytest.raises(OSError, match="training"):
        train(log=log)
    assert not log.told


@with_engines(*ONE_OF_A_KIND)
def test_a_dataset_that_cannot_be_loaded_is_one_error(train: Train, tmp_path: Path) -> None:
    log = Log()
    with pytest.raises((OSError, MnistbenchError), match="Input/output error"):
        train(log=log, load=no_data)
    assert not log.told
    assert nothing_is_held(tmp_path, GOOD)


@with_engines(*ONE_OF_A_KIND)
def test_another_dataset_trains_no_job(train: Train, tmp_path: Path) -> None:
    log = train(load=other_data)
    assert {key: " ".join(reason.split()[:7]) for key, reason in log.reasons.items()} == {
        job.key: "the job is for the dataset 777777777777," for job in GOOD
    }
    assert not list(tmp_path.rglob("result.json"))


@with_engines(*ONE_OF_A_KIND)
def test_a_folder_that_one_job_cannot_use_fails_that_job_only(train: Train, tmp_path: Path) -> None:
    other = GOOD[2]
    parent = other.folder(tmp_path).parent
    parent.parent.mkdir()
    parent.write_text("in the way")
    log = train()
    assert log.reasons.keys() == {other.key}
    assert "stopped: cannot use" in log.reasons[other.key]
    assert log.runs.keys() == {job.key for job in GOOD[:2]}
