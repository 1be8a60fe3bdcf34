"""Run as a script: trains in forked children that get SIGKILL, resumes, and prints the weights' hashes.

Forked, because importing torch for each of some hundred processes would take minutes.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import torch
from tiny import make_dataset, tiny_job

from mnistbench.training.job import Job
from mnistbench.training.run import run_job

DATASET = make_dataset(200, 50)


def in_child(action: Callable[[], object]) -> int:
    """Start a child that does something; its process id."""
    pid = os.fork()
    if pid:
        return pid
    try:
        action()
    except BaseException:  # noqa: BLE001  # a child must never run on in its parent's code
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def end_of(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def die_at(step: int, functions: tuple[str, ...]) -> None:
    """Make this process kill itself just before its call number ``step`` of these functions of ``os``."""
    calls = 0

    def deadly(function: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **keywords: object) -> object:
            nonlocal calls
            calls += 1
            if calls == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **keywords)

        return call

    for name in functions:
        setattr(os, name, deadly(getattr(os, name)))


def train(job: Job, work_dir: Path) -> None:
    run_job(job, DATASET, torch.device("cpu"), work_dir)


def finish(job: Job, work_dir: Path) -> str:
    """Train to the end in a child; the hash of the weights there."""
    assert end_of(in_child(lambda: train(job, work_dir))) == 0
    return digest_of(job, work_dir)


def digest_of(job: Job, work_dir: Path) -> str:
    """The hash of the weights of a finished run, once its result fits them."""
    folder = job.folder(work_dir)
    weights = hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest()
    result = json.loads((folder / "result.json").read_text())
    assert result["weights_sha256"] == weights
    # Not one epoch was lost or counted twice.
    assert [entry["epoch"] for entry in result["history"]] == list(range(1, job.epochs + 1))
    return weights


def killed_at_each_step(job: Job, root: Path, functions: tuple[str, ...]) -> list[str]:
    """One run for each call of these functions of ``os``, killed just before it and then resumed."""
    hashes = []
    for step in range(1, 1000):
        work_dir = root / str(step)

        def doomed(step: int = step, work_dir: Path = work_dir) -> None:
            die_at(step, functions)
            train(job, work_dir)

        code = end_of(in_child(doomed))
        hashes.append(finish(job, work_dir))
        if code == 0:
            return hashes
        assert code == -signal.SIGKILL, code
    raise AssertionError("the run never came to its end")


def killed_again_and_again(job: Job, root: Path) -> list[str]:
    """One run, killed from outside again and again, later each time, until it was quicker."""
    delay = 0.002
    while True:
        pid = in_child(lambda: train(job, root))
        time.sleep(delay)
        os.kill(pid, signal.SIGKILL)
        if end_of(pid) == 0:
            return [digest_of(job, root)]
        delay *= 1.5


def killed_after_each_checkpoint(job: Job, root: Path) -> list[str]:
    """One run for each epoch, killed from outside as soon as that epoch's file is seen."""
    hashes = []
    for epoch in range(1, job.epochs + 1):
        work_dir = root / f"epoch{epoch}"
        pid = in_child(lambda work_dir=work_dir: train(job, work_dir))
        pattern = f"epoch-{epoch:04d}-*.safetensors"
        while not any(job.folder(work_dir).glob(pattern)) and os.waitpid(pid, os.WNOHANG) == (0, 0):
            pass
        try:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass  # it was faster
        hashes.append(finish(job, work_dir))
    return hashes


def trained_together(job: Job, root: Path) -> list[str]:
    """The same job by three processes at once, as when a command is started again too early."""
    pids = [in_child(lambda: train(job, root)) for _ in range(3)]
    assert [end_of(pid) for pid in pids] == [0, 0, 0]
    return [digest_of(job, root)]


if __name__ == "__main__":
    torch.set_num_threads(1)
    root, functions = Path(sys.argv[1]), tuple(sys.argv[4].split(","))
    job = tiny_job(sys.argv[2], sys.argv[3])
    # In this process, so that its children find warm what a first step costs.
    train(job, root / "whole")
    hashes = {"uninterrupted": [digest_of(job, root / "whole")]}
    if functions == ("together",):
        hashes["together"] = trained_together(job, root / "together")
    else:
        hashes["steps"] = killed_at_each_step(job, root / "steps", functions)
        hashes["again"] = killed_again_and_again(job, root / "again")
        hashes["epochs"] = killed_after_each_checkpoint(job, root / "epochs")
    sys.stdout.write(json.dumps(hashes))
