"""What went through a system, query by query: gathered by several threads, then put in order.

Knows nothing of when queries are sent.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from mnistbench.measure.load.timer import NANO

Call = Callable[[int], Any]
"""A query to the system: gets its number, from 0, and returns the answer. Several threads may call it at once."""

StopReason = Literal["duration", "time", "count", "overload"]

QUEUED = -1
"""In place of the lateness of a query that no worker was free for."""


@dataclass(frozen=True)
class Traffic:
    """Every query that was answered, in the order of issue."""

    latency_seconds: tuple[float, ...]
    """From the query's moment to its answer."""
    lateness_seconds: tuple[float, ...]
    """How long after its moment a query began that a worker waited for; one number for each such query."""
    duration_seconds: float
    """From the start to the last answer."""
    stop_reason: StopReason
    answers: tuple[tuple[int, Any], ...] = ()
    """Numbers and answers of some queries, spread over all of them, see :func:`is_kept`."""


class Notes:
    """One worker's notes; made quickly, since the next query may be waiting."""

    def __init__(self) -> None:
        self.numbers = array("q")
        self.answers: list[tuple[int, Any]] = []

    def add(self, index: int, latency: int, lateness: int, end: int, answer: Any) -> None:
        """Note an answered query; times are nanoseconds."""
        self.numbers.extend((index, latency, lateness, end))
        if is_kept(index):
            self.answers.append((index, answer))


def is_kept(index: int) -> bool:
    """Whether a query's answer is kept to be compared afterwards.

    All of the first 256, then some 64 to 85 in every doubling of the number. The
    distance is odd, so that each of 2, 4, 8 or 16 inputs has its turn.
    """
    return index % ((1 << max(1, index.bit_length() - 7)) - 1) == 0


def merge(notes: Sequence[Notes], start: int, reason: StopReason) -> Traffic:
    """The notes of all workers as one account.

    Args:
        notes: One a worker.
        start: When the run began, in the clock's nanoseconds.
        reason: Why it ended.
    """
    table = np.concatenate([np.asarray(one.numbers, dtype=np.int64).reshape(-1, 4) for one in notes])
    table = table[np.argsort(table[:, 0], kind="stable")]
    # A clock that was set back never makes a time negative.
    latency = np.maximum(table[:, 1], 0) / NANO
    lateness = table[:, 2][table[:, 2] != QUEUED] / NANO
    duration = max(0, int(table[:, 3].max()) - start) / NANO if len(table) else 0.0
    answers = sorted((kept for one in notes for kept in one.answers), key=lambda kept: kept[0])
    return Traffic(tuple(latency.tolist()), tuple(lateness.tolist()), duration, reason, tuple(answers))
