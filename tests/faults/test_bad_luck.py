"""Losses that are no numbers, GPUs without memory or libraries, clocks that jump: a row is marked, the rest goes on."""

from __future__ import annotations

import itertools
import json
import math
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import torch

from mnistbench.cli import bench as bench_command
from mnistbench.files import free_name
from mnistbench.training import loop, run
from mnistbench.training.loop import Trainer

NAMES = ("8-10", "16-10", "12-10")
TRAIN = ("train", *NAMES, "--epochs", 2, "--batch-size", 50, "--device", "cpu", "--json")
NAN, INF = math.nan, math.inf


def before_epoch_2(spoiled):
    """Have something happen to 16-10 before its second epoch."""

    def spoil(monkeypatch: pytest.MonkeyPatch) -> None:
        plain = Trainer.epoch_steps

        def steps(self, epoch, *args):
            if (self.job.network.name, epoch) == ("16-10", 2):
                spoiled(self)
            return (yield from plain(self, epoch, *args))

        monkeypatch.setattr(Trainer, "epoch_steps", steps)

    return spoil


def by_the_last_step_of(epoch: int, spoiled):
    """Have something happen to 16-10 in the last update of an epoch, whose loss was still finite."""

    def spoil(monkeypatch: pytest.MonkeyPatch) -> None:
        plain, taken = Trainer._step, itertools.count(1)

        def step(self, *args):
            loss = plain(self, *args)
            if self.job.network.name == "16-10" and next(taken) == epoch * self.steps_per_epoch:
                spoiled(self)
            return loss

        monkeypatch.setattr(Trainer, "_step", step)

    return spoil


def weights_are(value: float):
    def change(trainer) -> None:
        with torch.no_grad():
            next(iter(trainer.module.parameters())).fill_(value)

    return change


def out_of_memory(_trainer) -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


def hashes(work: Path) -> dict[str, str]:
    return {
        file.parent.parent.name: json.loads(file.read_text())["weights_sha256"] for file in work.rglob("result.json")
    }


@pytest.mark.parametrize(
    ("spoil", "state", "epoch", "told"),
    [
        (before_epoch_2(weights_are(NAN)), "diverged", 2, "diverged in epoch 2: the loss is nan"),
        (before_epoch_2(weights_are(INF)), "diverged", 2, "diverged in epoch 2"),
        (before_epoch_2(out_of_memory), "failed", 2, "needs more memory than cpu has"),
        (by_the_last_step_of(1, weights_are(NAN)), "diverged", 1, "diverged in epoch 1: a weight is NaN or infinite"),
        (by_the_last_step_of(2, weights_are(NAN)), "diverged", 2, "diverged in epoch 2: a weight is NaN or infinite"),
        (by_the_last_step_of(2, weights_are(-INF)), "diverged", 2, "diverged in epoch 2: a weight is NaN or infinite"),
    ],
    ids=["NaN", "infinity", "memory", "NaN by the last step of epoch 1", "NaN by the very last", "infinity by it"],
)
def test_one_run_is_marked_the_others_go_on_and_nothing_of_it_is_lost(
    cli, monkeypatch, tmp_path, spoil, state, epoch, told
):
    whole = tmp_path / "whole"
    cli(*TRAIN, "--work-dir", whole).succeeds()
    with monkeypatch.context() as patch:
        spoil(patch)
        outcome = cli(*TRAIN)
    assert outcome.code == 3
    assert {row["name"]: "error" in row for row in outcome.json} == {"8-10": False, "16-10": True, "12-10": False}
    (marked,) = [row for row in cli("runs", "--json").json if row["name"] == "16-10"]
    assert (marked["state"], marked["epochs_done"]) == (state, epoch - 1)
    assert told in marked["error"]
    cli("export", "16-10").fails_with("no finished run of 16-10")
    assert not list(cli.work.rglob("*.onnx"))
    # Epochs before it are kept, and the run ends as if nothing had been.
    cli(*TRAIN).succeeds()
    assert hashes(cli.work) == hashes(whole)


@pytest.mark.parametrize("command", ["bench", "load", "evaluate"])
def test_no_figure_ever_stands_under_a_gpu_that_did_not_work(trained, command):
    """Whatever this machine lacks: drivers, libraries or the GPU itself."""
    quick = {
        "bench": ("--quick", "--processes", 1, "--batch", 1, "--provider", "cpu,cuda"),
        "load": ("--quick", "--scenario", "single-stream", "--provider", "cpu,cuda"),
        "evaluate": ("--device", "cuda"),
    }[command]
    outcome = trained(command, "16-10", *quick, "--json", "--output", trained.work.parent / f"{command}.json")
    assert outcome.code in (0, 1, 3)
    assert "Traceback" not in outcome.err
    rows = outcome.json if outcome.out else []
    for row in rows:
        place = row.get("device") or "cuda"
        if row.get("error") is None and place.startswith("cuda"):
            assert row["provider"] == "CUDAExecutionProvider"
        if row.get("error") is not None:
            assert row.get("provider") is None
            assert row.get("p50_seconds") is None
    if command != "evaluate":
        assert any(row["device"] == "cpu" and row["error"] is None for row in rows)


class JumpingClock(datetime):
    """A wall clock that is set back by a day whenever it is asked, and forward by an hour in between."""

    asked = 0

    @classmethod
    def now(cls, tz=None):
        cls.asked += 1
        return datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=cls.asked % 2, days=-cls.asked)


def test_a_wall_clock_that_jumps_back_makes_no_duration_negative(cli, monkeypatch):
    moments = iter(range(10**9, 0, -86_400))
    monkeypatch.setattr(time, "time", lambda: float(next(moments)))
    for module in (run, bench_command):
        monkeypatch.setattr(module, "datetime", JumpingClock)
    results = cli(*TRAIN).succeeds().json
    seconds = [
        value
        for result in results
        for entry in (result, *result["history"])
        for key, value in entry.items()
        if key.endswith("seconds")
    ]
    assert len(seconds) == 3 * (2 + 2)
    assert min(seconds) >= 0
    # Files of the future: their age is no negative number either.
    future = 4_000_000_000
    for file in cli.work.rglob("*.json"):
        os.utime(file, (future, future))
    assert "-" not in [cell for line in cli("runs").out.splitlines() for cell in line.split() if cell.startswith("-")]


def test_a_monotonic_clock_that_is_none_gives_no_negative_epoch(cli, monkeypatch):
    moments = iter(range(10**6, 0, -1))
    monkeypatch.setattr(loop.time, "perf_counter", lambda: float(next(moments)))
    results = cli(*TRAIN).succeeds().json
    assert {entry["seconds"] for result in results for entry in result["history"]} == {0.0}


def test_two_runs_of_one_second_are_two_files(tmp_path, monkeypatch):
    monkeypatch.setattr(bench_command, "datetime", JumpingClock)
    moment = "20260228T010000Z"
    names = []
    for _ in range(3):
        JumpingClock.asked = 0
        names.append(bench_command.name_of_run(tmp_path).name)
    assert names == [f"{moment}.json", f"{moment}_2.json", f"{moment}_3.json"]
    assert sorted(names) == names
    (tmp_path / "bench" / "a.json").touch()
    assert free_name(tmp_path / "bench", "a", ".json").name == "a_2.json"
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(OSError, match=r"exists|directory") as caught:
        free_name(file, "a", ".json")
    assert caught.value.filename == str(file)
