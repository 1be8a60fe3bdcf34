"""Jobs in this process and in several; workers that are killed, interrupted or orphaned.

What every engine promises is in ``test_executors.py``.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from observed import SWEEP, Log
from tiny import DENSE, make_dataset, tiny_job

from mnistbench.data.dataset import Dataset
from mnistbench.training import worker
from mnistbench.training.executor import Sweep
from mnistbench.training.job import Job
from mnistbench.training.loop import Trainer
from mnistbench.training.parallel import PoolExecutor, how_it_ended
from mnistbench.training.run import EpochDone, Event, Resumed
from mnistbench.training.slots import Slot
from mnistbench.training.states import read_run
from mnistbench.training.sweep import run_one_by_one

CPU = torch.device("cpu")
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def side_by_side(
    jobs: list[Job], work_dir: Path, log: Log, *, load: Any = make_dataset, at_once: int = 2, **given: Any
) -> None:
    given = {"num_threads": 1, "now": lambda: NOON} | given
    PoolExecutor(at_once=at_once, **given).train(Sweep(tuple(jobs), load, work_dir), log)


def children() -> set[int]:
    """Processes that train for this one and are alive, where the system tells."""
    found = set()
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = status.read_text().rpartition(")")[2].split()
            command = (status.parent / "cmdline").read_bytes()
        except OSError:
            continue
        # Others of ours, such as a cluster that several tests share, stay as long as this process.
        if int(after_name[1]) == os.getpid() and after_name[0] != "Z" and b"spawn_main" in command:
            found.add(int(status.parent.name))
    return found


@pytest.fixture(scope="module")
def one_by_one(tmp_path_factory: pytest.TempPathFactory) -> Log:
    log = Log()
    run_one_by_one(SWEEP, make_dataset(), CPU, tmp_path_factory.mktemp("whole"), observer=log)
    return log


def test_one_by_one_a_failed_job_does_not_stop_the_others(one_by_one: Log) -> None:
    done = ["begin", "EpochDone", "EpochDone", "EpochDone", "finish"]
    assert [one_by_one.of(job) for job in SWEEP] == [done, done, ["begin", "fail"], done]
    assert [key for what, key in one_by_one.told if what == "begin"] == [job.key for job in SWEEP]
    assert "diverged in epoch 1" in one_by_one.reasons[SWEEP[2].key]


def test_side_by_side_gives_the_same_weights_and_the_same_failures(one_by_one: Log, tmp_path: Path) -> None:
    log = Log()
    side_by_side(SWEEP, tmp_path, log)
    assert {key: run.result.weights_sha256 for key, run in log.runs.items()} == {
        key: run.result.weights_sha256 for key, run in one_by_one.runs.items()
    }
    assert log.reasons == one_by_one.reasons
    assert [log.of(job) for job in SWEEP] == [one_by_one.of(job) for job in SWEEP]
    assert read_run(SWEEP[2].folder(tmp_path)).state == "diverged"
    assert {run.result.num_threads for run in log.runs.values()} == {1}
    assert not children()

    # Repeated, what is finished starts no process: this loader cannot even be sent to one.
    again = Log()
    finished = [job for job in SWEEP if job.key in log.runs]
    side_by_side(finished, tmp_path, again, load=lambda: None)
    assert again.runs == log.runs
    assert [again.of(job) for job in finished] == [["begin", "finish"]] * 3


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks /proc for the processes")
def test_a_worker_that_is_killed_fails_its_job_and_a_fresh_one_takes_its_place(tmp_path: Path) -> None:
    doomed, others = tiny_job(epochs=2000), [tiny_job(seed=seed) for seed in (1, 2)]
    killed: list[int] = []

    def kill(job: Job, event: Event) -> None:
        if job == doomed and isinstance(event, EpochDone) and not killed:
            killed.extend(children())
            os.kill(killed[0], signal.SIGKILL)

    log = Log(kill)
    side_by_side([doomed, *others], tmp_path, log, at_once=1)
    assert len(killed) == 1
    assert log.reasons.keys() == {doomed.key}
    assert "was killed by SIGKILL" in log.reasons[doomed.key]
    assert log.runs.keys() == {job.key for job in others}
    note = json.loads((doomed.folder(tmp_path) / "failure.json").read_text())
    run = read_run(doomed.folder(tmp_path))
    assert (run.state, note["state"], note["when"]) == ("failed", "failed", "2026-11-22T12:00:00+00:00")
    assert note["epoch"] == run.epochs_done + 1 > 1
    assert not children()

    # Its epochs are kept.
    def stop(job: Job, event: Event) -> None:
        assert isinstance(event, Resumed)
        assert event.result.epoch == run.epochs_done
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        side_by_side([doomed], tmp_path, Log(stop))
    assert not children()


def bad_folder(job: Job, work_dir: Path) -> None:
    """Put a file where the runs of a job's network would be."""
    parent = job.folder(work_dir).parent
    parent.parent.mkdir(parents=True, exist_ok=True)
    parent.write_text("x")


OTHER = tiny_job("9-10")


def test_a_folder_that_one_job_cannot_use_fails_only_that_job(tmp_path: Path) -> None:
    bad_folder(OTHER, tmp_path)
    log = Log()
    run_one_by_one([OTHER, SWEEP[0]], make_dataset(), CPU, tmp_path, observer=log)
    assert log.reasons.keys() == {OTHER.key}
    assert re.match(
        r"9-10 stopped: cannot use .*training/9-10.*: (Not a dir|File ex).*; free it", log.reasons[OTHER.key]
    )
    assert log.runs.keys() == {SWEEP[0].key}
    assert not list((tmp_path / "training").glob(".*"))


def test_side_by_side_too_and_workers_leave_without_a_word(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    bad_folder(OTHER, tmp_path)
    log = Log()
    side_by_side([OTHER, SWEEP[0], SWEEP[1]], tmp_path, log)
    assert log.reasons.keys() == {OTHER.key}
    assert "9-10 stopped: cannot use" in log.reasons[OTHER.key]
    assert log.runs.keys() == {SWEEP[0].key, SWEEP[1].key}
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("error", [RuntimeError("mat1 and mat2\ndo not fit"), OSError(28, "No space left on device")])
def test_an_error_in_the_middle_of_a_job_fails_it_and_is_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    plain = Trainer.epoch_steps

    def poisoned(self: Trainer, epoch: int, *rest: Any) -> Any:
        if self.job == OTHER and epoch == 2:
            raise error
        return plain(self, epoch, *rest)

    monkeypatch.setattr(Trainer, "epoch_steps", poisoned)
    log = Log()
    run_one_by_one([OTHER, SWEEP[0]], make_dataset(), CPU, tmp_path, observer=log)
    assert (log.reasons.keys(), log.runs.keys()) == ({OTHER.key}, {SWEEP[0].key})
    assert log.reasons[OTHER.key].startswith("9-10 stopped")
    assert " ".join(str(error.args[-1]).split()) in log.reasons[OTHER.key]
    run = read_run(OTHER.folder(tmp_path))
    assert (run.state, run.epochs_done, run.error) == ("failed", 1, log.reasons[OTHER.key])


@pytest.mark.parametrize("error", [KeyboardInterrupt, BrokenPipeError, ZeroDivisionError])
def test_what_is_no_failure_of_a_job_ends_all_of_them(tmp_path: Path, error: type[BaseException]) -> None:
    def stop(_job: Job, event: Event) -> None:
        if isinstance(event, EpochDone):
            raise error

    log = Log(stop)
    with pytest.raises(error):
        run_one_by_one(SWEEP[:2], make_dataset(), CPU, tmp_path, observer=log)
    assert log.of(SWEEP[0]) == ["begin", "EpochDone"]
    assert not log.of(SWEEP[1])
    assert not log.reasons
    assert read_run(SWEEP[0].folder(tmp_path)).state == "unfinished"


@pytest.mark.parametrize("several", [False, True])
def test_a_work_folder_that_takes_nothing_is_one_error(tmp_path: Path, several: bool) -> None:
    (tmp_path / "training").write_text("in the way")
    log = Log()
    one_by_one = partial(run_one_by_one, SWEEP, make_dataset(), CPU, tmp_path, observer=log)
    with pytest.raises(OSError, match="training"):
        side_by_side(SWEEP, tmp_path, log) if several else one_by_one()
    assert not log.told


@pytest.mark.parametrize(
    ("exitcode", "how"),
    [
        (1, "ended with exit status 1"),
        (-15, "was killed by SIGTERM"),
        (-9, "was killed by SIGKILL, as systems do when memory runs out"),
        (-63, "was killed by signal 63"),
        (None, "ended with exit status None"),
    ],
)
def test_how_a_process_ended(exitcode: int | None, how: str) -> None:
    assert how_it_ended(exitcode) == how


def test_a_worker_that_is_done_dies_of_a_signal_in_silence(tmp_path: Path) -> None:
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        ours.send(None)
        worker.work(theirs, Sweep((), make_dataset, tmp_path), Slot("cpu"))
        # Not the handler that raises, which the interpreter would call while it ends.
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def no_data(kind: str) -> Dataset:
    """A loader that fails in the worker."""
    raise OSError(5, "Input/output error", kind)


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks /proc for the processes")
def test_what_is_no_fault_of_a_job_stops_everything(tmp_path: Path) -> None:
    log = Log()
    with pytest.raises(OSError, match="Input/output error") as caught:
        side_by_side([tiny_job(seed=seed) for seed in (1, 2)], tmp_path, log, load=partial(no_data, "the disk"))
    assert caught.value.filename == "the disk"
    assert "in no_data" in caught.value.__notes__[0]
    assert not log.told
    assert not children()


ORPHANS = """
import sys
from pathlib import Path
from observed import Log
from test_parallel import side_by_side
from tiny import tiny_job
if __name__ == "__main__":
    jobs = [tiny_job(epochs=10_000, seed=seed) for seed in (0, 1)]
    side_by_side(jobs, Path(sys.argv[1]), Log(lambda job, event: print(job.seed, flush=True)))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="asks the folders' locks")
def test_workers_leave_when_their_parent_is_killed(tmp_path: Path) -> None:
    here = Path(__file__).parent
    (tmp_path / "orphans.py").write_text(ORPHANS)
    path = os.pathsep.join([str(here), str(here.parent), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "orphans.py"), str(tmp_path / "work")],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        seen: set[str] = set()
        while seen != {"0\n", "1\n"}:
            line = process.stdout.readline()
            assert line, process.stderr.read() if process.stderr else ""
            seen.add(line)
        process.kill()
        # Standard error ends when the last worker has gone, which would otherwise be in hours.
        _, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    states = [read_run(folder) for folder in (tmp_path / "work" / "training" / DENSE).iterdir()]
    assert [run.state for run in states] == ["unfinished"] * 2
    assert all(run.epochs_done > 0 for run in states)


@pytest.mark.slow
def test_threads_are_shared_out_and_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    job = tiny_job("1000-200-10", epochs=1)  # large enough to use more than one thread
    log = Log()
    side_by_side([job, tiny_job(epochs=1)], tmp_path, log, num_threads=None)
    assert log.runs[job.key].result.num_threads == 2
