"""A cluster that Ray runs: how to reach it, its machines, and one question to each of them.

Ray is the optional extra ``ray`` and is imported when a cluster is asked for.
Knows nothing of what is done there.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from mnistbench.errors import MissingExtraError, ProcessError

SECONDS_TO_ANSWER = 120.0
"""For a question to a machine: its first process imports torch, perhaps from a slow disk."""

SECONDS_TO_LISTEN = 1.0
SECONDS_BETWEEN_LOOKS = 10.0
"""At the cluster itself: whether its head is there, and which machines."""
SECONDS_WITHOUT_HEAD = 30.0
"""A head may be started anew meanwhile. Ray would end this process after 60 seconds, without a word to our users."""
SECONDS_OF_PATIENCE = 30.0
"""After which the user is told that nothing has started, and a process that has not come is not waited for."""

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Node:
    """A machine of a cluster: its name there, its address for people, and what it lends."""

    name: str
    address: str
    cpus: float
    gpus: float


@dataclass(frozen=True)
class Answered(Generic[Answer]):
    """What a machine answered, or why it did not."""

    node: Node
    answer: Answer | None
    error: str | None = None


@contextlib.contextmanager
def connected(address: str | None, *, cpus: int | None = None) -> Iterator[Any]:
    """The module ``ray``, connected to a cluster.

    Whoever is connected already stays so. Without an address a cluster of this
    machine alone is started and ended with this; it asks for a token and has no dashboard.

    Args:
        address: ``HOST:PORT`` of the cluster's head, ``auto`` for the one that this machine belongs to, or ``None``.
        cpus: Processors that a cluster of this machine counts; by default those that it has.

    Raises:
        MissingExtraError: When Ray is not installed.
        ProcessError: When the cluster cannot be reached.
    """
    if address is None and "ray" not in sys.modules:  # it reads them as it is imported
        # Its processes inherit these; what the user has set stays. Who reaches a cluster can run programs on it.
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        # Ray's own choice is 15: beside any other work an epoch would take many times as long as in our processes.
        os.environ.setdefault("RAY_worker_niceness", "0")
    if address is not None and "://" in address:
        raise ProcessError(
            f"address {address!r} cannot be used: run this on a machine of the cluster, with --address auto "
            "or HOST:PORT"
        )
    with _own_sigterm():
        ray = _import_ray()
        if ray.is_initialized():
            yield ray
            return
        # A dashboard is a choice that only the cluster's own start can make.
        options: dict[str, Any] = {"address": address}
        if address is None:
            # Without the word it would join whatever cluster runs here already.
            options = {"address": "local", "include_dashboard": False, "num_cpus": cpus}
        try:
            ray.init(**options, log_to_driver=False, logging_level="error", configure_logging=False)
        except Exception as error:  # Ray raises builtins of many kinds here
            said = " ".join(str(error).split())[:300]
            where = "a cluster on this machine" if address is None else f"the cluster at {address}"
            raise ProcessError(
                f"{where} cannot be reached: {said}; check 'ray status', its address and its token (see docs/scale.md)"
            ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def nodes_of(ray: Any) -> tuple[Node, ...]:
    """The machines that are there now, in the order of their addresses."""
    nodes = [
        Node(
            entry["NodeID"],
            entry["NodeManagerAddress"],
            entry["Resources"].get("CPU", 0.0),
            entry["Resources"].get("GPU", 0.0),
        )
        for entry in ray.nodes()
        if entry["Alive"]
    ]
    return tuple(sorted(nodes, key=lambda node: (node.address, node.name)))


def silent_head(ray: Any, *, seconds: float = 5.0) -> str | None:
    """The address of the cluster's head if nothing listens there, else ``None``.

    Everything that asks the head waits for it, and after a minute Ray ends this process; this asks nothing.
    """
    address: str = ray.get_runtime_context().gcs_address
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=seconds).close()
    except OSError:
        return address
    return None


def is_cut_off(ray: Any) -> bool:
    """Whether this machine has left the cluster, so that nothing from here reaches it."""
    return ray.get_runtime_context().get_node_id() not in {node.name for node in nodes_of(ray)}


class Watch:
    """Looks now and then whether the cluster is still there.

    Args:
        ray: As :func:`connected` gives it.
        on_note: Told when the head does not answer.
        go_on: What the user does once the cluster is there again, for the error.
    """

    def __init__(self, ray: Any, on_note: Callable[[str], None], go_on: str) -> None:
        self._ray, self._note, self._go_on = ray, on_note, go_on
        self._looked: float | None = None
        self._headless: float | None = None

    def look(self) -> bool:
        """Look, when it is time to; whether it was, and all is well.

        Raises:
            ProcessError: When the cluster's head, or what joins this machine to it, is gone.
        """
        now = time.monotonic()
        if self._looked is not None and now - self._looked < SECONDS_BETWEEN_LOOKS:
            return False
        self._looked = now
        if (head := silent_head(self._ray)) is not None:
            if self._headless is None:
                self._headless = now
                self._note(f"the head of the cluster, {head}, does not answer")
            elif now - self._headless >= SECONDS_WITHOUT_HEAD:
                raise ProcessError(f"the head of the cluster, {head}, is gone; start it again, and {self._go_on}")
            return False
        self._headless = None
        if is_cut_off(self._ray):
            raise ProcessError(f"this machine is no longer part of the cluster; once it is, {self._go_on}")
        return True


def ask_nodes(
    ray: Any,
    nodes: Sequence[Node],
    question: Callable[..., Answer],
    *arguments: Any,
    seconds: float = SECONDS_TO_ANSWER,
) -> list[Answered[Answer]]:
    """Call a function on each machine, all at the same time, in a process that ends afterwards.

    It claims nothing of the machine, so that a busy one answers too. Who has not answered in time is left alone and
    ends with the connection: to cancel what may just have ended can end this process (Ray's
    "Tried to complete task that was not pending").

    Args:
        ray: As :func:`connected` gives it.
        nodes: The machines.
        question: A function that ``pickle`` can name.
        arguments: Its arguments.
        seconds: Who has not answered by then is not waited for.
    """
    # A process that touched a GPU holds memory there until it ends.
    remote = ray.remote(num_cpus=0, max_retries=0, max_calls=1)(question)
    asked = [remote.options(scheduling_strategy=on_node(ray, node.name)).remote(*arguments) for node in nodes]
    ready = ray.wait(asked, num_returns=len(asked), timeout=seconds)[0] if asked else []
    answers = []
    for node, reference in zip(nodes, asked, strict=True):
        if reference not in ready:
            answers.append(Answered[Answer](node, None, f"{node.address} has not answered in {seconds:.0f} s"))
            continue
        try:
            answers.append(Answered(node, ray.get(reference)))
        except Exception as error:  # noqa: BLE001  # whatever a machine of another kind raises
            answers.append(Answered[Answer](node, None, f"{node.address} does not answer: {one_line_of(error)}"))
    return answers


def on_node(ray: Any, name: str) -> Any:
    """What makes Ray start something on this machine and on no other."""
    return ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(name, soft=False)


def one_line_of(error: BaseException) -> str:
    """The kind of an error and the last thing that it says, which for Ray's is the cause behind a remote traceback."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[-1] if lines else ''}"[:300]


def _import_ray() -> Any:
    try:
        ray = importlib.import_module("ray")
        importlib.import_module("ray.util.scheduling_strategies")
    except ImportError as error:
        raise MissingExtraError("ray", "ray") from error
    return ray


@contextlib.contextmanager
def _own_sigterm() -> Iterator[None]:
    """Keep what this process does when it is asked to end, which Ray would replace as it is imported."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
