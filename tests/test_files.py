from __future__ import annotations

import errno
import hashlib
import os
import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from mnistbench import __file__ as package_file
from mnistbench import files
from mnistbench.files import atomic_write, sha256_of, sweep, temporary_name

ROOT = Path(package_file).parent.parent
OLD, NEW = b"old" * 1000, b"new!" * 50_000

# A child that kills itself, as if by kill -9 or a power cut, just before its N-th step of writing; the
# content is written in two halves, so that it can also die between them.
KILLED = """
import builtins, os, signal, sys
from pathlib import Path
from mnistbench import files

steps = 0

def deadly(function):
    def step(*args, **kwargs):
        global steps
        steps += 1
        if steps == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)
    return step

def open_deadly(*args):
    stream = builtins.open(*args, buffering=0)
    write = deadly(stream.write)

    class Stream:
        fileno, flush = stream.fileno, staticmethod(deadly(stream.flush))

        def __enter__(self):
            return self

        def __exit__(self, *error):
            stream.close()

        def write(self, content):
            half = len(content) // 2
            write(content[:half])
            write(content[half:])

    return Stream()

files.open = deadly(open_deadly)
for name in ("fsync", "replace", "open", "close"):
    setattr(os, name, deadly(getattr(os, name)))
files.atomic_write(Path(sys.argv[1]), b"new!" * 50_000)
"""

WRITER = """
import sys
import time
from pathlib import Path
from mnistbench.files import atomic_write

for _ in range(25):
    atomic_write(Path(sys.argv[1]), sys.argv[2].encode() * 50_000)
"""


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "result.json"
    path.write_bytes(OLD)
    return path


def test_a_file_is_written_into_folders_that_are_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "result.json"
    atomic_write(path, NEW)
    assert path.read_bytes() == NEW
    assert names(path.parent) == ["result.json"]


@pytest.mark.parametrize("content", [b"", b"x", NEW])
def test_a_file_is_replaced(target: Path, content: bytes) -> None:
    atomic_write(target, content)
    assert target.read_bytes() == content
    assert names(target.parent) == ["result.json"]


def test_a_bare_name_is_written_to_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    atomic_write(Path("here"), NEW)
    assert (tmp_path / "here").read_bytes() == NEW


class Failing:
    """A stream that fails at one of its methods, after half of the content where that is ``write``."""

    def __init__(self, stream: BinaryIO, failing: str, error: BaseException) -> None:
        self.stream, self.failing, self.error = stream, failing, error

    def __enter__(self) -> Failing:
        return self

    def __exit__(self, *_: object) -> None:
        self.stream.close()
        self.step("close")

    def step(self, name: str) -> None:
        if name == self.failing:
            raise self.error

    def write(self, content: bytes) -> None:
        half = len(content) // 2
        self.stream.write(content[:half])
        self.step("write")
        self.stream.write(content[half:])

    def flush(self) -> None:
        self.step("flush")
        self.stream.flush()

    def fileno(self) -> int:
        return self.stream.fileno()


@pytest.mark.parametrize("failing", ["open", "write", "flush", "close", "fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_step_that_fails_leaves_the_old_file_and_nothing_else(
    target: Path, monkeypatch: pytest.MonkeyPatch, failing: str, error: BaseException
) -> None:
    def fail(*_: object) -> Any:
        raise error

    def open_failing(path: Path, mode: str) -> Failing:
        return fail() if failing == "open" else Failing(open(path, mode), failing, error)

    with monkeypatch.context() as patch:
        if failing in ("fsync", "replace"):
            patch.setattr(files.os, failing, fail)
        else:
            patch.setattr(files, "open", open_failing, raising=False)
        with pytest.raises(type(error)) as caught:
            atomic_write(target, NEW)
    assert caught.value is error
    assert target.read_bytes() == OLD
    assert names(target.parent) == ["result.json"]


def test_a_failure_while_tidying_up_does_not_hide_the_first(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def gone(*_: object) -> None:
        raise OSError(errno.EIO, "the disk is gone")

    monkeypatch.setattr(files.os, "fsync", full)
    monkeypatch.setattr(Path, "unlink", gone)
    with pytest.raises(OSError, match="No space left"):
        atomic_write(target, NEW)
    assert target.read_bytes() == OLD


def test_the_temporary_file_is_hidden_unique_and_opened_exclusively(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[Path, str]] = []

    def spy(path: Path, mode: str) -> BinaryIO:
        seen.append((path, mode))
        return open(path, mode)

    monkeypatch.setattr(files, "open", spy, raising=False)
    for _ in range(2):
        atomic_write(target, NEW)
    (first, mode), (second, _) = seen
    assert mode == "xb"
    assert first != second
    assert all(path.parent == target.parent for path in (first, second))
    assert all(re.fullmatch(r"\.result\.json\.[0-9a-f]{16}\.mnistbench\.tmp", path.name) for path in (first, second))


def test_a_temporary_file_of_someone_else_is_not_written_to(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files.secrets, "token_hex", lambda size: "0" * 2 * size)
    other = target.parent / ".result.json.0000000000000000.mnistbench.tmp"
    outside = target.parent / "outside"
    outside.write_bytes(OLD)
    # A link that was put there on purpose is not followed either.
    other.symlink_to(outside)
    with pytest.raises(FileExistsError):
        atomic_write(target, NEW)
    assert outside.read_bytes() == target.read_bytes() == OLD


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
@pytest.mark.parametrize("exists", [True, False])
def test_a_link_stays_a_link_and_what_it_points_to_is_written(tmp_path: Path, exists: bool) -> None:
    (tmp_path / "elsewhere").mkdir()
    real = tmp_path / "elsewhere" / "real.json"
    if exists:
        real.write_bytes(OLD)
    link = tmp_path / "link.json"
    link.symlink_to(real)
    atomic_write(link, NEW)
    assert link.is_symlink()
    assert real.read_bytes() == NEW
    assert names(tmp_path) == ["elsewhere", "link.json"]
    assert names(real.parent) == ["real.json"]


@pytest.mark.parametrize("name", ["n" * 255, "n" * 250 + ".json", "\u5b57" * 80])
def test_as_long_a_name_as_the_system_takes_can_be_written(tmp_path: Path, name: str) -> None:
    atomic_write(tmp_path / name, NEW)
    assert names(tmp_path) == [name]


@pytest.mark.parametrize("room", [0, 1, 4096, 100_000, len(NEW) - 1])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(target: Path, room: int) -> None:
    resource = pytest.importorskip("resource", reason="this system cannot limit a file's size")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            atomic_write(target, NEW)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert target.read_bytes() == OLD
    assert names(target.parent) == ["result.json"]


def test_a_folder_that_cannot_be_synced_is_no_failure(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> int:
        raise PermissionError(errno.EACCES, "no folder can be opened here")

    # As on Windows.
    monkeypatch.setattr(files.os, "open", fail)
    atomic_write(target, NEW)
    assert target.read_bytes() == NEW


def test_a_folder_in_the_way_is_an_error_and_stays(tmp_path: Path) -> None:
    (tmp_path / "result.json").mkdir()
    with pytest.raises(OSError, match="directory"):
        atomic_write(tmp_path / "result.json", NEW)
    assert names(tmp_path) == ["result.json"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes there")
@pytest.mark.parametrize("linked", [False, True])
def test_what_is_no_file_is_never_replaced_by_one(tmp_path: Path, linked: bool) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    target = tmp_path / "link" if linked else pipe
    if linked:
        target.symlink_to(pipe)
    before = names(tmp_path)
    with pytest.raises(OSError, match="a device or a pipe") as caught:
        atomic_write(target, NEW)
    assert caught.value.filename == str(pipe)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert names(tmp_path) == before


@pytest.mark.skipif(not Path("/dev/null").exists(), reason="no such device there")
def test_a_device_is_refused_before_anything_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    def replaced(*_: object) -> None:
        raise AssertionError("it was about to be replaced")

    monkeypatch.setattr(files.os, "replace", replaced)
    with pytest.raises(OSError, match="a device or a pipe"):
        atomic_write(Path("/dev/null"), NEW)


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL there")
def test_a_kill_at_any_step_leaves_the_old_or_the_new_file(target: Path) -> None:
    seen = []
    for step in range(1, 20):
        target.write_bytes(OLD)
        done = subprocess.run([sys.executable, "-c", KILLED, str(target), str(step)], cwd=ROOT, check=False)
        seen.append(target.read_bytes())
        assert seen[-1] in (OLD, NEW)
        # What a killed writer leaves behind is hidden and bears no name that a reader looks for.
        left = [name for name in names(target.parent) if name != "result.json"]
        assert all(re.fullmatch(r"\.result\.json\.[0-9a-f]{16}\.mnistbench\.tmp", name) for name in left)
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL
    assert done.returncode == 0
    # Open, two halves, flush, two syncs, rename, and the folder's open and close: each had its turn.
    assert len(seen) == 10
    assert seen[0] == OLD
    assert seen[-1] == NEW
    assert seen == sorted(seen, key=lambda content: content == NEW)


def test_two_writers_at_once_both_succeed_and_no_reader_sees_half(target: Path) -> None:
    whole = {OLD, b"a" * 50_000, b"b" * 50_000}
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(target), letter], cwd=ROOT) for letter in ("a", "b")]
    try:
        while any(writer.poll() is None for writer in writers):
            assert target.read_bytes() in whole
    finally:
        codes = [writer.wait() for writer in writers]
    assert codes == [0, 0]
    assert target.read_bytes() in whole - {OLD}
    assert names(target.parent) == ["result.json"]


@pytest.mark.skipif(sys.platform == "win32", reason="no umask there")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o077, 0o600), (0o000, 0o666)])
def test_a_file_is_for_everyone_the_umask_lets_in(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        atomic_write(tmp_path / "result.json", NEW)
        after = os.umask(umask)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "result.json").stat().st_mode) == mode
    assert after == umask


@pytest.mark.parametrize("content", [b"", b"abc", NEW])
def test_the_hash_of_a_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    assert sha256_of(path) == hashlib.sha256(content).hexdigest()


def test_the_hash_of_abc_is_the_standards(tmp_path: Path) -> None:
    # FIPS 180-2, appendix B.1.
    (tmp_path / "abc").write_bytes(b"abc")
    assert sha256_of(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_file_that_is_not_there_has_no_hash(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        sha256_of(tmp_path / "absent")


def left_behind(folder: Path, name: str, *, age: float) -> Path:
    path = folder / temporary_name(name)
    path.write_bytes(b"half")
    past = time.time() - age
    os.utime(path, (past, past))
    return path


def test_what_a_killed_writer_left_is_swept_after_an_hour_and_nothing_else(tmp_path: Path) -> None:
    old, young = left_behind(tmp_path, "a", age=3700), left_behind(tmp_path, "b", age=3000)
    future = left_behind(tmp_path, "c", age=-90_000)
    tree = tmp_path / temporary_name("kit")
    (tree / "deep").mkdir(parents=True)
    os.utime(tree, (1, 1))
    others = [tmp_path / name for name in (".a.0123456789abcdef.tmp", "a.0123456789abcdef.mnistbench.tmp", ".x.tmp")]
    for other in others:
        other.write_bytes(b"of somebody else")
        os.utime(other, (1, 1))
    atomic_write(tmp_path / "new", NEW)
    assert not old.exists()
    assert not tree.exists()
    assert all(path.exists() for path in (young, future, *others))


def test_a_folder_is_swept_once_a_process(tmp_path: Path) -> None:
    atomic_write(tmp_path / "new", NEW)
    old = left_behind(tmp_path, "a", age=3700)
    atomic_write(tmp_path / "new", NEW)
    assert old.exists()
    sweep(tmp_path)
    assert not old.exists()
    sweep(tmp_path / "absent")


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_sweeping_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    link = tmp_path / temporary_name("a")
    link.symlink_to(tmp_path / "precious")
    os.utime(link, (1, 1), follow_symlinks=False)
    sweep(tmp_path)
    assert names(tmp_path) == ["precious"]
