"""Jobs that take turns, as on a GPU; here on the CPU, where the turns are the same."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from observed import SWEEP, Log
from tiny import make_dataset, tiny_job

from mnistbench.errors import BrokenDeviceError
from mnistbench.locks import is_locked, locked
from mnistbench.training import loop, probe
from mnistbench.training.job import Job
from mnistbench.training.run import Event
from mnistbench.training.states import read_run
from mnistbench.training.sweep import run_one_by_one
from mnistbench.training.together import run_together

CPU = torch.device("cpu")
GOOD = [job for job in SWEEP if job.learning_rate < 1]


def together(jobs: list[Job], work_dir: Path, log: Log, num_runs: int = 3, **given: Any) -> None:
    run_together(jobs, make_dataset(), CPU, work_dir, num_runs=num_runs, observer=log, **given)


def hashes(log: Log) -> dict[str, str]:
    return {key: run.result.weights_sha256 for key, run in log.runs.items()}


@pytest.fixture(scope="module")
def one_by_one(tmp_path_factory: pytest.TempPathFactory) -> Log:
    log = Log()
    run_one_by_one(SWEEP, make_dataset(), CPU, tmp_path_factory.mktemp("whole"), observer=log)
    return log


@pytest.mark.parametrize("num_runs", [1, 2, 3, 9])
def test_turns_give_the_same_weights_and_the_same_failures(one_by_one: Log, tmp_path: Path, num_runs: int) -> None:
    log = Log()
    together(SWEEP, tmp_path, log, num_runs)
    assert hashes(log) == hashes(one_by_one)
    assert log.reasons == one_by_one.reasons
    assert [log.of(job) for job in SWEEP] == [one_by_one.of(job) for job in SWEEP]
    assert read_run(SWEEP[2].folder(tmp_path)).state == "diverged"
    assert not any(is_locked(job.folder(tmp_path)) for job in SWEEP)


def test_every_job_has_its_turn_before_the_first_is_done(tmp_path: Path) -> None:
    # Batches so small that an epoch has several turns.
    jobs = [tiny_job(seed=seed, batch_size=5, epochs=2) for seed in range(3)]
    log = Log()
    together(jobs, tmp_path, log)
    ends = [key for what, key in log.told if what == "EpochDone"]
    assert ends[:3] == [job.key for job in jobs]
    first = next(index for index, (what, _) in enumerate(log.told) if what == "EpochDone")
    assert {key for what, key in log.told[:first] if what == "StepsDone"} == {job.key for job in jobs}


def test_no_more_runs_than_said_are_under_way(tmp_path: Path) -> None:
    under_way: list[int] = []
    jobs = [tiny_job(seed=seed, batch_size=5, epochs=1) for seed in range(5)]
    log = Log(lambda job, event: under_way.append(sum(is_locked(other.folder(tmp_path)) for other in jobs)))
    together(jobs, tmp_path, log, 2)
    assert len(log.runs) == 5
    assert max(under_way) == 2


def test_what_is_finished_is_kept(one_by_one: Log, tmp_path: Path) -> None:
    together(GOOD, tmp_path, Log())
    again = Log()
    together(GOOD, tmp_path, again)
    assert hashes(again) == hashes(one_by_one)
    assert [again.of(job) for job in GOOD] == [["begin", "finish"]] * 3


@pytest.mark.parametrize("error", [KeyboardInterrupt, BrokenPipeError, ZeroDivisionError])
def test_what_is_no_failure_of_a_job_ends_all_and_loses_no_epoch(
    one_by_one: Log, tmp_path: Path, error: type[BaseException]
) -> None:
    def stop(job: Job, event: Event) -> None:
        if type(event).__name__ == "EpochDone" and event.result.epoch == 2:
            raise error

    log = Log(stop)
    with pytest.raises(error):
        together(GOOD, tmp_path, log)
    assert log.reasons == {}
    assert not any(is_locked(job.folder(tmp_path)) for job in GOOD)
    assert sorted(read_run(job.folder(tmp_path)).epochs_done for job in GOOD) == [1, 1, 2]
    resumed = Log()
    together(GOOD, tmp_path, resumed)
    assert hashes(resumed) == hashes(one_by_one)


def test_a_run_that_another_process_trains_keeps_no_other_waiting(one_by_one: Log, tmp_path: Path) -> None:
    held, *others = GOOD
    folder = held.folder(tmp_path)
    folder.mkdir(parents=True)
    others_done = threading.Event()
    log = Log()
    plain = log.finish

    def finish(job: Job, run: Any) -> None:
        plain(job, run)
        if len(log.runs) == len(others):
            others_done.set()

    log.finish = finish
    with ThreadPoolExecutor() as pool:
        with locked(folder):
            whole = pool.submit(together, GOOD, tmp_path, log)
            assert others_done.wait(60)
            assert log.of(held) == ["begin", "Waiting"]
        whole.result()
    assert hashes(log) == hashes(one_by_one)


def test_two_commands_with_the_same_jobs_in_opposite_orders_both_end(one_by_one: Log, tmp_path: Path) -> None:
    logs = Log(), Log()
    with ThreadPoolExecutor() as pool:
        orders = (GOOD, GOOD[::-1])
        for whole in [pool.submit(together, jobs, tmp_path, log) for jobs, log in zip(orders, logs, strict=True)]:
            whole.result(timeout=120)
    assert hashes(logs[0]) == hashes(logs[1]) == hashes(one_by_one)


def test_a_work_folder_that_takes_nothing_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "training").write_text("a file")
    log = Log()
    with pytest.raises(OSError, match="training"):
        together(SWEEP, tmp_path, log)
    assert log.told == []


class Sticky:
    """A device on which, after some epochs, every computation fails."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, epochs: int) -> None:
        self.left = epochs
        plain = loop.Trainer.epoch_steps
        monkeypatch.setattr(probe, "compute", lambda _device: self.compute())

        def epoch_steps(trainer: Any, *rest: Any) -> Any:
            self.left -= 1
            self.compute()
            return plain(trainer, *rest)

        monkeypatch.setattr(loop.Trainer, "epoch_steps", epoch_steps)

    def compute(self) -> float:
        if self.left < 0:
            raise RuntimeError("CUDA error: an illegal memory access was encountered")
        return 36.0


@pytest.mark.parametrize("num_runs", [0, 1, 3])
def test_a_device_that_breaks_ends_all_instead_of_failing_job_after_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, num_runs: int
) -> None:
    jobs = [tiny_job(seed=seed) for seed in range(5)]
    Sticky(monkeypatch, 4)
    log = Log()
    train = partial(run_together, num_runs=num_runs) if num_runs else run_one_by_one
    with pytest.raises(BrokenDeviceError, match="an illegal memory access"):
        train(jobs, make_dataset(), CPU, tmp_path, observer=log)
    assert not log.reasons
    assert not any(is_locked(job.folder(tmp_path)) for job in jobs)
    monkeypatch.undo()
    together(jobs, tmp_path, log)
    assert log.runs.keys() == {job.key for job in jobs}
    assert not log.reasons


def test_an_error_of_a_job_on_a_sound_device_is_the_jobs_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Sticky(monkeypatch, 4)
    monkeypatch.setattr(probe, "compute", lambda _device: 36.0)
    log = Log()
    together([tiny_job(seed=seed) for seed in range(5)], tmp_path, log)
    assert len(log.reasons) + len(log.runs) == 5
    assert all("CUDA error" in reason for reason in log.reasons.values())
