from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from mnistbench.measure.load.workers import run_workers

PATIENCE = 60.0
"""Seconds after which a barrier gives up; reached only when the test fails."""


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


def test_a_single_worker_is_the_calling_thread() -> None:
    seen: list[threading.Thread] = []
    run_workers(lambda: seen.append(threading.current_thread()), 1, lambda: None)
    assert seen == [threading.current_thread()]


def test_workers_run_at_the_same_time() -> None:
    # Nobody passes before all four are there.
    barrier = threading.Barrier(4)
    passed: list[int] = []
    run_workers(lambda: passed.append(barrier.wait(PATIENCE)), 4, lambda: None)
    assert sorted(passed) == [0, 1, 2, 3]


@pytest.mark.parametrize("count", [1, 3])
def test_an_exception_reaches_the_caller_after_all_have_ended(count: int) -> None:
    stopped = threading.Event()
    turns = iter(range(count))
    lock = threading.Lock()
    ended: list[int] = []

    def work() -> None:
        with lock:
            turn = next(turns)
        if turn == 0:
            raise ValueError("the model fails")
        assert stopped.wait(PATIENCE)
        ended.append(turn)

    with pytest.raises(ValueError, match="the model fails"):
        run_workers(work, count, stopped.set)
    assert len(ended) == count - 1


def test_an_interrupted_wait_stops_the_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = threading.Event()
    join, joined = threading.Thread.join, []

    def interrupted(thread: threading.Thread, timeout: float | None = None) -> None:
        joined.append(thread)
        if len(joined) == 1:
            raise KeyboardInterrupt
        join(thread, timeout)

    monkeypatch.setattr(threading.Thread, "join", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_workers(lambda: None if stopped.wait(PATIENCE) else pytest.fail("never stopped"), 3, stopped.set)
    assert stopped.is_set()


def test_a_thread_that_cannot_start_stops_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = threading.Event()
    start, started = threading.Thread.start, []

    def refuse(thread: threading.Thread) -> None:
        if len(started) == 2:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(RuntimeError, match="can't start"):
        run_workers(lambda: None if stopped.wait(PATIENCE) else pytest.fail("never stopped"), 3, stopped.set)
    assert len(started) == 2
