"""Locks on a folder between processes, which go with the process that holds them.

The system's ``flock`` does the work. Some file systems of networks refuse it,
and others grant it to everybody: for the short while of a read-modify-write a
file that only one process can create stands beside it. Nothing stays behind
but after a kill, and then the next process takes it away.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]  # such a system has no flock, and the functions say what they then do

LOCK_FILE = ".mnistbench.lock"

HELD_FILE = ".mnistbench.held"
"""Lies in a folder while it is held for long: NFS keeps locks on a folder to one machine, and carries those on files.

What a killed process has left is no lock; the next holder takes it away.
"""

SECONDS_UNTIL_STALE = 10.0
"""A lock file that stays the same for so long was left behind: what it guards takes some milliseconds."""

UNKNOWN_PLACE = "?"

_SECONDS_BETWEEN_LOOKS = 0.01
_LONGEST_TOKEN = 200
_FREE = "free"


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold an exclusive lock on a folder between processes, for read-modify-write on a file in it.

    Works where ``flock`` is missing, refused or of no effect too, by a file. Not
    for long work: whoever waits takes the lock of one who holds it too long.

    Raises:
        OSError: When the folder cannot be opened or written.
    """
    with _flocked(folder), held_by_file(folder):
        yield


@contextlib.contextmanager
def held_by_file(folder: Path) -> Iterator[None]:
    """As :func:`locked`, but without ``flock``: for who holds the folder by :func:`locked_if_free` already.

    Raises:
        OSError: When the folder cannot be written.
    """
    with _file_held(folder / LOCK_FILE):
        yield


@contextlib.contextmanager
def locked_if_free(folder: Path) -> Iterator[bool]:
    """An exclusive lock by ``flock`` alone, without waiting; gives whether it is held now, which nobody else then does.

    For long work. The folder is locked, and a file in it where one can be written.
    Where the system or the file system has no ``flock``, everybody is given it.

    Raises:
        OSError: When the folder cannot be opened.
    """
    if fcntl is None:
        yield True
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if _flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB):
            with _file_flocked(folder / HELD_FILE) as ours:
                yield ours
        else:
            yield False
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _file_flocked(file: Path) -> Iterator[bool]:
    """Hold a file that is there meanwhile; whether nobody else does. Where none can be written, nobody does."""
    while True:
        try:
            descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)  # NFS locks only what is open for writing
        except OSError:
            yield True
            return
        try:
            ours = _flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if ours and not _is_still(file, descriptor):
                continue  # whoever held it has taken it away; the next one may have made another
            try:
                yield ours
            finally:
                if ours:
                    with contextlib.suppress(OSError):
                        file.unlink()
            return
        finally:
            os.close(descriptor)


def _is_still(file: Path, descriptor: int) -> bool:
    """Whether a name means the open file, or nobody can say."""
    try:
        return os.path.samestat(os.stat(file), os.fstat(descriptor))
    except FileNotFoundError:
        return False
    except OSError:
        return True


def is_locked(folder: Path) -> bool:
    """Whether a living process holds :func:`locked` or :func:`locked_if_free` on a folder.

    ``False`` where the system has no ``flock``. Asking takes a shared lock for a
    moment, in which :func:`locked_if_free` of another process finds the folder held.
    """
    return fcntl is not None and any(map(_is_flocked, (folder, folder / HELD_FILE)))


def _is_flocked(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        return not _flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _flocked(folder: Path) -> Iterator[None]:
    if fcntl is None:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _flock(descriptor: int, operation: int) -> bool:
    """Take a lock; whether nobody else holds it. Where the file system has no locks, nobody does."""
    try:
        fcntl.flock(descriptor, operation)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


@contextlib.contextmanager
def _file_held(file: Path) -> Iterator[None]:
    """Be the one who has created a file; wait for whoever has, but not for the dead."""
    token = f"{os.getpid()} {place()} {secrets.token_hex(8)}"
    seen, since = "", time.monotonic()
    while not _create(file, token):
        holder = _read(file)
        if holder != seen:
            seen, since = holder, time.monotonic()
        if _is_dead(holder) or time.monotonic() - since > SECONDS_UNTIL_STALE:
            _take_away(file, holder)
        else:
            time.sleep(_SECONDS_BETWEEN_LOOKS)
    try:
        yield
    finally:
        # Only one's own: another may have taken it for stale.
        if _read(file) == token:
            _let_go(file)


def _create(file: Path, token: str) -> bool:
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    except FileExistsError:
        return False
    except PermissionError:
        # Windows says so of a file that is just being removed.
        if os.name == "nt" and file.exists():
            return False
        raise
    try:
        os.write(descriptor, token.encode())
    except OSError as error:
        _let_go(file)
        error.filename = str(file.parent)
        raise
    finally:
        os.close(descriptor)
    return True


def _let_go(file: Path) -> None:
    try:
        file.unlink()
    except OSError:
        # A folder that lets nothing be removed may still let the file say so.
        with contextlib.suppress(OSError), file.open("wb") as stream:
            stream.write(_FREE.encode())


def _read(file: Path) -> str:
    """Who holds it; nothing where the file is gone or not written yet."""
    try:
        with file.open("rb") as stream:
            return stream.read(_LONGEST_TOKEN).decode(errors="replace")
    except OSError:
        return ""


def place() -> str:
    """Within which a number means one process: this start of this machine, and its name space.

    :data:`UNKNOWN_PLACE` where the system does not say.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{os.readlink('/proc/self/ns/pid')}"
    except (OSError, ValueError):
        return UNKNOWN_PLACE


def is_process_gone(number: int) -> bool:
    """Whether no process of this very place has a number."""
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def _is_dead(holder: str) -> bool:
    """Whether it was let go, or a process of this very place has left it behind."""
    if holder == _FREE:
        return True
    number, _, rest = holder.partition(" ")
    of = rest.partition(" ")[0]
    if of != place() or of == UNKNOWN_PLACE or not number.isdecimal():
        return False
    return is_process_gone(int(number))


def _take_away(file: Path, holder: str) -> None:
    """Remove the lock that was seen, and give it back if another one stood there by now."""
    # So called, it is swept with other temporary files, should it stay behind.
    aside = file.with_name(f"{file.name}.{secrets.token_hex(8)}.mnistbench.tmp")
    try:
        os.rename(file, aside)
    except FileNotFoundError:
        return
    if _read(aside) != holder:
        with contextlib.suppress(OSError):
            os.link(aside, file)
    with contextlib.suppress(OSError):
        aside.unlink()
