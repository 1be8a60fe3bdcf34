from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mnistbench import __file__ as package_file
from mnistbench import locks
from mnistbench.locks import is_locked, locked, locked_if_free

fcntl = locks.fcntl
ROOT = Path(package_file).parent.parent
posix = pytest.mark.skipif(fcntl is None, reason="this system has no flock")

# Adds one to the number in a file, many times: reads, waits, writes.
COUNTER = """
import sys
from pathlib import Path
from mnistbench.files import atomic_write
from mnistbench.locks import locked

path = Path(sys.argv[1])
for _ in range(50):
    with locked(path.parent):
        atomic_write(path, str(int(path.read_text()) + 1).encode())
"""


@posix
def test_a_lock_keeps_two_processes_from_losing_each_others_changes(tmp_path: Path) -> None:
    path = tmp_path / "count"
    path.write_text("0")
    counters = [subprocess.Popen([sys.executable, "-c", COUNTER, str(path)], cwd=ROOT) for _ in range(2)]
    assert [counter.wait() for counter in counters] == [0, 0]
    assert path.read_text() == "100"


def test_a_lock_is_let_go_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyError), locked(tmp_path):
        raise KeyError
    with locked(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


@posix
def test_a_lock_that_another_holds_is_not_waited_for(tmp_path: Path) -> None:
    with locked_if_free(tmp_path) as ours:
        assert ours
        assert is_locked(tmp_path)
        with locked_if_free(tmp_path) as second:
            assert not second
        assert is_locked(tmp_path)
    with pytest.raises(KeyError), locked_if_free(tmp_path):
        raise KeyError
    assert not is_locked(tmp_path)


@posix
def test_it_shows_whether_a_folder_is_locked(tmp_path: Path) -> None:
    assert not is_locked(tmp_path)
    with locked(tmp_path):
        assert is_locked(tmp_path)
    assert not is_locked(tmp_path)
    assert not is_locked(tmp_path / "absent")


class Flock:
    """A system whose locks do nothing, or are refused."""

    LOCK_EX = LOCK_SH = LOCK_NB = 0

    def __init__(self, error: OSError | None) -> None:
        self.error = error

    def flock(self, _descriptor: int, _operation: int) -> None:
        if self.error is not None:
            raise self.error


def most_inside(lock: Callable[[], AbstractContextManager[bool | None]], times: int) -> int:
    """How many of four threads have held a lock at once, which each asks for so often."""
    inside = most = 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(times):
            with lock() as ours:
                if ours is not False:
                    inside += 1
                    most = max(most, inside)
                    time.sleep(0.001)
                    inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return most


BROKEN = [None, Flock(None), Flock(OSError(errno.ENOLCK, "no locks")), Flock(OSError(errno.EOPNOTSUPP, "none here"))]


@pytest.mark.parametrize("flock", BROKEN, ids=["missing", "without effect", "no locks", "not supported"])
def test_a_file_locks_where_flock_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flock: Any) -> None:
    monkeypatch.setattr(locks, "fcntl", flock)
    assert most_inside(lambda: locked(tmp_path), times=20) == 1
    with locked_if_free(tmp_path) as ours:
        assert ours
    assert list(tmp_path.iterdir()) == []


def dead_process() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


@pytest.mark.skipif(not Path("/proc/self/ns/pid").exists(), reason="tells processes apart by /proc")
def test_a_lock_of_a_dead_process_is_taken_at_once_and_one_of_the_living_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(locks, "time", SimpleNamespace(monotonic=lambda: sum(waits), sleep=waits.append))
    file = tmp_path / locks.LOCK_FILE
    for holder in (f"{dead_process()} {locks.place()} abc", "free"):
        file.write_text(holder)
        with locked(tmp_path):
            assert file.read_text().startswith(f"{os.getpid()} ")
        assert waits == []
    for holder in (f"{os.getpid()} {locks.place()} abc", "1 elsewhere abc", "", "nonsense", "\0" * 900):
        file.write_text(holder)
        with locked(tmp_path):
            assert locks.SECONDS_UNTIL_STALE <= sum(waits) <= locks.SECONDS_UNTIL_STALE + 1
        waits.clear()
    assert list(tmp_path.iterdir()) == []


def test_whose_lock_was_taken_for_stale_leaves_the_new_holders_alone(tmp_path: Path) -> None:
    file = tmp_path / locks.LOCK_FILE
    with locked(tmp_path):
        file.write_text("another")
    assert file.read_text() == "another"


def test_a_lock_that_changed_hands_is_given_back(tmp_path: Path) -> None:
    file = tmp_path / locks.LOCK_FILE
    file.write_text("new holder")
    locks._take_away(file, "old holder")
    assert file.read_text() == "new holder"
    locks._take_away(file, "new holder")
    locks._take_away(file, "new holder")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="nothing is forbidden there")
def test_a_folder_that_cannot_be_written_cannot_be_locked(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError), locked(tmp_path):
        pass


class LocalToFolders(Flock):
    """NFS: locks on a folder stay on one machine, so that others are given them too; those on files do not."""

    def __init__(self) -> None:
        super().__init__(None)
        self.LOCK_EX, self.LOCK_SH, self.LOCK_NB = fcntl.LOCK_EX, fcntl.LOCK_SH, fcntl.LOCK_NB

    def flock(self, descriptor: int, operation: int) -> None:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            fcntl.flock(descriptor, operation)


@pytest.fixture
def nfs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "fcntl", LocalToFolders())


@posix
@pytest.mark.usefixtures("nfs")
def test_a_file_in_the_folder_locks_where_the_folder_itself_does_not(tmp_path: Path) -> None:
    with locked_if_free(tmp_path) as ours:
        assert ours
        assert is_locked(tmp_path)
        with locked_if_free(tmp_path) as second:
            assert not second
        assert is_locked(tmp_path)
    assert not is_locked(tmp_path)
    assert list(tmp_path.iterdir()) == []


@posix
@pytest.mark.usefixtures("nfs")
def test_a_file_that_a_killed_process_left_locks_nothing_and_goes(tmp_path: Path) -> None:
    (tmp_path / locks.HELD_FILE).touch()
    assert not is_locked(tmp_path)
    with locked_if_free(tmp_path) as ours:
        assert ours
    assert list(tmp_path.iterdir()) == []


@posix
@pytest.mark.usefixtures("nfs")
@pytest.mark.parametrize("made_anew", [True, False])
def test_a_file_that_was_taken_away_before_it_was_locked_is_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made_anew: bool
) -> None:
    file, plain, taken = tmp_path / locks.HELD_FILE, locks._flock, []

    def late(descriptor: int, operation: int) -> bool:
        if not taken and not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            taken.append(file)
            file.unlink()
            if made_anew:
                file.touch()
        return plain(descriptor, operation)

    monkeypatch.setattr(locks, "_flock", late)
    with locked_if_free(tmp_path) as ours:
        assert ours
        with locked_if_free(tmp_path) as second:
            assert not second
    assert list(tmp_path.iterdir()) == []


@posix
@pytest.mark.usefixtures("nfs")
def test_many_that_come_and_go_are_never_two_at_once(tmp_path: Path) -> None:
    assert most_inside(lambda: locked_if_free(tmp_path), times=300) == 1
    assert list(tmp_path.iterdir()) == []


@posix
@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_where_no_file_can_be_written_the_folder_alone_is_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    plain = os.open

    def refuse(path: Any, flags: int, *rest: Any) -> int:
        if flags & os.O_CREAT:
            raise OSError(code, os.strerror(code), str(path))
        return plain(path, flags, *rest)

    monkeypatch.setattr(locks.os, "open", refuse)
    with locked_if_free(tmp_path) as ours:
        assert ours
        with locked_if_free(tmp_path) as second:
            assert not second
    assert not is_locked(tmp_path)
