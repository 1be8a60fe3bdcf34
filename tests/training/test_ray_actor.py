"""What a process on a machine of a cluster says when it cannot train or use its store; Ray is not needed for it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import platformdirs
import pytest
import torch
from tiny import make_dataset, tiny_job

from mnistbench._version import __version__
from mnistbench.errors import ProcessError
from mnistbench.training.dispatch import Message
from mnistbench.training.executor import Sweep
from mnistbench.training.job import read_finished
from mnistbench.training.ray_actor import Terms, Trainer
from mnistbench.training.run import EpochDone, run_job
from mnistbench.training.slots import Slot
from mnistbench.training.stores import Store

pytest.importorskip("fsspec")

JOBS = tuple(tiny_job(seed=seed, epochs=1) for seed in range(2))
MARK = Path("/of/the/driver/.driver-0123")
DATASETS = frozenset(job.dataset_sha256 for job in JOBS)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The work folder that a process takes."""
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda name, **_given: tmp_path / name)
    return tmp_path / "mnistbench" / "runs"


def stream(store: Store) -> Iterator[list[Message]]:
    """What it says of two jobs."""
    trainer = Trainer()
    for job in JOBS:
        trainer.give((job, True))
    trainer._inbox.tasks.put(None)
    terms = Terms("10.0.0.9", __version__, DATASETS, MARK, store)
    return trainer.train(Sweep((), make_dataset, Path("/of/the/driver")), Slot("cpu"), terms)


def said(store: Store) -> list[tuple[str, str]]:
    return [(kind, str(content)) for batch in stream(store) for kind, _key, content in batch if kind != "event"]


def test_a_machine_that_sees_the_mark_trains_and_sends(machine: Path, tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    store.leave_mark(MARK.name)
    assert [kind for kind, _ in said(store)] == ["ready", "begun", "finished", "begun", "finished"]
    store.remove_mark(MARK.name)
    assert store.finished() == {job.key for job in JOBS}
    assert all(read_finished(job.folder(machine)) is not None for job in JOBS)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("{folder}", "it does not see what the driver has written into"),
        ("memory://of-this-process-only", "it does not see what the driver has written into"),
        ("nothing://x", "cannot use nothing://x"),
    ],
)
def test_a_machine_that_cannot_use_the_store_says_so_before_it_is_ready(
    machine: Path, tmp_path: Path, url: str, reason: str
) -> None:
    [(kind, text)] = said(Store(url.format(folder=tmp_path / "store")))
    assert kind == "broken"
    assert text.startswith(f"10.0.0.9 cannot train: {reason}")
    assert "--results-to" in text
    assert not machine.exists()


def test_a_machine_that_can_only_read_the_store_says_so_before_it_is_ready(
    machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(str(tmp_path / "store"))
    store.leave_mark(MARK.name)
    monkeypatch.setattr("fsspec.implementations.local.LocalFileSystem.pipe_file", lambda *_given: 1 / 0)
    [(kind, text)] = said(store)
    assert (kind, "ZeroDivisionError" in text) == ("broken", True)
    assert not machine.exists()


def test_a_machine_without_fsspec_says_so_before_it_is_ready(
    machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    [(kind, text)] = said(Store(str(tmp_path / "store")))
    assert (kind, "mnistbench[store]" in text) == ("broken", True)


def test_what_goes_wrong_with_a_store_later_fails_jobs_and_not_the_machine(
    machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(str(tmp_path / "store"))
    store.leave_mark(MARK.name)
    messages = stream(store)
    assert next(messages) == [("ready", "", None)]
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    ends = [(kind, content) for batch in messages for kind, _, content in batch if kind not in ("event", "begun")]
    assert [kind for kind, _ in ends] == ["failed", "failed"]
    assert all("trained, but not stored" in reason and "mnistbench[store]" in reason for _, reason in ends)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such users")
def test_a_machine_without_a_home_is_left_out_and_says_why(homeless, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    terms = Terms("10.0.0.7", __version__, frozenset(), Path("mark"), Store((tmp_path / "store").as_uri()))
    said = Trainer().train(Sweep((), make_dataset, tmp_path / "work"), Slot("cpu"), terms)
    ((kind, _key, error),) = next(said)
    assert kind == "broken"
    assert isinstance(error, ProcessError)
    assert str(error).startswith("10.0.0.7 cannot train: cannot tell where the user's cache is")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("resume", "epochs"), [(True, 0), (False, 1)])
def test_each_job_says_itself_whether_it_starts_over(tmp_path: Path, resume: bool, epochs: int) -> None:
    job, mark = JOBS[0], tmp_path / "mark"
    mark.touch()
    run_job(job, make_dataset(), torch.device("cpu"), tmp_path)
    trainer = Trainer()
    trainer.give((job, resume))
    trainer._inbox.tasks.put(None)
    # The command was told to start over, and this job has done so before.
    messages = trainer.train(
        Sweep((), make_dataset, tmp_path, resume=False), Slot("cpu"), Terms("10.0.0.9", __version__, DATASETS, mark)
    )
    said = [content for batch in messages for _, _, content in batch]
    assert sum(isinstance(content, EpochDone) for content in said) == epochs
