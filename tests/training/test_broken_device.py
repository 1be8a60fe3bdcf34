"""Processes on a device that breaks; the device is this machine's processor, and that it breaks is played."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from observed import Log
from tiny import make_dataset, tiny_job

from mnistbench._version import __version__
from mnistbench.data.dataset import Dataset
from mnistbench.training import loop, probe
from mnistbench.training.dispatch import Message, dispatch
from mnistbench.training.executor import Sweep
from mnistbench.training.on_ray import _Actor, _Actors
from mnistbench.training.parallel import _Processes
from mnistbench.training.ray_actor import Terms, Trainer
from mnistbench.training.slots import Slot

JOBS = [tiny_job("9-10", seed=seed, epochs=1) for seed in range(8)]


def broken(*_: object) -> Any:
    raise RuntimeError("CUDA error: an illegal memory access was encountered")


def load_where_two_threads_are_a_broken_device(folder: Path) -> Dataset:
    """The dataset; afterwards, a process of two threads computes nothing any more.

    A process of one thread trains only when two others have failed, since it might train everything meanwhile.
    """
    trained = loop.Trainer.epoch_steps

    def fail(*_: object) -> Any:
        (folder / str(os.getpid())).touch()
        broken()

    def wait(*arguments: Any, **options: Any) -> Any:
        while len(list(folder.iterdir())) < 2:
            time.sleep(0.02)
        return trained(*arguments, **options)

    if torch.get_num_threads() == 2:
        probe.compute, loop.Trainer.epoch_steps = broken, fail
    else:
        loop.Trainer.epoch_steps = wait
    return make_dataset()


@pytest.mark.slow
def test_a_device_that_breaks_takes_two_jobs_of_a_pool_and_not_all(tmp_path: Path) -> None:
    log, notes = Log(), []
    (tmp_path / "failed").mkdir()
    load = partial(load_where_two_threads_are_a_broken_device, tmp_path / "failed")
    sweep = Sweep(tuple(JOBS), load, tmp_path / "work")
    slots = [Slot("cpu", num_threads=threads) for threads in (1, 2)]
    dispatch(sweep, slots, _Processes(sweep), log, on_note=notes.append)
    assert [len(log.runs), len(log.reasons)] == [6, 2]
    assert all("has ended: device cpu does not compute (RuntimeError: CUDA" in text for text in log.reasons.values())
    (note,) = notes
    assert note.startswith("left out: device cpu does not compute")


@pytest.fixture
def _threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def told_by_an_actor(work_dir: Path, *, at_once: int = 1) -> list[Message]:
    mark = work_dir / "mark"
    mark.touch()
    terms = Terms("10.0.0.1", __version__, frozenset({JOBS[0].dataset_sha256}), mark)
    actor = Trainer()
    for job in JOBS:
        actor.give((job, True))
    sweep = Sweep((), make_dataset, work_dir)
    return [message for batch in actor.train(sweep, Slot("cpu", at_once), terms) for message in batch]


@pytest.mark.usefixtures("_threads")
def test_an_actor_says_that_its_device_is_broken_before_it_is_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "compute", broken)
    ((kind, key, why),) = told_by_an_actor(tmp_path)
    assert (kind, key) == ("unusable", "")
    assert why.startswith("10.0.0.1: device cpu does not compute")


@pytest.mark.usefixtures("_threads")
@pytest.mark.parametrize("at_once", [1, 2])
def test_an_actor_whose_device_breaks_takes_up_no_more_jobs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    answers = iter([36.0])
    monkeypatch.setattr(probe, "compute", lambda _device: next(answers, None) or broken())
    monkeypatch.setattr(loop.Trainer, "epoch_steps", broken)
    told = [kind for kind, _key, _content in told_by_an_actor(tmp_path, at_once=at_once)]
    assert told == ["ready", *["begun"] * at_once, "unusable"]


class Played:
    """Ray, of which only what is killed counts."""

    def __init__(self) -> None:
        self.exceptions = SimpleNamespace(RayError=KeyError)
        self.killed: list[object] = []
        self.kill = self.killed.append
        self.get = lambda value: value


@pytest.mark.parametrize("kind", ["unusable", "broken"])
def test_an_actor_that_cannot_train_gives_its_gpu_back(tmp_path: Path, kind: str) -> None:
    ray = Played()
    fleet = _Actors(ray, Sweep((), make_dataset, tmp_path), None, lambda _node: (), lambda _text: None)
    unusable: list[Message] = [("failed", "a", "b"), (kind, "", "why")]
    worker = _Actor("handle", iter([[("ready", "", None)], unusable]), "10.0.0.1")
    assert fleet._receive(worker) == [("ready", "", None)]
    assert ray.killed == []
    assert fleet._receive(worker) == unusable
    assert ray.killed == ["handle"]
    assert worker.messages is None
