from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mnistbench import __file__ as package_file
from mnistbench import locks
from mnistbench.locks import is_locked, locked, locked_if_free

ROOT = Path(package_file).parent.parent

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


@pytest.mark.skipif(locks.fcntl is None, reason="this system has no flock")
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


def test_without_flock_a_lock_does_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "fcntl", None)
    with locked(tmp_path), locked_if_free(tmp_path) as ours:
        assert ours
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(locks.fcntl is None, reason="this system has no flock")
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


@pytest.mark.skipif(locks.fcntl is None, reason="this system has no flock")
def test_it_shows_whether_a_folder_is_locked(tmp_path: Path) -> None:
    assert not is_locked(tmp_path)
    with locked(tmp_path):
        assert is_locked(tmp_path)
    assert not is_locked(tmp_path)
    assert not is_locked(tmp_path / "absent")
