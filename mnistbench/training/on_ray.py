"""The engine that trains on the machines of a cluster that Ray runs (Ray Core only; the optional extra ``ray``).

One process on each GPU, or several on each machine's processors. Ray starts
them and carries messages; which job goes where is decided in
:mod:`mnistbench.training.dispatch`, and what became of it stands in its folder.
"""

from __future__ import annotations

import contextlib
import dataclasses
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from mnistbench._version import __version__
from mnistbench.cluster import (
    SECONDS_OF_PATIENCE,
    SECONDS_TO_LISTEN,
    Node,
    Watch,
    ask_nodes,
    connected,
    nodes_of,
    on_node,
    one_line_of,
)
from mnistbench.errors import ProcessError, ProviderError
from mnistbench.files import atomic_write
from mnistbench.spec import NetworkSpec
from mnistbench.training.dispatch import Message, Task, dispatch
from mnistbench.training.executor import Sweep
from mnistbench.training.hardware import choose_device, choose_precision
from mnistbench.training.job import Precision
from mnistbench.training.ray_actor import Terms, Trainer
from mnistbench.training.run import Now, utc_now
from mnistbench.training.slots import Slot, slots_of_node
from mnistbench.training.stores import Store
from mnistbench.training.sweep import Observer

TRIES = 3
"""Machines of clusters come and go; a job that ends its process three times is to blame itself."""

SECONDS_TO_LEAVE = 5.0
"""A process that was asked to leave and has not by then is killed; what it saved is whole either way."""
SECONDS_A_MARK_IS_KEPT = 86_400.0
GO_ON = "the same command goes on after the epochs that were finished"


@dataclass(frozen=True)
class RayExecutor:
    """Trains on a cluster; as :class:`mnistbench.training.executor.Executor`.

    The work folder must be on a file system that all machines share, unless there is a store. Each machine
    loads the dataset itself, and is left out when it cannot or has another one.
    A job whose process dies is taken up again, from its last epoch, ``tries - 1`` times.

    Attributes:
        kind: What to train on.
        at_once: Jobs in turns on each GPU, or processes on each machine's processors.
        address: As for :func:`mnistbench.cluster.connected`.
        claims_gpus: Whether each process claims a GPU; by default when ``kind`` is ``cuda``.
        tries: How often a job is taken up whose process dies.
        store: Where each machine, which then has a work folder of its own, sends finished runs; whoever observes must
            be a :class:`mnistbench.training.storing.Storing`, which brings them here.
        on_note: Gets what the user should know of machines that are left out.
        now: Says when a job failed whose process died.
    """

    kind: Literal["cpu", "cuda"] = "cpu"
    at_once: int = 1
    address: str | None = None
    claims_gpus: bool | None = None
    tries: int = TRIES
    store: Store | None = None
    on_note: Callable[[str], None] | None = field(default=None, repr=False)
    now: Now = field(default=utc_now, repr=False)

    def train(self, sweep: Sweep, observer: Observer) -> None:
        """Train every job."""
        # Other machines have other current folders.
        sweep = dataclasses.replace(sweep, work_dir=sweep.work_dir.absolute())
        with connected(self.address) as ray:
            fleet = _Actors(ray, sweep, self.store, self._slots, self._note)
            slots = fleet.joined()
            if not slots:
                wanted = "GPU" if self._on_gpus else "processor"
                raise ProviderError(
                    f"no machine of the cluster lends a {wanted}: {len(nodes_of(ray))} machines; see 'ray status'"
                )
            dispatch(sweep, slots, fleet, observer, tries=self.tries, on_note=self._note, now=self.now)

    def choose_precisions(self, specs: Sequence[NetworkSpec]) -> list[Precision]:
        """The precision for each network that suits every machine: a job is the same wherever it is trained.

        Raises:
            ProcessError: When no machine answers.
        """
        with connected(self.address) as ray:
            nodes = [node for node in nodes_of(ray) if self._slots(node)]
            answers = ask_nodes(ray, nodes, precisions_here, tuple(specs), self.kind)
        known = [answer.answer for answer in answers if answer.answer is not None]
        if not known:
            reasons = (
                "; ".join(answer.error or "" for answer in answers) or "no machine of the cluster lends what it takes"
            )
            raise ProcessError(f"nothing can be trained on the cluster: {reasons}")
        return [one[0] if len(set(one)) == 1 else "float32" for one in zip(*known, strict=True)]

    @property
    def _on_gpus(self) -> bool:
        return self.kind == "cuda" if self.claims_gpus is None else self.claims_gpus

    def _slots(self, node: Node) -> tuple[Slot, ...]:
        device = "cuda:0" if self.kind == "cuda" else "cpu"  # a process sees the one GPU that it claims
        return slots_of_node(node, on_gpus=self._on_gpus, device=device, at_once=self.at_once)

    def _note(self, text: str) -> None:
        if self.on_note is not None:
            self.on_note(text)


def find_kind(ray: Any) -> Literal["cpu", "cuda"]:
    """``cuda`` where a machine of the cluster lends a GPU."""
    return "cuda" if any(node.gpus >= 1 for node in nodes_of(ray)) else "cpu"


def precisions_here(specs: Sequence[NetworkSpec], kind: str) -> list[Precision]:
    """What this machine would choose for each network.

    Raises:
        ProviderError: When it has no device of the kind.
    """
    device = choose_device(kind)
    return [choose_precision(spec, device) for spec in specs]


def _leave_mark(folder: Path) -> Path:
    """A new file that whoever shares the folder can see; those of drivers that were killed are removed."""
    mark = folder / f".driver-{secrets.token_hex(8)}"
    atomic_write(mark, b"")
    with contextlib.suppress(OSError):
        for other in folder.glob(".driver-*"):
            # By the clock of the file system, which made both.
            if mark.stat().st_mtime - other.stat().st_mtime > SECONDS_A_MARK_IS_KEPT:
                other.unlink()
    return mark


@dataclass(eq=False)
class _Actor:
    """A process of the cluster, and the stream of its messages."""

    handle: Any
    messages: Any
    address: str
    heard: bool = False


class _Actors:
    """The processes of a cluster; as :class:`mnistbench.training.dispatch.Fleet`."""

    at_once_ready = False

    def __init__(
        self,
        ray: Any,
        sweep: Sweep,
        store: Store | None,
        slots: Callable[[Node], tuple[Slot, ...]],
        note: Callable[[str], None],
    ) -> None:
        self._ray, self._store, self._slots, self._note = ray, store, slots, note
        self.shares_folder = store is None
        self._sweep = dataclasses.replace(sweep, jobs=())
        self._datasets = frozenset(job.dataset_sha256 for job in sweep.jobs)
        self._mark: Path | None = None
        self._nodes: dict[str, Node] = {}
        self._watch = Watch(ray, note, GO_ON)
        self._begun, self._patient = time.monotonic(), True

    def start(self, slot: Slot) -> _Actor:
        """Ask Ray for a process; it comes when the machine has room for it."""
        if self._mark is None:
            self._mark = _leave_mark(self._sweep.work_dir / "training")
            if self._store is not None:
                self._store.leave_mark(self._mark.name)
        address = self._nodes[slot.node].address
        options = {
            "num_cpus": slot.cpus,
            "num_gpus": slot.gpus,
            "max_restarts": 0,
            "max_concurrency": 2,  # training, and taking jobs meanwhile
            "scheduling_strategy": on_node(self._ray, slot.node),
        }
        handle = self._ray.remote(Trainer).options(**options).remote()
        terms = Terms(address, __version__, self._datasets, self._mark, self._store)
        stream = handle.train.options(num_returns="streaming").remote(self._sweep, slot, terms)
        return _Actor(handle, stream, address)

    def give(self, worker: _Actor, task: Task) -> bool:
        """Hand over a job; that its process was gone is heard in its stream."""
        worker.handle.give.remote(task)
        return True

    def listen(self, workers: Sequence[_Actor]) -> Sequence[tuple[_Actor, Message]]:
        """What has come from any process, within a second."""
        ready = self._ready(workers, SECONDS_TO_LISTEN)
        if self._patient and not ready and time.monotonic() - self._begun > SECONDS_OF_PATIENCE:
            self._patient = False
            if not any(worker.heard for worker in workers):
                self._note(
                    f"no process has started in {SECONDS_OF_PATIENCE:.0f} s: the cluster may be busy ('ray status')"
                )
        return [(worker, message) for worker in ready for message in self._receive(worker)]

    def joined(self) -> Sequence[Slot]:
        """Slots of machines that were not there the last time.

        Raises:
            ProcessError: When the cluster's head, or what joins this machine to it, is gone.
        """
        if not self._watch.look():
            return ()
        new = [node for node in nodes_of(self._ray) if node.name not in self._nodes]
        self._nodes.update({node.name: node for node in new})
        return [slot for node in new for slot in self._slots(node)]

    def stop(self, workers: Sequence[_Actor], *, ask: bool) -> None:
        """End every process; those in the middle of a job leave at its next pause, or are killed too."""
        left = list(workers) if ask else []
        try:
            for worker in left:
                worker.handle.stop.remote()
            deadline = time.monotonic() + SECONDS_TO_LEAVE
            while (left := [worker for worker in left if worker.messages is not None]) and (
                seconds := deadline - time.monotonic()
            ) > 0:
                for worker in self._ready(left, seconds):
                    self._receive(worker)
        finally:
            for worker in workers:
                self._ray.kill(worker.handle)
            if self._mark is not None:
                with contextlib.suppress(OSError):
                    self._mark.unlink()
                if self._store is not None:
                    self._store.remove_mark(self._mark.name)

    def _ready(self, workers: Sequence[_Actor], seconds: float) -> list[_Actor]:
        """Those of which something has come; waits until there is one."""
        streams = [worker.messages for worker in workers]
        if not streams:
            time.sleep(min(seconds, SECONDS_TO_LISTEN))
            return []
        if not self._ray.wait(streams, num_returns=1, timeout=seconds)[0]:
            return []
        ready, _ = self._ray.wait(streams, num_returns=len(streams), timeout=0)
        return [worker for worker in workers if any(worker.messages is stream for stream in ready)]

    def _receive(self, worker: _Actor) -> list[Message]:
        """The next batch of a process, or word of its death."""
        worker.heard = True
        try:
            batch: list[Message] = self._ray.get(next(worker.messages))
        except StopIteration:
            how = "has ended"
        except self._ray.exceptions.RayError as error:
            how = f"was lost on {worker.address} ({one_line_of(error)})"
        else:
            if any(kind in ("unusable", "broken") for kind, _key, _content in batch):
                self._end(worker)  # or its successor would wait for what it claims
            return batch
        self._end(worker)
        return [("died", "", how)]

    def _end(self, worker: _Actor) -> None:
        """Hear no more of a process, which may only be out of reach."""
        worker.messages = None
        with contextlib.suppress(self._ray.exceptions.RayError):
            self._ray.kill(worker.handle)
