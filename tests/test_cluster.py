"""A cluster that is only played: when its head falls silent, and when this machine is no part of it."""

from __future__ import annotations

import pytest

from mnistbench import cluster
from mnistbench.cluster import SECONDS_BETWEEN_LOOKS, SECONDS_WITHOUT_HEAD, Watch
from mnistbench.errors import ProcessError


class Played:
    """A clock, and what a look finds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.silent, self.cut_off, self.looks = 0.0, False, False, 0
        self.notes: list[str] = []
        monkeypatch.setattr(cluster.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(cluster, "silent_head", self.silent_head)
        monkeypatch.setattr(cluster, "is_cut_off", lambda _ray: self.cut_off)
        self.watch = Watch(None, self.notes.append, "go on")

    def silent_head(self, _ray: object) -> str | None:
        self.looks += 1
        return "10.0.0.1:6379" if self.silent else None

    def after(self, seconds: float) -> bool:
        self.now += seconds
        return self.watch.look()


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Played:
    return Played(monkeypatch)


def test_it_looks_at_once_and_then_now_and_then(played: Played) -> None:
    assert [played.after(seconds) for seconds in (0, 1, SECONDS_BETWEEN_LOOKS, 0)] == [True, False, True, False]
    assert played.looks == 2
    assert played.notes == []


def test_a_head_may_be_started_anew_and_is_told_of_once_each_time(played: Played) -> None:
    assert played.after(0)
    for _ in range(2):
        played.silent = True
        assert not played.after(SECONDS_BETWEEN_LOOKS)
        assert not played.after(SECONDS_WITHOUT_HEAD - SECONDS_BETWEEN_LOOKS)
        played.silent = False
        assert played.after(SECONDS_BETWEEN_LOOKS)
    assert played.notes == ["the head of the cluster, 10.0.0.1:6379, does not answer"] * 2


def test_a_head_that_stays_away_is_an_error(played: Played) -> None:
    played.silent = True
    assert not played.after(0)
    with pytest.raises(ProcessError, match=r"10\.0\.0\.1:6379, is gone; start it again, and go on"):
        played.after(SECONDS_WITHOUT_HEAD)


def test_a_machine_that_is_cut_off_is_an_error(played: Played) -> None:
    assert played.after(0)
    played.cut_off = True
    with pytest.raises(ProcessError, match="no longer part of the cluster; once it is, go on"):
        played.after(SECONDS_BETWEEN_LOOKS)
