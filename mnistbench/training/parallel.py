"""The engine that trains in several processes of this machine: one for each GPU, or a number of them on the CPU.

Every process is started afresh (``spawn``), since torch does not survive a fork,
and has a pipe of its own to this one: a queue that all share would stay locked
for ever when one of them is killed while it writes.
"""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

import torch

from mnistbench.runtime.spawned import interrupts_held_back
from mnistbench.training.dispatch import Message, Task, dispatch
from mnistbench.training.executor import Sweep
from mnistbench.training.run import Now, utc_now
from mnistbench.training.slots import Slot, slots_of_machine
from mnistbench.training.sweep import Observer
from mnistbench.training.worker import work

SECONDS_TO_LEAVE = 5.0
"""A worker that was asked to leave and has not by then is killed; what it saved is whole either way."""


@dataclass(frozen=True)
class PoolExecutor:
    """Trains in processes of this machine; as :class:`mnistbench.training.executor.Executor`.

    A process that dies fails the jobs that it has begun, and a fresh one takes its place. When this
    process is killed, they notice and leave.

    Attributes:
        gpus: Numbers of the GPUs, each with one process; none of them means the CPU.
        at_once: Jobs in turns on each GPU, or processes on the CPU.
        num_threads: Threads of each process on the CPU; by default, this process's shared out among them.
        on_note: Gets what the user should know of devices that are left out.
        now: Says when a job failed whose process died.
    """

    gpus: tuple[int, ...] = ()
    at_once: int = 1
    num_threads: int | None = None
    on_note: Callable[[str], None] | None = field(default=None, repr=False, compare=False)
    now: Now = field(default=utc_now, repr=False)

    def train(self, sweep: Sweep, observer: Observer) -> None:
        """Train every job."""
        slots = slots_of_machine(
            self.gpus,
            at_once=self.at_once,
            num_jobs=len(sweep.jobs),
            num_threads=self.num_threads,
            usable_threads=torch.get_num_threads(),
        )
        dispatch(sweep, slots, _Processes(sweep), observer, on_note=self.on_note, now=self.now)


@dataclass(eq=False)
class _Process:
    """A process as seen from its parent."""

    process: BaseProcess
    connection: Connection[Any, Any]


class _Processes:
    """The processes of this machine; as :class:`mnistbench.training.dispatch.Fleet`."""

    at_once_ready = True
    shares_folder = True

    def __init__(self, sweep: Sweep) -> None:
        # The jobs come one by one.
        self._sweep = Sweep((), sweep.load, sweep.work_dir, sweep.resume)

    def start(self, slot: Slot) -> _Process:
        """Start a process with a pipe of its own."""
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=work, args=(theirs, self._sweep, slot), daemon=True)
        with interrupts_held_back():
            process.start()
        # The only other end is now the process's own, so that its death is the end of the pipe.
        theirs.close()
        return _Process(process, ours)

    def give(self, worker: _Process, task: Task | None) -> bool:
        """Hand over a job, or word that there is none."""
        try:
            worker.connection.send(task)
        except OSError:
            return False
        return True

    def listen(self, workers: Sequence[_Process]) -> Sequence[tuple[_Process, Message]]:
        """One message of each process that says something, or word of its death."""
        ready = wait([worker.connection for worker in workers])
        return [(worker, self._receive(worker)) for worker in workers if worker.connection in ready]

    def joined(self) -> Sequence[Slot]:
        """The machine stays as it is."""
        return ()

    def stop(self, workers: Sequence[_Process], *, ask: bool) -> None:
        """See every process end; those that are idle leave when they are told that there is no more to do."""
        for worker in workers:
            if ask:
                worker.process.terminate()
            else:
                self.give(worker, None)
        deadline = time.monotonic() + SECONDS_TO_LEAVE
        for worker in workers:
            worker.process.join(max(0.0, deadline - time.monotonic()))
            if worker.process.exitcode is None:
                worker.process.kill()
                worker.process.join()
            worker.connection.close()
            worker.process.close()

    def _receive(self, worker: _Process) -> Message:
        try:
            message: Message = worker.connection.recv()
        except (EOFError, OSError):
            worker.process.join()
            return "died", "", how_it_ended(worker.process.exitcode)
        return message


def how_it_ended(exitcode: int | None) -> str:
    """``was killed by SIGTERM`` or ``ended with exit status 1``, for a status as :mod:`multiprocessing` has it."""
    if exitcode is None or exitcode >= 0:
        return f"ended with exit status {exitcode}"
    try:
        name = signal.Signals(-exitcode).name
    except ValueError:
        name = f"signal {-exitcode}"
    return f"was killed by {name}" + (", as systems do when memory runs out" if exitcode == -9 else "")
