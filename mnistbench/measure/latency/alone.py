"""A function on machines of a cluster, each time alone there: whoever measures must not be disturbed.

Knows nothing of what is measured.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from mnistbench.cluster import SECONDS_OF_PATIENCE, SECONDS_TO_LISTEN, Node, Watch, on_node, one_line_of
from mnistbench.errors import ProcessError

Answer = TypeVar("Answer")
Task = TypeVar("Task")
Function = Callable[[Task, Callable[[Answer], None]], Answer]


def run_alone(
    ray: Any,
    function: Function[Task, Answer],
    tasks: Sequence[tuple[Node, Task]],
    *,
    on_part: Callable[[int, Answer], None],
    on_note: Callable[[str], None],
) -> Iterator[tuple[int, Answer | None, Exception | None]]:
    """Call a function once for each task, each time alone on its machine, in a process of its own.

    It claims all that the machine lends, and waits until nobody else uses it.
    What is under way when nobody asks further ends with the connection (see :func:`mnistbench.cluster.ask_nodes`).

    Args:
        ray: As :func:`mnistbench.cluster.connected` gives it.
        function: A function that ``pickle`` can name; it is given the task, and what to tell the answer to as far as
            it has it.
        tasks: What it is given, and where.
        on_part: Gets the number of a task and what the function tells.
        on_note: Told of machines that are waited for, and of a head that does not answer.

    Yields:
        The number of a task as soon as it is done, what the function gave, or the error that it raised
        or :class:`mnistbench.errors.ProcessError` when it gave nothing.

    Raises:
        ProcessError: When the cluster's head, or what joins this machine to it, is gone.
    """
    remote = ray.remote(max_retries=0, max_calls=1)(_told)
    waiting = {
        remote.options(
            num_cpus=node.cpus,
            num_gpus=node.gpus,
            num_returns="streaming",
            scheduling_strategy=on_node(ray, node.name),
        ).remote(function, task): number
        for number, (node, task) in enumerate(tasks)
    }
    watch = Watch(ray, on_note, "repeat the command")
    patience = _Patience([node for node, _task in tasks], on_note)
    while waiting:
        ready, _ = ray.wait(list(waiting), num_returns=1, timeout=SECONDS_TO_LISTEN)
        if not ready:
            patience.wait()
            watch.look()
            continue
        number = waiting[ready[0]]
        node = tasks[number][0]
        done: tuple[int, Answer | None, Exception | None]
        try:
            word, content = ray.get(next(ready[0]))
            if word == "begun":
                patience.begun(node)
                continue
            if word == "part":
                on_part(number, content)
                continue
            done = number, content, None
        except StopIteration:
            done = number, None, ProcessError("its process has ended without an answer")
        except ray.exceptions.RayTaskError as error:
            done = number, None, error.cause
        except ray.exceptions.RayError as error:
            done = number, None, ProcessError(one_line_of(error))
        del waiting[ready[0]]
        patience.ended(node)
        yield done


def _told(function: Function[Task, Answer], task: Task) -> Iterator[tuple[str, Any]]:
    """Say that a task is begun, what a function tells of it meanwhile, and what it gives; each with what it is."""
    yield "begun", None
    said: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()

    def work() -> None:
        try:
            said.put(("answer", function(task, lambda part: said.put(("part", part)))))
        except BaseException as error:  # noqa: BLE001  # who asked raises it
            said.put(("error", error))

    # The function calls and this is asked: neither can wait for the other in one thread.
    threading.Thread(target=work, name="mnistbench-task", daemon=True).start()
    word = ""
    while word != "answer":
        word, content = said.get()
        if word == "error":
            raise content
        yield word, content


class _Patience:
    """Tells of each machine that nothing has begun there for a while, though something is to."""

    def __init__(self, nodes: Sequence[Node], on_note: Callable[[str], None]) -> None:
        self._note = on_note
        self._left = Counter(nodes)
        self._since = dict.fromkeys(nodes, time.monotonic())

    def begun(self, node: Node) -> None:
        """A task has begun."""
        self._since.pop(node, None)

    def ended(self, node: Node) -> None:
        """A task has ended; the next one may begin."""
        self._since.pop(node, None)
        self._left[node] -= 1
        if self._left[node]:
            self._since[node] = time.monotonic()

    def wait(self) -> None:
        """Some time has passed."""
        now = time.monotonic()
        late = [node for node, since in self._since.items() if now - since >= SECONDS_OF_PATIENCE]
        if late:
            for node in late:
                del self._since[node]
            self._note(
                f"waiting for {', '.join(node.address for node in late)}: nobody else may use it meanwhile, "
                "and somebody does ('ray status' says what is claimed)"
            )
